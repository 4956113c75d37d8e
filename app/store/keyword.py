"""Texts as the keyword index sees them, and what people type as a query that it always understands.

Both go through `tokens`: compatibility forms, case and diacritics are folded; words are taken whole where a script puts
spaces between them, and as single characters and pairs of neighbours where it does not; a symbol is a token of its own.

source  UAX 15 (NFKC, stream-safe text), UAX 29 (why scripts without spaces need a dictionary, which is left out here);
        overlapping pairs: Nie, Gao, Zhang and Zhou 2000, On the use of words and n-grams for Chinese retrieval
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby, islice, pairwise

# Part of what is kept: another number makes the keyword index new at the next start, since a row can only be taken out
# of it with the very tokens that went in. Python's Unicode tables count as well.
VERSION = f"2/{unicodedata.unidata_version}"
MAX_QUERY_TOKENS = 64
# A token longer than this is no word: a key, a picture's bytes. Cut, alike in texts and queries.
MAX_TOKEN_CHARACTERS = 64

# Marks in a row after which a joiner keeps them from those that follow: normalising sorts each row, in Python by a
# number of steps that is the square of its length. No script comes near; 80 kB of marks took four seconds.
MAX_MARKS, JOINER = 30, "\N{COMBINING GRAPHEME JOINER}"

# Of how many characters is remembered what they are: more than any script has in use. Of all that there are it would
# take 400 MB, and somebody may send them all.
CHARACTERS = 16_384

# Blocks whose writing has no spaces between words: first and last code point.
UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # Han radicals
    (0x3005, 0x3007),  # Han iteration marks
    (0x3031, 0x30FF),  # Kana
    (0x3100, 0x312F),  # Bopomofo
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FF),  # Myanmar
    (0xAA60, 0xAA7F),
    (0xAC00, 0xD7A3),  # Hangul: it has spaces, but glues particles to words, which pairs see through
    (0xF900, 0xFAFF),  # Han
    (0x16FE0, 0x18DFF),  # Tangut, Khitan
    (0x1AFF0, 0x1B2FF),  # Kana, Nushu
    (0x20000, 0x323AF),  # Han
)

# Blocks with marks that decorate.
ACCENTS = (
    (0x0300, 0x036F),  # diacritics
    (0x0591, 0x05C7),  # Hebrew points
    (0x0610, 0x061A),  # Arabic signs and vowels
    (0x064B, 0x0670),
    (0x1AB0, 0x1AFF),  # more diacritics
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),  # around symbols, as a keycap
    (0xFE00, 0xFE0F),  # variation selectors: the heart that is red
    (0xE0100, 0xE01EF),
)


def document_text(text: str) -> str:
    """The tokens of a passage, in its order and with their repetitions, with spaces between them."""
    return " ".join(token for run in _runs(text) for token in _indexed(*run))


def query_tokens(text: str) -> list[str]:
    """The different tokens of a query that count, in order: the first MAX_QUERY_TOKENS of them."""
    return list(islice(_different(text), MAX_QUERY_TOKENS))


def left_out(text: str) -> int:
    """How many different tokens of a query do not count, since they come after the first MAX_QUERY_TOKENS."""
    return sum(1 for _ in islice(_different(text), MAX_QUERY_TOKENS, None))


def _different(text: str) -> Iterator[str]:
    """The tokens of a query, each where it comes first."""
    seen = set[str]()
    for run in _runs(text):
        for token in _asked(*run):
            if token not in seen:
                seen.add(token)
                yield token


def expression(chosen: list[str]) -> str:
    """An FTS5 expression that finds passages with any of these tokens; each is quoted, so that none is an operator."""
    return " OR ".join(f'"{token}"' for token in chosen)


def _indexed(run: str, unspaced: bool) -> Iterator[str]:
    if not unspaced:
        yield run
        return
    yield from run
    yield from (first + second for first, second in pairwise(run))


def _asked(run: str, unspaced: bool) -> Iterator[str]:
    """A lone character is found by itself; of more, only the pairs say anything."""
    if not unspaced or len(run) == 1:
        yield run
    else:
        yield from (first + second for first, second in pairwise(run))


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """Stretches of letters and digits: (stretch, whether of a script without spaces). A symbol is one by itself.

    One of a script with spaces is a word, and no more of it is kept than a word may be long.
    """
    for sort, characters in groupby(_fold(text), _sort):
        if sort == "spaced":
            yield "".join(islice(characters, MAX_TOKEN_CHARACTERS)), False
        elif sort == "unspaced":
            yield "".join(characters), True
        elif sort == "symbol":
            yield from ((symbol, False) for symbol in characters)


def _fold(text: str) -> str:
    """Compatibility forms, case and diacritics away. Marks stay on scripts whose vowels they are."""
    if text.isascii():
        return text.casefold()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _stream_safe(text)).casefold())
    if folded.isascii():
        return folded
    bare = (character for character in unicodedata.normalize("NFD", folded) if not _accent(character))
    return unicodedata.normalize("NFC", "".join(bare)).replace(JOINER, "")


def _stream_safe(text: str) -> str:
    """The text with a JOINER after each MAX_MARKS marks in a row."""
    if not any(map(_mark, text)):
        return text
    parts = list[str]()
    for marks, characters in groupby(text, _mark):
        while part := "".join(islice(characters, MAX_MARKS if marks else None)):
            parts.append(part)
            if marks and len(part) == MAX_MARKS:
                parts.append(JOINER)
    return "".join(parts)


@lru_cache(CHARACTERS)
def _mark(character: str) -> bool:
    """Whether normalising sorts it among its neighbours."""
    return unicodedata.combining(unicodedata.normalize("NFKD", character)[0]) > 0


@lru_cache(CHARACTERS)
def _accent(character: str) -> bool:
    """Whether it is a mark that decorates a letter or a symbol, and none that spells."""
    code = ord(character)
    decorates = any(first <= code <= last for first, last in ACCENTS) and character != JOINER
    return decorates and unicodedata.category(character)[0] == "M"


@lru_cache(CHARACTERS)
def _sort(character: str) -> str | None:
    """spaced, unspaced or symbol; None for what only separates: spaces, punctuation, controls, half a surrogate."""
    if character.isascii():
        # ASCII symbols separate: FTS5's tokenizer does so, and $ or + alone would find half of all texts.
        return "spaced" if character.isalnum() else None
    category = unicodedata.category(character)
    if category[0] in "LMN":
        code = ord(character)
        return "unspaced" if any(first <= code <= last for first, last in UNSPACED) else "spaced"
    # Co: private use, where fonts keep their icons. Sk: the skin tones of emoji, and accents that stand alone.
    return "symbol" if category in ("So", "Sm", "Sc", "Co") else None
