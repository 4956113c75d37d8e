"""Which reader an import's content type asks for."""

from collections.abc import Callable, Mapping

from app.errors import UnknownFormat
from app.pipeline.formats.markdown import Markdown
from app.pipeline.formats.ndjson import Ndjson
from app.pipeline.formats.paragraphs import Paragraphs
from app.pipeline.formats.record import Reader
from app.pipeline.formats.table import Table

NDJSON = "application/x-ndjson"
READERS: Mapping[str, Callable[[int], Reader]] = {
    NDJSON: Ndjson,
    "text/csv": Table,
    "text/markdown": Markdown,
    "text/plain": Paragraphs,
}
OTHER_NAMES = {"application/ndjson": NDJSON, "application/jsonl": NDJSON}


def reader_for(content_type: str, max_record_bytes: int, max_exported_bytes: int = 0) -> Reader:
    """A fresh reader. max_exported_bytes: see `Ndjson`. raises  UnknownFormat, naming those that are known"""
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    media_type = OTHER_NAMES.get(media_type, media_type)
    charset = next((each.partition("=")[2].strip('"') for each in parameters if each.startswith("charset=")), "utf-8")
    if media_type not in READERS or charset not in ("utf-8", "utf8", "us-ascii"):
        raise UnknownFormat(content_type, [f"{name} in UTF-8" for name in READERS])
    if media_type == NDJSON:
        return Ndjson(max_record_bytes, max_exported_bytes)
    return READERS[media_type](max_record_bytes)
