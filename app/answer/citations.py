"""Citations in a text as it is written: those of sources that were given stay, all others are taken out.

A citation is a number in brackets, `[2]`, or several, `[1, 3]`; also as some models write it: `[^2]`, `[source 2]`,
`【2†L5】`. Each comes out as `[2]`, several as `[1][3]`. Other brackets are left as they are.
"""

import re
from collections.abc import Collection

# No citation is longer: a bracket that is still open after so many characters is none.
MAX_CHARACTERS = 64
_number = r"\^?\s*(?:sources?\s*:?\s*)?#?\d+(?:\s*†[^\[\]【】［］]*)?"
_citation = re.compile(
    rf"\s*{_number}(?:\s*(?:[,;/&\-–—]|and)\s*{_number})*\s*[,;.]?\s*",
    re.IGNORECASE,
)
_comment = re.compile(r"†[^,;/&]*")
_range = re.compile(r"(\d+)\s*[-–—]\s*(\d+)")
_lone = re.compile(r"[\s\d,;/&^#\-–—.]*")
_opening, _closing = "[【［", "]】］"


class Citations:
    """A filter for one answer. `cited`: sources in the order in which they were first named.

    What follows an opening bracket, and blanks, which go with a citation that is taken out, are held back until it is
    known what they are; so it does not matter where the pieces are cut.
    """

    def __init__(self, given: Collection[int]) -> None:
        self._given = frozenset(given)
        self._held = ""
        self.cited: list[int] = []

    def feed(self, piece: str) -> str:
        """What of the text so far can be passed on."""
        done = ""
        for character in piece:
            done += self._take(character)
        return done

    def end(self) -> str:
        """What was held back. A bracket that nothing closes is no citation."""
        return self._let_go()

    def _take(self, character: str) -> str:
        open_at = max(self._held.rfind(bracket) for bracket in _opening)
        if character in _opening:
            self._held += character
        elif open_at < 0:
            if character.isspace():
                self._held += character
                return self._let_go() if len(self._held) > MAX_CHARACTERS else ""
            return self._let_go() + character
        elif character in _closing:
            inner, before = self._held[open_at + 1 :], self._held[:open_at]
            if _citation.fullmatch(inner):
                return self._cite(before, _numbers(inner))
            self._held += character
            return self._let_go()
        else:
            self._held += character
        return self._let_go() if len(self._held) > MAX_CHARACTERS else ""

    def _cite(self, before: str, numbers: list[int]) -> str:
        """`before` is what is held before the citation: blanks, or brackets that are open around it."""
        kept = [number for number in dict.fromkeys(numbers) if number in self._given]
        if not kept:  # what is open before it stays held: with what follows it could become a citation
            self._held = before.rstrip(" \t")
            return ""
        self.cited += [number for number in kept if number not in self.cited]
        self._held = before
        return self._let_go() + "".join(f"[{number}]" for number in kept)

    def _let_go(self) -> str:
        """What is held, as text. Open brackets that a number and a closing one could still make a citation of are
        rounded, since they are looked at no more."""
        text, self._held = self._held, ""
        for bracket in _opening:
            head, found, tail = text.rpartition(bracket)
            while found and _lone.fullmatch(tail):
                text = f"{head}({tail}"
                head, found, tail = text.rpartition(bracket)
        return text


def _numbers(inner: str) -> list[int]:
    """The sources that the inside of a citation names, a range's ends and what is between them included."""
    inner = _comment.sub("", inner)
    found: list[int] = []
    for first, last in _range.findall(inner):
        found += range(int(first), min(int(last), int(first) + 100) + 1)
    return sorted(found) + [int(number) for number in re.findall(r"\d+", _range.sub("", inner))]
