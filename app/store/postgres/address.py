"""Where the database is: the URL that the driver gets, and what of it may be shown, which is never the password."""

import re
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from app.errors import DatabaseUnusable

SECRET = ("password", "sslpassword")


class Address:
    """`url` as in DATABASE_URL; `place` names the host, the port and the database, for logs and errors.

    raises  DatabaseUnusable, where it cannot be told which part of it is the password
    """

    def __init__(self, url: str) -> None:
        authority, rest = re.fullmatch(r"[^:]*://([^/?#]*)(.*)", url, re.DOTALL).groups()  # type: ignore[union-attr]
        if "@" in rest or authority.count("@") > 1:  # of two, the driver takes the first for the one before the host
            reason = "an @ is one too many: in a user, a password or a parameter, / ? # @ are written in per cent"
            raise DatabaseUnusable("of DATABASE_URL", reason)
        try:
            parts = urlsplit(url)
            ports = [each.rpartition(":")[2] for each in authority.rpartition("@")[2].split(",") if ":" in each]
            readable = all(port.isdecimal() or port.endswith("]") or not port for port in ports)
        except ValueError:
            readable = False
        if not readable:
            # What the parser says would show the whole of it.
            raise DatabaseUnusable("of DATABASE_URL", "it cannot be read as a URL")
        user, _, hosts = authority.rpartition("@")
        self.url = url
        self.place = f"{hosts or 'of this machine'}{parts.path}"
        found = [user.partition(":")[2], *(value for name, value in parse_qsl(parts.query) if name in SECRET)]
        forms = {form for each in found for form in (each, unquote(each), quote(unquote(each), safe=""))}
        self._secrets = sorted(filter(None, forms), key=len)

    def __repr__(self) -> str:
        return f"Address({self.place})"

    def without_secrets(self, text: str) -> str:
        """`text` as the driver or the server wrote it, with every form of the password taken out."""
        for secret in reversed(self._secrets):
            text = text.replace(secret, "***")
        return text
