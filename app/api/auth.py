"""Who may ask: a key in `Authorization: Bearer` or `X-API-Key`, compared in constant time."""

import hashlib
import hmac
from collections.abc import Sequence

from starlette.datastructures import Headers

from app.api.key_file import KeyFile
from app.errors import Unauthorized


class Keys:
    """The keys that open the service: those given, and those of a file as it is now. Without either it is open to all.

    Only digests are kept.

    raises  KeysUnreadable, where the file has no key to begin with
    """

    def __init__(self, keys: Sequence[str], file: KeyFile | None = None) -> None:
        self._given = [_digest(key) for key in keys]
        self._file = file
        self._digests = self._given + [_digest(key) for key in file.read()] if file else self._given

    def check(self, headers: Headers) -> None:
        """raises  Unauthorized, saying which header to send"""
        if self._file is not None and (changed := self._file.changed()) is not None:
            self._digests = self._given + [_digest(key) for key in changed]
        if not self._digests:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        if not given:
            raise Unauthorized("this service needs a key: send Authorization: Bearer <key>, or X-API-Key: <key>")
        digest = _digest(given)
        # Every key is compared, so that the time taken does not tell which one was near.
        if not sum(hmac.compare_digest(digest, known) for known in self._digests):
            raise Unauthorized("the key is not one that this service knows")


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
