"""`python -m app export`: fetch a collection of a running service into a file, vectors included."""

import http.client
import os
import sys
import time
from pathlib import Path
from typing import BinaryIO

from app.commands.bar import Bar
from app.commands.service import Service, path_of
from app.errors import CommandFailed

PIECE_BYTES = 256 * 1024
SHOW_EVERY_S = 1.0


def main(*, collection: str, file: str, url: str) -> int:
    """The file is there once it is whole: until then it is FILE.part. `-` is standard output."""
    service = Service(url)
    service.begin("GET", path_of(collection, "/export"), {})
    response = service.answer(200)
    if file == "-":
        try:
            _copy(response, sys.stdout.buffer)
        except OSError as error:
            # Python would try once more as it ends, and say so:
            # https://docs.python.org/3/library/signal.html#note-on-sigpipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise CommandFailed(f"standard output cannot be written: {error.strerror or error}") from None
        return 0
    part = Path(f"{file}.part")
    try:
        with part.open("wb") as target:
            _copy(response, target)
            os.fsync(target.fileno())
        part.replace(file)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be written: {error.strerror or error}") from None
    return 0


def _copy(response: http.client.HTTPResponse, target: BinaryIO) -> None:
    bar, size, lines, shown_s = Bar(), 0, 0, time.monotonic()
    while piece := _read(response):
        target.write(piece)
        size += len(piece)
        lines += piece.count(b"\n")
        if time.monotonic() - shown_s >= SHOW_EVERY_S:
            bar.show(f"{lines - 1} documents, {size / 1e6:.1f} MB")
            shown_s = time.monotonic()
    target.flush()
    bar.say(f"{lines - 1} documents, {size / 1e6:.1f} MB")


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read1(PIECE_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise CommandFailed(f"the connection ended before the export did: {error}") from None
