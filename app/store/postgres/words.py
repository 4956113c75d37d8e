"""A passage's words as PostgreSQL's full-text search keeps them: our own tokens, which its parsers never see."""

from app.store.keyword import document_text

# A word keeps the places of its first so many occurrences, and no place is beyond this.
# https://www.postgresql.org/docs/current/textsearch-limitations.html
MOST_PLACES = 255
LAST_PLACE = 16_383
# All words of a passage with their places: the server's limit is 1 MiB. What does not fit is not found by its words.
MOST_BYTES = 1_000_000
# An entry of a word, the count of its places and what aligns them; a place.
WORD_BYTES, PLACE_BYTES = 8, 2


def words_of(text: str) -> tuple[str, int]:
    """The text of a tsvector, and how many tokens it stands for."""
    places: dict[str, list[int]] = {}
    tokens = document_text(text).split()
    room = MOST_BYTES
    for place, token in enumerate(tokens, 1):
        found = places.get(token)
        if found is None:
            room -= len(token.encode()) + WORD_BYTES
            if room < 0:
                break
            found = places[token] = []
        if len(found) < MOST_PLACES and place <= LAST_PLACE:
            found.append(place)
            room -= PLACE_BYTES
        elif not found:
            found.append(LAST_PLACE)
            room -= PLACE_BYTES
    vector = " ".join(f"'{token}':{','.join(map(str, found))}" for token, found in places.items())
    return vector, len(tokens)
