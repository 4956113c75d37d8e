"""How much of a ranking is asked of the database: until there are enough passages, of enough documents."""

from collections.abc import Awaitable, Callable

from app.store.fusion import Found, documents_in

AT_LEAST = 64
MORE = 4

# The best so many passages, and those as good as the last of them.
Head = Callable[[int], Awaitable[list[Found]]]


async def enough(head: Head, passages: int, documents: int) -> list[Found]:
    """The head of a ranking, best first, equal ones by key: at least so many passages of so many documents, or all."""
    limit = max(passages, 2 * documents, AT_LEAST)
    while True:
        found = await head(limit)
        if len(found) < limit or holds(found, passages, documents):
            return ordered(found)
        limit *= MORE


def holds(found: list[Found], passages: int, documents: int) -> bool:
    return len(found) >= passages and documents_in(found) >= documents


def ordered(found: list[Found]) -> list[Found]:
    return sorted(found, key=lambda each: (-each.score, each.key))
