"""What each form of import means: records, the lines they begin on, and what is refused."""

import pytest

from app.errors import InvalidInput, UnknownFormat
from app.pipeline.formats.media_types import reader_for
from app.pipeline.formats.ndjson import ENVELOPE_BYTES
from app.pipeline.formats.record import Header, Item, Record, Refused


def read(form: str, raw: bytes, max_record_bytes: int = 1000) -> list[Item]:
    reader = reader_for(form, max_record_bytes)
    return [*reader.feed(raw), *reader.end()]


def records(items: list[Item]) -> list[tuple[int, str | None, str, dict[str, object]]]:
    return [
        (item.line, item.draft.id, item.draft.text, dict(item.draft.metadata))
        for item in items
        if isinstance(item, Record)
    ]


def refusals(items: list[Item]) -> dict[int, str]:
    return {item.line: item.reason for item in items if isinstance(item, Refused)}


def test_ndjson_refuses_a_line_by_itself() -> None:
    raw = b'\xef\xbb\xbf{"text": "one", "id": "a"}\r\n\n{bad\n["x"]\n{"text": 1}\n{"text": "\xff"}\n{"txt": "a"}\n'
    raw += b'{"text": "two"}'
    items = read("application/x-ndjson", raw)
    assert records(items) == [(1, "a", "one", {}), (8, None, "two", {})]
    found = refusals(items)
    assert set(found) == {3, 4, 5, 6, 7}
    assert "not JSON" in found[3]
    assert "not a JSON object" in found[4]
    assert "text is not a text" in found[5]
    assert "'txt' is no field" in found[7]


def test_ndjson_knows_an_exports_first_line() -> None:
    (item,) = read("application/jsonl", b'{"collection": {"model": "m"}}\n')
    assert item == Header(1, {"model": "m"})


@pytest.mark.parametrize(("size", "is_refused"), [(100, False), (101, True)])
def test_a_line_over_the_limit_is_refused_and_the_next_is_read(size: int, is_refused: bool) -> None:
    line = b'{"text": "' + b"x" * (size - 12) + b'"}'
    items = read("application/x-ndjson", line + b'\n{"text": "next"}\n', 100)
    assert bool(refusals(items)) == is_refused
    if is_refused:
        assert "more than 100 bytes (MAX_RECORD_BYTES)" in refusals(items)[1]
    assert records(items)[-1] == (2, None, "next", {})


def test_csv_rows_are_documents_and_columns_metadata() -> None:
    raw = b'id,text,lang,code\r\n7,"He said ""hi"",\r\nand left",en,01234\r\n,plain,,\r\n'
    assert records(read("text/csv", raw)) == [
        (2, "7", 'He said "hi",\r\nand left', {"lang": "en", "code": "01234"}),
        (4, None, "plain", {}),
    ]


def test_csv_refuses_a_row_by_itself() -> None:
    raw = b'text,x\na,1,2\n"b"c,1\n\xff,1\n5" wide,1\n\nlast,1\n'
    items = read("text/csv", raw)
    assert [row[2] for row in records(items)] == ['5" wide', "last"]
    found = refusals(items)
    assert "3 cells and the header 2" in found[2]
    assert "not CSV" in found[3]
    assert "not UTF-8" in found[4]


def test_a_quote_that_never_closes_costs_one_record() -> None:
    raw = b'text\n"open\n' + b"x\n" * 60 + b"after\n"
    items = read("text/csv", raw, 100)
    (line, reason), *rest = refusals(items).items()
    assert (line, rest) == (2, [])
    assert "closing quote" in reason
    assert records(items)[-1][2] == "after"


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"a,b\n1,2\n", "no column text"),
        (b"text,a,a\n", "'a' 2 times"),
        (b"\xff\n", "not UTF-8"),
        # As pandas' to_csv() writes its index.
        (b",text,lang\n0,one,en\n1,two,de\n", "column 1 '', which is no key of metadata: a key is not empty"),
        (b"text, ,\none,,\n", "column 2 '', which is no key"),
        (b"id,text,$x\n1,one,\n", r"column 3 '\$x', which is no key of metadata: a key .* starts with no \$"),
        (
            b"text,a\0b\none,two\n",
            "column 2 'a.*b', which is no key of metadata: no store keeps the character U\\+0000",
        ),
    ],
)
def test_without_a_header_row_nothing_can_be_read(raw: bytes, word: str) -> None:
    with pytest.raises(InvalidInput, match=word):
        read("text/csv", raw)


