"""Citations: those of given sources stay, others go, wherever the pieces of the text are cut."""

import pytest

from app.answer.citations import Citations


def filtered(*pieces: str, given: tuple[int, ...] = (1, 2, 3)) -> tuple[str, list[int]]:
    citations = Citations(given)
    return "".join([*map(citations.feed, pieces), citations.end()]), citations.cited


@pytest.mark.parametrize(
    ("text", "clean", "cited"),
    [
        ("So it is [1].", "So it is [1].", [1]),
        ("So it is [9].", "So it is.", []),
        ("[9] So it is.", " So it is.", []),
        ("So[1][9][2] it is.", "So[1][2] it is.", [1, 2]),
        ("So it is [1, 9, 3].", "So it is [1][3].", [1, 3]),
        ("So it is [1-3].", "So it is [1][2][3].", [1, 2, 3]),
        ("So it is [2–12].", "So it is [2][3].", [2, 3]),
        ("So it is [1-999999999].", "So it is [1][2][3].", [1, 2, 3]),
        ("So it is [1 and 2].", "So it is [1][2].", [1, 2]),
        ("So it is [source 2; source 8].", "So it is [2].", [2]),
        ("So it is [^2].", "So it is [2].", [2]),
        ("So it is 【2†L5-L9】【9†L1】.", "So it is [2].", [2]),
        ("So it is ［٣］.", "So it is [3].", [3]),
        ("So it is [ 9 ].", "So it is.", []),
        ("So it is [0].", "So it is.", []),
        ("Line\n\n[9] next", "Line\n\n next", []),
        ("[a list] and [see 9 below] stay", "[a list] and [see 9 below] stay", []),
        ("[2](https://x.example) and [9](https://x.example)", "[2](https://x.example) and(https://x.example)", [2]),
        ("open [1 to the end", "open [1 to the end", []),
        ("open [9", "open (9", []),
        ("[" * 65 + "9]", "[" * 64 + "(9]", []),
        ("[" + " " * 100 + "9]", "(" + " " * 100 + "9]", []),
        ("[[9]]", "[]", []),
        ("[[8]9]", "", []),
        ("[[1]9]", "([1]9]", [1]),
        ("[9[1]]", "(9[1]]", [1]),
        ("[a [9] 9]", "[a 9]", []),
    ],
)
def test_each_form(text: str, clean: str, cited: list[int]) -> None:
    assert filtered(text) == (clean, cited)
    assert filtered(*text) == (clean, cited)


def test_text_is_held_back_no_longer_than_it_must_be() -> None:
    citations = Citations([1])
    assert [citations.feed(piece) for piece in ("It", " is", " ", "[", "1", "]", ", so")] == [
        "It",
        " is",
        "",
        "",
        "",
        " [1]",
        ", so",
    ]
    assert citations.end() == ""
