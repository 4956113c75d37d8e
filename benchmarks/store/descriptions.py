"""Labelled data that a Debian host has: package descriptions. The summary is the query, the long text its answer.

apt keeps them in its lists as Translation-en; a container's base image is often told to leave them out.
"""

import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.store.report import NotMeasured

LISTS = Path("/var/lib/apt/lists")
# Reads its lists whatever they are packed with.
READER = "/usr/lib/apt/apt-helper"
LEAST_CHARACTERS = 80
Pair = tuple[str, str]


def sample(lists: Path, count: int, seed: int) -> list[Pair]:
    """(summary, long text) of `count` packages by chance; no summary and no long text is there twice.

    Nothing else is left out: a family of packages whose texts differ in a word stays, as hard as it is.
    raises  NotMeasured, with what would fetch them
    """
    files = sorted(lists.glob("*Translation-en*"))
    if not files or not Path(READER).exists():
        raise NotMeasured(
            f"{lists} has no package descriptions. On a Debian host they come with `apt-get -o Acquire::Languages=en "
            "update`; to leave the system's own lists alone, add `-o Dir::State::lists=FOLDER` and give --lists FOLDER"
        )
    pairs = [pair for file in files for pair in _read(file)]
    summaries, texts = (Counter(values) for values in zip(*pairs, strict=True))
    alone = sorted(pair for pair in pairs if summaries[pair[0]] == 1 and texts[pair[1]] == 1)
    if len(alone) < count:
        raise NotMeasured(f"{lists} has {len(alone)} descriptions of their own, and {count} are needed")
    return random.Random(seed).sample(alone, count)


def _read(file: Path) -> Iterator[Pair]:
    """source  Debian policy 5.6.13: a long line begins with a blank, a lone dot is an empty one"""
    content = subprocess.run([READER, "cat-file", str(file)], check=True, capture_output=True).stdout.decode()
    for package in content.split("\n\n"):
        _, _, description = package.partition("\nDescription-en: ")
        summary, _, body = description.partition("\n")
        text = "\n".join("" if line == " ." else line[1:] for line in body.splitlines() if line.startswith(" "))
        if summary.strip() and len(text.strip()) >= LEAST_CHARACTERS:
            yield summary.strip(), text.strip()
