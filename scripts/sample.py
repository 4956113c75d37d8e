"""Make app/web/sample.ndjson.gz, the collection to begin with, from WordNet's files: sample.py FOLDER [--check]

FOLDER holds data.noun and index.noun of WordNet 3.0, as Debian's package wordnet-base lays them under
/usr/share/wordnet. Which entries are taken is in sample.toml; what they say is WordNet's own. The format of its files
is in wndb(5WN), which the same package brings.
"""

import argparse
import gzip
import hashlib
import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MADE = ROOT / "app" / "web" / "sample.ndjson.gz"
CHOICE = ROOT / "scripts" / "sample.toml"
SHA256 = {
    "data.noun": "fea17d2f9656611334eac790e5d69e47645fa180c4aa481fb4cd9b3520754ca2",
    "index.noun": "a490d99d93d017bf4822fe2f0ffa51fd73911ce271dc7535fade21f8814b5a04",
}


@dataclass(frozen=True)
class Sense:
    """One meaning of a noun: how the word is written, what it means, and how many meanings the word has."""

    word: str
    gloss: str
    meanings: int

    @property
    def definition(self) -> str:
        """The gloss without its examples, which stand in quotes behind it."""
        return self.gloss.split('; "', 1)[0].strip(" ;.")


class WordNet:
    """Nouns of WordNet, found by a word and the number of its sense.

    data, index  lines of data.noun and index.noun; those of their licence begin with a space
    """

    def __init__(self, data: list[str], index: list[str]) -> None:
        self._synsets = {line[:8]: line for line in data if not line.startswith(" ")}
        self._index = {line.split(" ", 1)[0]: line for line in index if not line.startswith(" ")}

    def sense(self, word: str, number: int) -> Sense:
        """raises  KeyError, where there is no such word or sense"""
        fields = self._index[word].split()
        meanings = int(fields[2])  # and as many places in data.noun end the line
        if not 1 <= number <= meanings:
            raise KeyError(f"{word} has {meanings} senses, and no number {number}")
        head, gloss = self._synsets[fields[number - meanings - 1]].split("|", 1)
        fields = head.split()
        synonyms = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
        spelt = next(each for each in synonyms if each.lower() == word)
        return Sense(spelt.replace("_", " "), gloss.strip(), meanings)


def records(wordnet: WordNet, choice: dict[str, dict[str, str]]) -> Iterator[dict[str, Any]]:
    """As an import takes them, in the order of the choice."""
    for topic, kinds in choice.items():
        for kind, words in kinds.items():
            for entry in words.split():
                word, _, number = entry.partition(".")
                sense = wordnet.sense(word, int(number or 1))
                name = sense.word[0].upper() + sense.word[1:]
                yield {
                    "id": f"{word}.{number or 1}",
                    "text": f"{name}: {sense.definition}.",
                    "metadata": {"topic": topic, "kind": kind, "meanings": sense.meanings},
                }


def made(folder: Path) -> bytes:
    """raises  SystemExit, where a file of the folder is of another version"""
    for name, expected in SHA256.items():
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if found != expected:
            raise SystemExit(f"{folder / name} is not WordNet 3.0's: expected {expected}, found {found}")
    lines = ((folder / name).read_text("utf-8").splitlines() for name in SHA256)
    choice = tomllib.loads(CHOICE.read_text("utf-8"))
    return b"".join(
        json.dumps(each, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        for each in records(WordNet(*lines), choice)
    )


def unpacked() -> bytes:
    """The records as they are kept: packed, since the page is to be small, and unpacked by whoever loads them."""
    return gzip.decompress(MADE.read_bytes())


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where the file is not what it would be"
    )
    arguments = parser.parse_args()
    content = made(arguments.folder)
    if arguments.check:
        return 0 if unpacked() == content else 1
    MADE.write_bytes(gzip.compress(content, 9, mtime=0))
    print(f"{MADE.relative_to(ROOT)}: {len(content.splitlines())} documents, {MADE.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
