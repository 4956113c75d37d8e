"""docs/answers.md tells every event, every field and every failure that there is, and its links lead somewhere."""

import re
from pathlib import Path
from typing import get_args

from app.answer.answer import AnswerKind
from app.api.answer import NAMES
from app.api.answer_schemas import Answer, AskRequest
from app.embedding.openai import PASSAGE_TOKENS, REQUEST_TEXTS, RETRIES
from app.embedding.remote import TEXT_TOKENS
from app.errors import RemoteKind

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "answers.md"
TEXT = GUIDE.read_text()


def first_cells(heading: str) -> list[str]:
    """What stands in backticks in the first column of the table that this begins."""
    table = TEXT.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return [name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])]


def test_every_event_is_told_in_its_order() -> None:
    assert first_cells("event") == [*NAMES.values(), "error"]


def test_every_failure_is_told() -> None:
    assert first_cells("kind") == list(get_args(RemoteKind))


def test_every_field_is_told() -> None:
    assert set(first_cells("field")) == set(AskRequest.model_fields)
    assert {name for name in Answer.model_fields if f"`{name}`" not in TEXT and f'"{name}"' not in TEXT} == set()
    assert {kind for kind in get_args(AnswerKind) if f"`{kind}`" not in TEXT} == set()


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"passages of {PASSAGE_TOKENS} estimated tokens" in TEXT
    assert f"{REQUEST_TEXTS} texts go in a request" in TEXT
    assert f"limit of {TEXT_TOKENS:,}" in TEXT
    assert RETRIES.most == 5


def test_its_links_and_settings_are_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", TEXT)
    assert links
    assert [link for link in links if not (GUIDE.parent / link).exists()] == []
    settings = (GUIDE.parent / "settings.md").read_text()
    named = set(re.findall(r"`((?:OPENAI|MAX|CACHE)_[A-Z_]+)", TEXT))
    assert {name for name in named if f"| `{name}` |" not in settings} == set()
