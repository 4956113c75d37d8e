"""Keys in a file: what is read, what a change does, and what a slip in it does not do."""

import logging
import os
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from app.api.auth import Keys
from app.api.key_file import LOOK_EVERY_S, KeyFile
from app.errors import KeysUnreadable, Unauthorized


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys.txt"
    path.write_text("# the shop\nfirst-key\n\n  second-key  \n#old-key\n")
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opens(keys: Keys, key: str) -> bool:
    try:
        keys.check(Headers({"X-API-Key": key}))
    except Unauthorized:
        return False
    return True


def test_a_line_is_a_key_and_comments_are_none(path: Path, clock: Clock) -> None:
    assert KeyFile(path, clock).read() == ["first-key", "second-key"]
    keys = Keys(["given-key"], KeyFile(path, clock))
    assert [opens(keys, key) for key in ("given-key", "first-key", "second-key")] == [True] * 3
    assert not any(opens(keys, key) for key in ("old-key", "#old-key", "# the shop", "", "keys.txt"))


def test_a_change_counts_at_the_next_look_and_not_before(path: Path, clock: Clock) -> None:
    keys = Keys([], KeyFile(path, clock))
    path.write_text("third-key\n")
    clock.now_s = LOOK_EVERY_S - 0.01
    assert opens(keys, "first-key")
    clock.now_s = LOOK_EVERY_S
    assert not opens(keys, "first-key")
    assert opens(keys, "third-key")


def test_a_file_that_takes_the_place_of_another_counts(path: Path, clock: Clock) -> None:
    """As secrets are mounted: a link is turned to a new file, here one of the same length."""
    keys = Keys([], KeyFile(path, clock))
    other = path.with_suffix(".new")
    other.write_text(path.read_text().replace("first", "third"))
    other.replace(path)
    clock.now_s = LOOK_EVERY_S
    assert opens(keys, "third-key")
    assert not opens(keys, "first-key")


def test_a_file_written_anew_counts_whatever_time_it_is_given(path: Path, clock: Clock) -> None:
    """As some tools synchronise: in place, of one length, and with the time of before."""
    keys = Keys([], KeyFile(path, clock))
    before = path.stat()
    path.write_text(path.read_text().replace("first", "third"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    clock.now_s = LOOK_EVERY_S
    assert opens(keys, "third-key")
    assert not opens(keys, "first-key")


def test_a_pipe_is_no_file_and_is_not_waited_for(path: Path, clock: Clock) -> None:
    keys = Keys([], KeyFile(path, clock))
    path.unlink()
    os.mkfifo(path)
    clock.now_s = LOOK_EVERY_S
    assert opens(keys, "first-key")
    with pytest.raises(KeysUnreadable, match="is no file"):
        KeyFile(path, clock).read()


@pytest.mark.parametrize(
    "content", [b"", b"# first-key\n\n", b"first-key\n\xff\xfe", "first-key\nclé-key\n".encode(), None]
)
def test_a_slip_keeps_the_last_keys_and_is_logged_once_without_a_key(
    path: Path, clock: Clock, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    keys = Keys([], KeyFile(path, clock))
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    for _ in range(3):
        clock.now_s += LOOK_EVERY_S
        assert opens(keys, "first-key")
        assert not opens(keys, "wrong")
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "API_KEY_FILE" in record.getMessage()
    assert "-key" not in record.getMessage()
    path.write_text("mended-key\n")
    clock.now_s += LOOK_EVERY_S
    assert opens(keys, "mended-key")
    assert not opens(keys, "first-key")


@pytest.mark.parametrize("line", ["private-clé", "private key", "private\tkey", "private\x00"])
def test_a_line_that_no_request_could_bring_is_named_by_its_number(path: Path, line: str) -> None:
    path.write_text(f"# où\nfirst-key\n\n{line}\nprivate-last\n")
    with pytest.raises(KeysUnreadable, match=r"has no key in line 4 .*API_KEY_FILE") as refused:
        Keys([], KeyFile(path))
    assert "private" not in str(refused.value)


def test_the_mark_that_some_editors_begin_a_file_with_is_no_part_of_it(path: Path) -> None:
    path.write_text("first-key\n", encoding="utf-8-sig")
    assert opens(Keys([], KeyFile(path)), "first-key")


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff"])
def test_a_file_without_a_key_is_no_beginning(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(KeysUnreadable, match="API_KEY_FILE"):
        Keys([], KeyFile(path))
    with pytest.raises(KeysUnreadable, match="No such file"):
        Keys([], KeyFile(path.with_name("none")))
