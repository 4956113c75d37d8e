"""Where the database is: the URL that the driver gets, and what of it may be shown, which is never the password."""

from urllib.parse import unquote, urlsplit


class Address:
    """`url` as in DATABASE_URL; `place` names the host, the port and the database, for logs and errors."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        hosts = parts.netloc.rpartition("@")[2] or "this machine"
        self.place = f"{hosts}{parts.path}"
        _, _, password = parts.netloc.rpartition("@")[0].partition(":")
        inside = [
            value
            for name, _, value in (each.partition("=") for each in parts.query.split("&"))
            if name in ("password", "sslpassword")
        ]
        self._secrets = sorted({each for one in (password, *inside) for each in (one, unquote(one)) if each}, key=len)

    def __repr__(self) -> str:
        return f"Address({self.place})"

    def without_secrets(self, text: str) -> str:
        """`text` as the driver or the server wrote it, with every form of the password taken out."""
        for secret in reversed(self._secrets):
            text = text.replace(secret, "***")
        return text
