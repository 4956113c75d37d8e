"""`python -m app import`: send a file into a collection of a running service, and show how far it is."""

import http.client
import json
import os
import select
import socket
import ssl
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from app.commands.bar import Bar, counted
from app.commands.service import Service, path_of
from app.errors import CommandFailed

FORMATS = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "markdown": "text/markdown",
    "text": "text/plain",
}
ENDINGS = {".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".md": "markdown", ".markdown": "markdown"}
ENDINGS[".txt"] = "text"
PIECE_BYTES = 64 * 1024


def main(*, collection: str, file: str, url: str, format: str | None, create: bool) -> int:
    """returns  0 when every record is in, 1 when some were refused or the import ended early"""
    form = format or ENDINGS.get(Path(file).suffix.lower())
    if form is None:
        raise CommandFailed(f"{file}: say what it is with --format {'|'.join(FORMATS)}")
    try:
        source = sys.stdin.buffer if file == "-" else Path(file).open("rb")  # noqa: SIM115  closed below
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}") from None
    with source:
        if create:
            Service(url).put(path_of(collection), _space(source, form))
        return Upload(Service(url), Bar()).send(source, path_of(collection, "/import"), FORMATS[form])


def _space(source: BinaryIO, form: str) -> dict[str, Any]:
    """What to create the collection with: what an export's first line says, else nothing."""
    if form != "ndjson" or not source.seekable():
        return {}
    first = source.readline()
    source.seek(0)
    try:
        header = json.loads(first)["collection"]
        return {key: header[key] for key in ("model", "dimension", "distance", "metadata")}
    except (ValueError, KeyError, TypeError):
        return {}


class Upload:
    """One import. One thread does both: it sends, and between two pieces reads what has come back, since a TLS
    connection must not be used by two threads at once.
    """

    def __init__(self, service: Service, bar: Bar) -> None:
        self._service = service
        self._bar = bar
        self._response: http.client.HTTPResponse | None = None
        self._summary: dict[str, Any] | None = None

    def send(self, source: BinaryIO, path: str, media_type: str) -> int:
        length = _length(source)
        head = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
        self._service.begin("POST", path, {"Content-Type": media_type, **head})
        self._stream(source, framed=length is None)
        while self._read_line():
            pass
        self._bar.clear()
        if self._summary is None:
            raise CommandFailed("the connection ended before the import did: the same command again does the rest")
        text, _ = counted(self._summary)
        self._bar.say(f"{text}, {self._summary['elapsed_s']:.1f} s")
        return 0 if self._summary["complete"] and not self._summary["refused"] else 1

    def _stream(self, source: BinaryIO, *, framed: bool) -> None:
        """Send the body, up to its end or that of the connection: what the service says of that is still to be read."""
        connected: socket.socket = self._service.connection.sock
        for piece in _pieces(source, framed=framed):
            try:
                connected.sendall(piece)
            except OSError:
                return
            while _readable(connected):
                if not self._read_line():
                    return

    def _read_line(self) -> bool:
        """Read a line of the answer and show it; False at its end, also where it ends inside a line."""
        if self._response is None:
            self._response = self._service.answer(200)
        try:
            line = self._response.readline()
            event = json.loads(line) if line else {}
        except (OSError, http.client.HTTPException, ValueError):
            return False
        for kind, content in event.items():
            match kind:
                case "progress":
                    self._bar.show(*counted(content))
                case "refused":
                    self._bar.say(f"line {content['line']}: {content['reason']}")
                case "error":
                    self._bar.say(f"the import ended early: {content['detail']}")
                case "summary":
                    self._summary = content
        return bool(line)


def _length(source: BinaryIO) -> int | None:
    """Bytes that are left of a regular file; None for a pipe."""
    status = os.fstat(source.fileno())
    return status.st_size - source.tell() if stat.S_ISREG(status.st_mode) else None


def _pieces(source: BinaryIO, *, framed: bool) -> Iterator[bytes]:
    """The file piece by piece, each as a chunk of HTTP where the length is not known beforehand."""
    while piece := source.read(PIECE_BYTES):
        yield b"%x\r\n%s\r\n" % (len(piece), piece) if framed else piece
    if framed:
        yield b"0\r\n\r\n"


def _readable(connected: socket.socket) -> bool:
    if isinstance(connected, ssl.SSLSocket) and connected.pending():
        return True
    return bool(select.select([connected], [], [], 0)[0])
