"""docs/operations.md quotes our messages letter for letter, and every row names a test that is there."""

import re
from pathlib import Path

from tests.unit.test_railway_guide import said

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "operations.md"
# What SQLite says, and not we.
SQLITES = {"disk I/O error"}
ROW = re.compile(r"^\| (?!you see|---)(.*?) \| .*? \| .*? \| `(.*?)` \|$", re.MULTILINE)


def test_it_quotes_our_messages_letter_for_letter() -> None:
    rows = [row for row, _ in ROW.findall(GUIDE.read_text())]
    shutdown = GUIDE.read_text().split("## Shutting down")[1]
    quoted = [message for part in (*rows, shutdown) for message in re.findall(r"`([^`]+)`", part) if " " in message]
    assert len(rows) > 15
    assert len(quoted) > 15
    ours = said()
    pieces = [piece.strip(" ():,") for message in quoted for piece in re.split("…|: ", message.replace("\n", " "))]
    assert [piece for piece in pieces if piece not in ours and piece not in SQLITES] == []


def test_every_test_that_it_names_is_there() -> None:
    named = set(re.findall(r"`(tests/[^`]+)`", GUIDE.read_text()))
    assert {test for _, test in ROW.findall(GUIDE.read_text())} <= named
    assert [test for test in sorted(named) if not (ROOT / test).is_file()] == []


def test_every_setting_that_it_names_is_listed() -> None:
    named = set(re.findall(r"\b(?:MAX|RUN|IDLE|SHUTDOWN)_[A-Z_]+\b", GUIDE.read_text()))
    listed = (ROOT / "docs" / "settings.md").read_text()
    assert named
    assert {name for name in named if f"| `{name}` |" not in listed} == set()
