"""A running service as the commands speak to it: HTTP, by the standard library alone."""

import http.client
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from app.errors import CommandFailed
from app.keys import A_KEY, between_commas, is_key, keys_in


class Service:
    """A connection to the service at `url`.

    The key is the environment's API_KEY, or the first in API_KEY_FILE, as where the service runs. There is no option
    for it: the list of processes would show it to every user of the machine.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CommandFailed(f"{url} is no address of a service: it starts with http:// or https://")
        if not re.fullmatch(r"[!-~]+", url):
            raise CommandFailed(f"{url!r} is no address of a service: what is not printable ASCII is escaped in one")
        try:
            port = parts.port
        except ValueError:
            raise CommandFailed(f"{url} is no address of a service: a port is a number from 0 to 65535") from None
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.url = url
        self.connection = connect(parts.hostname, port, timeout=300)
        self._root = parts.path.rstrip("/")
        key = _key()
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def begin(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Send a request's head; its body, where it has one, is the caller's to send."""
        try:
            self.connection.putrequest(method, self._root + path)
            for name, value in {**self._headers, **headers}.items():
                self.connection.putheader(name, value)
            self.connection.endheaders()
        except (OSError, http.client.HTTPException) as error:
            raise CommandFailed(f"{self.url} cannot be reached: {error}") from None

    def answer(self, *expected: int) -> http.client.HTTPResponse:
        """raises  CommandFailed, with what the service says, where the status is none of `expected`"""
        try:
            response = self.connection.getresponse()
            if response.status in expected:
                return response
            raw = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise CommandFailed(f"{self.url} did not answer: {error}") from None
        raise CommandFailed(f"{self.url} answered {response.status}: {_detail(raw)}")

    def put(self, path: str, body: Mapping[str, Any]) -> None:
        self._send("PUT", path, body)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON of the answer. raises CommandFailed"""
        try:
            return json.loads(self._send("POST", path, body))
        except ValueError:
            raise CommandFailed(f"{self.url} answered with what is no JSON") from None

    def _send(self, method: str, path: str, body: Mapping[str, Any]) -> bytes:
        raw = json.dumps(body).encode()
        self.begin(method, path, {"Content-Type": "application/json", "Content-Length": str(len(raw))})
        try:
            self.connection.send(raw)
            return self.answer(200, 201).read()
        except (OSError, http.client.HTTPException) as error:
            raise CommandFailed(f"{self.url} did not answer: {error}") from None


def _key() -> str:
    """raises  CommandFailed, where API_KEY_FILE cannot be read, or what should be a key is none"""
    given, file = between_commas(os.environ.get("API_KEY", "")), os.environ.get("API_KEY_FILE", "")
    if given and not is_key(given[0]):
        raise CommandFailed(f"API_KEY: {A_KEY}")
    if given or not file:
        return given[0] if given else ""
    try:
        return next(iter(keys_in(Path(file).read_text(encoding="utf-8"))), "")
    except (OSError, UnicodeDecodeError):
        raise CommandFailed(f"{file} (API_KEY_FILE) cannot be read as text") from None
    except ValueError as error:
        raise CommandFailed(f"{file} (API_KEY_FILE) {error}") from None


def path_of(collection: str, action: str = "") -> str:
    return f"/v1/collections/{quote(collection, safe='')}{action}"


def _detail(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["detail"])
    except (ValueError, KeyError, TypeError):
        return raw[:200].decode("utf-8", "replace")
