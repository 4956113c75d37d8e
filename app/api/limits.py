"""The sizes of what is asked for, compared with the settings; a refusal names the setting and both numbers."""

from collections.abc import Sequence

from app.errors import LimitPassed, TooManyTexts
from app.settings import Settings

DEFAULT_SOURCES = 5
DEFAULT_MAP_DOCUMENTS = 2000


def check_texts(texts: Sequence[str], settings: Settings) -> None:
    """raises  TooManyTexts"""
    if len(texts) > settings.max_texts:
        raise TooManyTexts(len(texts), settings.max_texts)


def check_tokenized(texts: Sequence[str], settings: Settings, *, what: str, param: str) -> None:
    """Texts that are not embedded, but taken apart while others wait. raises TooManyTexts, LimitPassed"""
    check_texts(texts, settings)
    characters = sum(map(len, texts))
    _check(f"characters to {what}", characters, settings.max_tokenize_characters, "MAX_TOKENIZE_CHARACTERS", param)


def check_query(text: str, settings: Settings, *, param: str = "query") -> None:
    """raises  LimitPassed"""
    _check(f"characters in the {param}", len(text), settings.max_query_characters, "MAX_QUERY_CHARACTERS", param)


def check_documents(count: int, settings: Settings) -> None:
    """raises  LimitPassed"""
    _check("documents in a request", count, settings.max_documents, "MAX_DOCUMENTS", "documents")


def check_offset(offset: int, settings: Settings) -> None:
    """raises  LimitPassed"""
    _check("offset", offset, settings.max_offset, "MAX_OFFSET", "offset")


def documents_within(asked: int | None, default: int, settings: Settings) -> int:
    """How many documents an answer may have. raises LimitPassed"""
    return _within("limit", asked, default, settings.max_limit, "MAX_LIMIT")


def sources_within(asked: int | None, settings: Settings) -> int:
    """How many sources an answer may be made of. raises LimitPassed"""
    return _within("sources", asked, DEFAULT_SOURCES, settings.max_sources, "MAX_SOURCES")


def map_documents_within(asked: int | None, settings: Settings) -> int:
    """How many documents a map may show. raises LimitPassed"""
    most = settings.max_map_documents
    return _within("documents on a map", asked, DEFAULT_MAP_DOCUMENTS, most, "MAX_MAP_DOCUMENTS")


def _within(what: str, asked: int | None, default: int, most: int, setting: str) -> int:
    """What is asked for; else the default, or the most there may be if that is less."""
    if asked is None:
        return min(default, most)
    _check(what, asked, most, setting, "limit")
    return asked


def _check(what: str, found: int, most: int, setting: str, param: str) -> None:
    if found > most:
        raise LimitPassed(what, found, most, setting, param=param)
