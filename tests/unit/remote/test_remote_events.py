"""Server-sent events out of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import RemoteFailed
from app.remote.events import EventParser


def events(*chunks: bytes) -> list[str]:
    parser = EventParser(max_event_bytes=100)
    return [data for chunk in chunks for data in parser.feed(chunk)]


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"data: a\n\ndata: b\n\n", ["a", "b"]),
        (b"data:a\n\n", ["a"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
        (b"data: a\r\rdata: b\r\r\n", ["a", "b"]),
        (b": comment\n\nevent: x\nid: 1\ndata: a\ndata: b\n\n", ["a\nb"]),
        (b"data\n\ndata: \n\n", ["", ""]),
        (b"retry: 5\n\n\n\n", []),
        (b"data: never ended", []),
        (b"data: never ended\n", []),
    ],
)
def test_each_form(raw: bytes, found: list[str]) -> None:
    assert events(raw) == found
    assert events(*(raw[i : i + 1] for i in range(len(raw)))) == found


@given(
    st.lists(st.sampled_from([b"data: a", b"data: b", b": c", b"\r\n", b"\n", b"\n\n", b"\r\n\r\n", b" x"])), st.data()
)
def test_it_does_not_matter_where_the_bytes_are_cut(parts: list[bytes], data: st.DataObject) -> None:
    raw = b"".join(parts)[:90]
    cut = data.draw(st.integers(0, len(raw)))
    assert events(raw[:cut], raw[cut:]) == events(raw)


@pytest.mark.parametrize("raw", [b"data: " + b"x" * 101, b"data: xxxxxxxxxx\n" * 11])
def test_an_event_that_is_too_long_is_refused(raw: bytes) -> None:
    with pytest.raises(RemoteFailed, match="more than 100 bytes"):
        events(raw)


def test_what_is_no_utf8_is_refused() -> None:
    with pytest.raises(RemoteFailed, match="no UTF-8"):
        events(b"data: \xff\n\n")
