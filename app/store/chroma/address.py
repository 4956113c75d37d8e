"""Where the Chroma server is: what DATABASE_URL says of it, and what of that may be shown, which is never the token."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from app.errors import DatabaseUnusable

PORTS = {"http": 80, "https": 443}
CLOUD = "trychroma.com"
KNOWN = ("tenant", "database")


@dataclass(frozen=True)
class Address:
    """host: without its port; path: where its API is, below a proxy, else empty; place: for logs and errors."""

    secure: bool
    host: str
    port: int
    path: str
    tenant: str
    database: str
    token: str | None = field(repr=False)

    @property
    def url(self) -> str:
        """Without anything secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{self.path}"

    @property
    def place(self) -> str:
        return f"{self.url} (tenant {self.tenant}, database {self.database})"

    @property
    def cloud(self) -> bool:
        return self.host == CLOUD or self.host.endswith(f".{CLOUD}")

    @property
    def headers(self) -> dict[str, str]:
        """How the token travels: Chroma Cloud has a header of its own, proxies before other servers want a bearer."""
        if self.token is None:
            return {}
        own = {"X-Chroma-Token": self.token}
        return own if self.cloud else {**own, "Authorization": f"Bearer {self.token}"}

    def without_secrets(self, text: str) -> str:
        """`text` as the client or the server wrote it, with the token taken out."""
        return text if self.token is None else text.replace(self.token, "***")


def read(url: str, token: str | None = None) -> Address:
    """https://:TOKEN@HOST:PORT/PATH?tenant=TENANT&database=DATABASE, of which all but the host may be left out.

    token   the one that counts where the URL has none
    raises  DatabaseUnusable, with what is wrong and never with the URL
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        named = parse_qsl(parts.query, strict_parsing=True) if parts.query else []
    except ValueError:
        raise _wrong("it cannot be read as a URL") from None
    if parts.username:
        raise _wrong("a user stands in it: a token is written as https://:TOKEN@host")
    if not parts.hostname or "@" in parts.path + parts.query + parts.fragment:
        raise _wrong("it names no host, or the token holds one of / ? # @ that is not written in per cent")
    unknown = [name for name, _ in named if name not in KNOWN]
    if unknown or parts.fragment:
        raise _wrong(f"it takes the parameters {' and '.join(KNOWN)} and no others")
    asked = dict(named)
    given = unquote(parts.password) if parts.password else token
    if given is not None and not (given.isascii() and given.isprintable()):
        raise _wrong("the token holds a character that no header can hold")
    return Address(
        secure=parts.scheme == "https",
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        path=parts.path.rstrip("/"),
        tenant=asked.get("tenant", "default_tenant"),
        database=asked.get("database", "default_database"),
        token=given or None,
    )


def _wrong(reason: str) -> DatabaseUnusable:
    return DatabaseUnusable("of DATABASE_URL", reason)
