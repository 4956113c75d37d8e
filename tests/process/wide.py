"""Bodies of as many things as they can hold: each is refused, and takes little more than to read it."""

from collections.abc import Callable


def many(item: bytes, body_bytes: int = 7_800_000) -> bytes:
    """A list that fills a body."""
    return b"[" + b",".join([item] * (body_bytes // (len(item) + 1))) + b"]"


# Bodies just below MAX_BODY_BYTES, of as many things as they can hold; each is refused.
WIDE: dict[str, Callable[[], tuple[str, bytes]]] = {
    "documents that are none": lambda: ("/documents", b'{"documents": %s}' % many(b"1")),
    "documents of nothing": lambda: ("/documents", b'{"documents": %s}' % many(b"{}")),
    "too many documents": lambda: ("/documents", b'{"documents": %s}' % many(b'{"text":"a"}')),
    "metadata of empty lists": lambda: (
        "/documents",
        b'{"documents": [{"text": "a", "metadata": {"k": %s}}]}' % many(b"[]"),
    ),
    "ids that are none": lambda: ("/documents/delete", b'{"ids": %s}' % many(b"1")),
    "a filter of empty objects": lambda: ("/search", b'{"filter": {"$and": %s}}' % many(b"{}")),
    "a filter of many values": lambda: ("/search", b'{"filter": {"k": {"$in": %s}}}' % many(b"1")),
    "a vector of texts": lambda: ("/search", b'{"vector": %s}' % many(b'"a"')),
    "a long vector": lambda: ("/search", b'{"vector": %s}' % many(b"1")),
    "unknown fields": lambda: ("/search", b"{%s}" % b",".join(b'"%d":1' % number for number in range(600_000))),
    "integers beyond 64 bits": lambda: ("/search", b'{"vector": %s}' % many(b"18446744073709551617")),
}
