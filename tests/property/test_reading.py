"""Every form of import: no bytes crash its reader, and how the bytes are cut into pieces makes no difference."""

import csv
import io

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.pipeline.formats.media_types import READERS, reader_for
from app.pipeline.formats.record import Header, Item, Record, Refused

LIMIT = 60
PIECES = [b"\n", b"\r\n", b'"', b'""', b",", b'{"text":"a"}', b'{"text":', b"text,id,x\n", b"# ", b"## ", b"```"]
PIECES += [
    b"~~~~",
    b"\xff",
    b"\xef\xbb\xbf",
    b" ",
    b"\0",
    b"x" * 70,
    "東京".encode(),
    b'{"collection":{}}',
    b"#",
    b"\r",
]
pieces = st.sampled_from(PIECES)
content = st.lists(pieces | st.binary(max_size=8), max_size=40).map(b"".join)
forms = st.sampled_from(sorted(READERS))


def read(form: str, chunks: list[bytes]) -> tuple[list[str], str]:
    """What comes out, as text, and the error that ended it."""
    reader, items = reader_for(form, LIMIT), list[Item]()
    try:
        for chunk in chunks:
            items.extend(reader.feed(chunk))
        items.extend(reader.end())
    except InvalidInput as error:
        return [repr(item) for item in items], str(error)
    for item in items:
        assert isinstance(item, Record | Refused | Header)
        assert item.line >= 1
    return [repr(item) for item in items], ""


@settings(max_examples=400)
@given(forms, content, st.data())
def test_pieces_make_no_difference(form: str, raw: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=10)))
    chunks = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert read(form, chunks) == read(form, [raw])
    assert read(form, [raw[i : i + 1] for i in range(len(raw))]) == read(form, [raw])


lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.lists(st.tuples(lines.filter(str.strip), lines, lines), max_size=8), st.sampled_from(["\r\n", "\n"]))
def test_what_the_csv_module_writes_is_read_back(rows: list[tuple[str, str, str]], end: str) -> None:
    out = io.StringIO(newline="")
    # With a bare line feed at its ends, the module leaves a carriage return in a field unquoted, where none may be.
    writer = csv.writer(out, lineterminator=end, quoting=csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL)
    writer.writerow(["text", "id", "x"])
    writer.writerows(rows)
    reader = reader_for("text/csv", 10_000)
    items = [*reader.feed(out.getvalue().encode()), *reader.end()]
    found = [item for item in items if isinstance(item, Record)]
    assert len(found) == len(items)
    assert [(each.draft.text, each.draft.id or "", each.draft.metadata.get("x", "")) for each in found] == rows


@given(st.lists(st.tuples(lines, st.dictionaries(lines, lines | st.integers() | st.none(), max_size=3)), max_size=8))
def test_ndjson_is_read_back(rows: list[tuple[str, dict[str, object]]]) -> None:
    small = [(text, {k: v for k, v in data.items() if not isinstance(v, int) or abs(v) < 2**63}) for text, data in rows]
    raw = b"\n".join(orjson.dumps({"text": text, "metadata": metadata}) for text, metadata in small)
    reader = reader_for("application/x-ndjson", 10_000)
    found = [item for item in [*reader.feed(raw), *reader.end()] if isinstance(item, Record)]
    assert [(each.draft.text, each.draft.metadata) for each in found] == small


@pytest.mark.parametrize("form", sorted(READERS))
def test_memory_is_bounded_whatever_comes(form: str) -> None:
    reader = reader_for(form, LIMIT)
    refused = [*reader.feed(b"text\n")]
    for _ in range(1000):
        refused += reader.feed(b'"' + b"x" * 999)
    held = sum(len(value) for value in _held(reader))
    assert held <= 2 * LIMIT
    assert len(refused) <= 2


def _held(value: object, depth: int = 4) -> list[bytes | bytearray | str]:
    """Every text and byte string that an object holds, to some depth."""
    if isinstance(value, bytes | bytearray | str):
        return [value]
    if isinstance(value, list | tuple):
        return [found for each in value for found in _held(each, depth - 1)]
    inside = vars(value).values() if depth and hasattr(value, "__dict__") else []
    return [found for each in inside for found in _held(each, depth - 1)]
