"""Words in ten scripts, symbols, and everything that somebody may type."""

import sqlite3
import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import Literal, SupportsIndex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.store import keyword
from app.store.embedded.ledger import keyword_index
from app.store.keyword import MAX_QUERY_TOKENS, MAX_TOKEN_CHARACTERS, document_text, left_out, query_tokens

# As typed: lone surrogates too, which the default leaves out.
anything = st.text(st.characters(exclude_categories=()))

TEXTS = {
    "latin": "Crème brûlée für Łódź, naïve façade",
    "cyrillic": "Съешь же ещё этих мягких французских булок",
    "greek": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία, ὀργὴ",
    "hebrew": "שָׁלוֹם עולם",
    "arabic": "السَّلامُ عليكم",
    "devanagari": "नमस्ते दुनिया",
    "chinese": "我们在北京大学学习数据库",
    "japanese": "東京でラーメンを食べました",
    "korean": "서울에서 김치를 먹었습니다",
    "thai": "ฉันรักภาษาไทย",
    "lao": "ສະບາຍດີ",
    "khmer": "ខ្ញុំស្រឡាញ់ភាសាខ្មែរ",
    "burmese": "မြန်မာဘာသာစကား",
    "georgian": "გამარჯობა მსოფლიო",
    "symbols": "I ❤️ pizza 🍕🍕 and 👩‍💻, 5 € each, x ≥ 3",
    "operators": 'NOT "quoted" AND (NEAR) col:umn x* ^y -z C++ foo_bar user@example.org',
}


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    """All of TEXTS, each as a passage of its own document; their places in TEXTS are their keys."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE passages (key INTEGER PRIMARY KEY, document INTEGER)")
    keyword_index.create(connection, 1)
    for key, text in enumerate(TEXTS.values()):
        connection.execute("INSERT INTO passages VALUES (?, ?)", (key, key))
        keyword_index.add(connection, 1, [(key, document_text(text))])
    yield connection
    connection.close()


def found(connection: sqlite3.Connection, text: str) -> list[str]:
    tokens = query_tokens(text)
    rows = keyword_index.find(connection, 1, tokens, 100, None) if tokens else []
    assert all(row.score > 0 for row in rows)
    return [list(TEXTS)[row.key] for row in rows]


@pytest.mark.parametrize(
    ("query", "script"),
    [
        ("CREME BRULEE", "latin"),
        ("fur", "latin"),
        ("ＦＡＣＡＤＥ", "latin"),
        ("facade", "latin"),
        ("ЕЩЕ", "cyrillic"),
        ("ξεσκεπαζω", "greek"),
        ("ΒΔΕΛΥΓΜΊΑ", "greek"),
        ("οργη", "greek"),
        ("שלום", "hebrew"),
        ("السلام", "arabic"),
        ("नमस्ते", "devanagari"),
        ("北京", "chinese"),
        ("数据库", "chinese"),
        ("学", "chinese"),
        ("ﾗｰﾒﾝ", "japanese"),
        ("東京", "japanese"),
        ("김치", "korean"),
        ("ภาษา", "thai"),
        ("ສະບາຍ", "lao"),
        ("ភាសា", "khmer"),
        ("မြန်မာ", "burmese"),
        ("მსოფლიო", "georgian"),
        ("🍕", "symbols"),
        ("❤", "symbols"),
        ("❤️", "symbols"),
        ("💻", "symbols"),
        ("€", "symbols"),
        ("y", "operators"),
        ("c++", "operators"),
        ('"quoted', "operators"),
        ("bar", "operators"),
        ("user@example.org", "operators"),
    ],
)
def test_a_word_finds_its_text(connection: sqlite3.Connection, query: str, script: str) -> None:
    assert found(connection, query)[0] == script


@pytest.mark.parametrize(
    "query", ["", " ", '"', '""', "*", "(", "\x00", "\ud83d", "---", "^", ":", "'", "\\", "\u200d", "\ufe0f"]
)
def test_what_has_no_word_finds_nothing(connection: sqlite3.Connection, query: str) -> None:
    assert found(connection, query) == []


def test_in_a_script_without_spaces_neighbours_count_and_not_order() -> None:
    assert query_tokens("北京大学") == ["北京", "京大", "大学"]
    assert document_text("北京") == "北 京 北京"
    assert query_tokens("a北b") == ["a", "北", "b"]


def test_a_query_is_cut_and_repeats_nothing() -> None:
    words = " ".join(f"w{i} w{i}" for i in range(10_000))
    assert query_tokens(words) == [f"w{i}" for i in range(MAX_QUERY_TOKENS)]
    assert left_out(words) == 10_000 - MAX_QUERY_TOKENS
    assert left_out("w0 w1 " * 100) == 0
    assert len(query_tokens("x" * 10_000)[0]) == 64


@given(anything)
@example('fox" OR "')
@example("NEAR(a b, 5)")
@example("a\x00b")
@example("\ud800\udc00")
@example("x" * 10_000)
@example('"' * 10_000)
def test_anything_can_be_asked(connection: sqlite3.Connection, text: str) -> None:
    found(connection, text)


@given(anything)
def test_every_text_is_found_by_itself(text: str) -> None:
    asked, kept = query_tokens(text), document_text(text).split(" ")
    assert set(asked) <= set(kept)
    assert bool(asked) == (kept != [""])


# Runs of every sort, and longer ones than a word may be.
runs = st.lists(st.tuples(st.sampled_from("aÉ1я北가กา ❤€$-\u0301"), st.integers(1, 70)), max_size=6).map(
    lambda parts: "".join(character * count for character, count in parts)
)


def by_definition(text: str) -> str:
    """What `document_text` gives, put together character by character."""
    tokens: list[str] = []
    run, kind = "", None
    for character in [*keyword._fold(text), " "]:
        sort = keyword._sort(character)
        if run and (sort != kind or sort == "symbol"):
            one_word = kind != "unspaced"
            tokens += (
                [run[:MAX_TOKEN_CHARACTERS]] if one_word else [*run, *(run[i : i + 2] for i in range(len(run) - 1))]
            )
            run = ""
        run, kind = run + character if sort else "", sort
    return " ".join(tokens)


@given(anything | runs)
def test_the_tokens_are_those_of_the_definition(text: str) -> None:
    assert document_text(text) == by_definition(text)


class Counted(str):
    """A text that counts the characters that are copied as parts of it are added up or cut out."""

    copied = 0

    def __iter__(self) -> Iterator[str]:
        return map(Counted, super().__iter__())

    def __add__(self, other: str) -> "Counted":
        return self._copy(str(self) + str(other))

    def __radd__(self, other: str) -> "Counted":
        return self._copy(other + str(self))

    def __getitem__(self, key: SupportsIndex | slice) -> "Counted":
        return self._copy(super().__getitem__(key))

    def _copy(self, text: str) -> "Counted":
        Counted.copied += len(text)
        return Counted(text)


@pytest.mark.parametrize("character", ["a", "я", "北", "❤", "-"])
def test_a_long_run_is_not_copied_for_each_of_its_characters(character: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyword, "_fold", Counted)
    monkeypatch.setattr(Counted, "copied", 0)
    document_text(character * 2000)
    # A run is gone through once, and each pair of neighbours that it makes are two.
    assert Counted.copied <= 3 * 2000


def longest_row_of_marks(text: str) -> int:
    return max((len(list(row)) for is_mark, row in groupby(text, keyword._mark) if is_mark), default=0)


@pytest.mark.parametrize("marks", ["\u0301\u0316", "\u094d\u093c"], ids=["that decorate", "that spell"])
def test_no_long_row_of_marks_is_sorted(marks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorting one takes Python a number of steps that is the square of its length."""
    normalize, longest = unicodedata.normalize, 0

    def watched(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
        nonlocal longest
        if len(text) > 1:
            longest = max(longest, longest_row_of_marks(text))
        return normalize(form, text)

    monkeypatch.setattr(unicodedata, "normalize", watched)
    assert document_text("x" + marks * 1000).startswith("x")
    assert 0 < longest <= keyword.MAX_MARKS


def test_what_is_remembered_of_characters_has_an_end() -> None:
    """Somebody may send them all: it took 400 MB."""
    for code in range(0x20000, 0x20000 + 2 * keyword.CHARACTERS):
        query_tokens(chr(code))
    for remembered in (keyword._mark, keyword._accent, keyword._sort):
        assert remembered.cache_info().currsize <= keyword.CHARACTERS


@given(st.text(st.sampled_from("aé\u0301\u0316\u0345क\u094d\u093c가ก\u0e38"), max_size=keyword.MAX_MARKS // 2))
def test_ordinary_rows_of_marks_are_folded_whole(text: str) -> None:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(each for each in unicodedata.normalize("NFD", folded) if not keyword._accent(each))
    assert keyword._fold(text) == unicodedata.normalize("NFC", bare)


@given(st.lists(anything, max_size=5))
def test_what_is_taken_out_leaves_nothing(texts: list[str]) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    keyword_index.create(connection, 7)
    rows = [(key, document_text(text)) for key, text in enumerate(texts)]
    keyword_index.add(connection, 7, rows)
    keyword_index.remove(connection, 7, rows)
    connection.execute("INSERT INTO keyword_7(keyword_7) VALUES ('integrity-check')")
    assert connection.execute("SELECT count(*) FROM keyword_7_words").fetchone() == (0,)
    connection.close()
