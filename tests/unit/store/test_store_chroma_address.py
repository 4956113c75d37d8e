"""What DATABASE_URL says of a Chroma server, and that nothing secret of it is shown."""

import pytest

from app.errors import DatabaseUnusable
from app.store.chroma.address import read


def test_all_but_the_host_may_be_left_out() -> None:
    short = read("http://chroma")
    assert (short.url, short.tenant, short.database) == ("http://chroma:80", "default_tenant", "default_database")
    assert short.headers == {}
    whole = read("https://:a%2Fb@[::1]:8443/behind/proxy/?tenant=t&database=d")
    assert (whole.url, whole.tenant, whole.database) == ("https://[::1]:8443/behind/proxy", "t", "d")
    assert whole.headers == {"X-Chroma-Token": "a/b", "Authorization": "Bearer a/b"}
    assert "a/b" not in f"{whole} {whole.place}"
    assert whole.without_secrets("no token a/b here") == "no token *** here"


def test_chroma_cloud_has_a_header_of_its_own() -> None:
    assert read("https://api.trychroma.com", "t").headers == {"X-Chroma-Token": "t"}
    assert "Authorization" in read("https://nottrychroma.com", "t").headers


@pytest.mark.parametrize(
    "url",
    [
        "https://user:s3cret@host",
        "https://s3cret@host",
        "https://:s3cret",
        "https://:s3/cret@host",
        "https://:s3cret@host/x@y",
        "https://:s3cret@host:port",
        "https://:s3cret@host?tenant",
        "https://:s3cret@host?tenent=t",
        "https://:s3cret@host#part",
        "https://:s3cr%C3%A9t@host",
        "https://:s3cret@[::1",
    ],
)
def test_what_cannot_be_read_in_one_way_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(DatabaseUnusable, match="of DATABASE_URL") as refused:
        read(url)
    assert "s3" not in str(refused.value)
    assert refused.value.__cause__ is None