def test_markdown_sections() -> None:
    raw = b"before\n\n# Title #\nintro\n## Part\nbody\n### Deeper\nmore\n```\n# no heading\n```\n"
    raw += b"    # code\n#none\n# Next\n"
    assert records(read("text/markdown", raw)) == [
        (1, None, "before", {}),
        (3, None, "# Title #\nintro", {"title": "Title", "heading": "Title"}),
        (
            5,
            None,
            "## Part\nbody\n### Deeper\nmore\n```\n# no heading\n```\n    # code\n#none",
            {"title": "Title", "heading": "Part"},
        ),
        (14, None, "# Next", {"title": "Next", "heading": "Next"}),
    ]


def test_a_section_that_is_too_large_is_refused_once() -> None:
    items = read("text/markdown", b"# A\n" + b"word\n" * 50 + b"# B\nfine\n", 100)
    assert list(refusals(items)) == [1]
    assert [row[2] for row in records(items)] == ["# B\nfine"]


def test_a_paragraph_that_is_not_utf_8_is_refused_once() -> None:
    items = read("text/plain; charset=UTF-8", b"one\ntwo\n \n\n\nthree\n\xff\nfour\n\xff\n\nfive\n")
    assert records(items) == [(1, None, "one\ntwo", {}), (11, None, "five", {})]
    assert refusals(items) == {6: "the paragraph is not UTF-8: invalid start byte in line 7"}


def test_a_section_that_is_not_utf_8_is_refused_and_so_is_what_bears_its_title() -> None:
    items = read(
        "text/markdown", b"# Caf\xe9\nopen\n## Menu\ntea\n## \xff\n# Bar\nshut\n## Hours\n\xff\n## Way\nleft\n"
    )
    assert records(items) == [
        (6, None, "# Bar\nshut", {"title": "Bar", "heading": "Bar"}),
        (10, None, "## Way\nleft", {"title": "Bar", "heading": "Way"}),
    ]
    assert refusals(items) == {
        1: "the section is not UTF-8: unexpected end of data in line 1",
        3: "its title, line 1, is not UTF-8",
        5: "its title, line 1, is not UTF-8",
        8: "the section is not UTF-8: invalid start byte in line 9",
    }


def test_lines_of_an_export_may_be_as_long_as_a_request_with_what_is_around_a_text() -> None:
    header = b'{"collection": {}}\n'
    longest, longer = (b'{"text":"%s"}\n' % (b"x" * (size + ENVELOPE_BYTES - 11)) for size in (300, 301))
    reader = reader_for("application/x-ndjson", 100, 300)
    items = [*reader.feed(longest + header + longest + longer), *reader.end()]
    assert [row[0] for row in records(items)] == [3]
    assert refusals(items) == {
        1: "the line has more than 100 bytes (MAX_RECORD_BYTES)",
        4: "the line has more than 300 bytes (MAX_BODY_BYTES)",
    }
    reader = reader_for("application/x-ndjson", 100, 50)
    items = [*reader.feed(header + b'{"text":"%s"}\n' % (b"x" * 90)), *reader.end()]
    assert refusals(items) == {2: "the line has more than 100 bytes (MAX_RECORD_BYTES)"}


@pytest.mark.parametrize("content_type", ["", "application/json", "text/html", "text/csv; charset=latin-1", ";"])
def test_other_content_types_are_refused_and_the_known_ones_named(content_type: str) -> None:
    with pytest.raises(UnknownFormat, match="text/markdown in UTF-8"):
        reader_for(content_type, 1000)
