"""docs/railway.md quotes what the service and its build say letter for letter, and links to what is there."""

import ast
import os
import re
from pathlib import Path

from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "railway.md"


def said() -> str:
    """Every piece of text and every class name in our code, one a line, and what the kernel calls its errors."""
    found = [os.strerror(number) for number in range(1, 134)]
    found += [name.upper() + ": " for name in Settings.model_fields]
    for folder in ("app", "musl", "scripts"):
        for path in (ROOT / folder).rglob("*.py"):
            for part in ast.walk(ast.parse(path.read_text())):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    found.append(part.value)
                elif isinstance(part, ast.ClassDef):
                    found.append(part.name)
    return "\n".join(found)


def test_the_guide_quotes_our_messages_letter_for_letter() -> None:
    table = GUIDE.read_text().split("## When something is wrong")[1].split("What Railway says")[0]
    quoted = [
        message
        for row in re.findall(r"^\| \*\*\w+\*\* \| (.*?) \|", table, re.MULTILINE)
        for message in re.findall(r"`(.+?)`", row)
    ]
    assert len(quoted) > 15
    ours = said()
    pydantics = {"Input should be a valid integer"}
    pieces = [piece.strip(" ():") for message in quoted if message not in pydantics for piece in message.split("…")]
    assert [piece for piece in pieces if piece not in ours] == []


def test_every_link_to_a_file_leads_to_one() -> None:
    links = re.findall(r"\]\((?!https:)([^)#]+)", GUIDE.read_text())
    assert links
    assert [link for link in links if not (GUIDE.parent / link).exists()] == []
