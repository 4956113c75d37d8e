"""The sample collection: what the import takes, of the choice that is written down, under its licence and its size."""

import json
import tomllib
from typing import Any

import pytest

from app.pipeline.drafts import Rules
from app.pipeline.formats.media_types import reader_for
from app.pipeline.formats.record import Record
from app.settings import Settings
from scripts.sample import CHOICE, MADE, Sense, WordNet, records, unpacked

MOST_BYTES = 20_000
RECORDS: list[dict[str, Any]] = [json.loads(line) for line in unpacked().splitlines()]


def test_an_import_takes_every_record() -> None:
    settings = Settings()
    reader = reader_for("application/x-ndjson", settings.max_record_bytes)
    read = [*reader.feed(unpacked()), *reader.end()]
    rules = Rules(settings.max_metadata_bytes, settings.max_metadata_depth)
    for each in read:
        assert isinstance(each, Record)
        rules.check(each.draft, each.draft.id or "")
    assert len(read) == len(RECORDS)


def test_it_is_small_and_every_field_says_something() -> None:
    assert MADE.stat().st_size < MOST_BYTES
    assert 300 <= len(RECORDS) <= 400
    assert len({record["id"] for record in RECORDS}) == len({record["text"] for record in RECORDS}) == len(RECORDS)
    topics = [record["metadata"]["topic"] for record in RECORDS]
    assert len(set(topics)) > 10
    assert all(topics.count(topic) >= 15 for topic in topics)
    assert all(set(record["metadata"]) == {"topic", "kind", "meanings"} for record in RECORDS)
    assert all(record["text"].endswith(".") and len(record["text"]) > 20 for record in RECORDS)


def test_words_of_several_meanings_come_with_several_topics() -> None:
    """Where words say less than meaning does: the bat that flies, and the one that hits."""
    topics: dict[str, set[str]] = {}
    for record in RECORDS:
        topics.setdefault(record["id"].split(".")[0], set()).add(record["metadata"]["topic"])
    assert {word for word, of in topics.items() if len(of) > 1} >= {"bat", "cricket", "mercury"}


def test_it_is_the_choice_that_is_written_down() -> None:
    choice = tomllib.loads(CHOICE.read_text("utf-8"))
    chosen = [
        (word if "." in word else f"{word}.1", topic, kind)
        for topic, kinds in choice.items()
        for kind, words in kinds.items()
        for word in words.split()
    ]
    assert chosen == [(each["id"], each["metadata"]["topic"], each["metadata"]["kind"]) for each in RECORDS]


def test_its_origin_and_licence_go_with_it() -> None:
    note = MADE.with_name("SAMPLE.md").read_text("utf-8")
    assert f"{len(RECORDS)} entries" in note
    assert "WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved." in note
    assert "Permission to use, copy, modify and distribute this software and" in note


DATA = [
    "  1 This software and database is being provided to you",
    "00000010 05 n 02 bat 0 chiropteran 0 001 @ 00000000 n 0000 | nocturnal mouselike mammal  ",
    '00000020 06 n 01 bat 1 001 @ 00000000 n 0000 | the club used in playing cricket; "a cricket bat"; "another"  ',
    "00000030 17 n 03 Milky_Way 0 Milky_Way_Galaxy 0 Milky_Way_System 0 001 @ 00000000 n 0000 | our galaxy  ",
]
INDEX = [
    "  1 This software and database is being provided to you",
    "bat n 2 1 @ 2 0 00000010 00000020  ",
    "milky_way n 1 1 @ 1 0 00000030  ",
]


def test_senses_are_read_as_wordnet_writes_them() -> None:
    wordnet = WordNet(DATA, INDEX)
    assert wordnet.sense("bat", 1) == Sense("bat", "nocturnal mouselike mammal", 2)
    assert wordnet.sense("bat", 2).definition == "the club used in playing cricket"
    assert wordnet.sense("milky_way", 1).word == "Milky Way"


@pytest.mark.parametrize(("word", "number"), [("bat", 0), ("bat", 3), ("cat", 1)])
def test_a_sense_that_is_not_there_is_named(word: str, number: int) -> None:
    with pytest.raises(KeyError, match=word):
        WordNet(DATA, INDEX).sense(word, number)


def test_records_have_the_word_before_the_definition() -> None:
    made = list(records(WordNet(DATA, INDEX), {"sky": {"beyond it": "milky_way"}, "games": {"thing": "bat.2"}}))
    assert made == [
        {
            "id": "milky_way.1",
            "text": "Milky Way: our galaxy.",
            "metadata": {"topic": "sky", "kind": "beyond it", "meanings": 1},
        },
        {
            "id": "bat.2",
            "text": "Bat: the club used in playing cricket.",
            "metadata": {"topic": "games", "kind": "thing", "meanings": 2},
        },
    ]
