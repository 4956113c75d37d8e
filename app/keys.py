"""Keys as they are written: between commas in a setting, one a line in a file. Light: the commands read theirs too."""

import re

# What a header takes as it is: other letters are sent as UTF-8 by most clients, and read as Latin-1 here.
_key = re.compile(r"[!-~]+")
A_KEY = "a key has letters, digits and signs of ASCII, and no blank"


def is_key(text: str) -> bool:
    return _key.fullmatch(text) is not None


def between_commas(value: str) -> tuple[str, ...]:
    """`one, two,` are one and two; of `,` there is nothing."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def keys_in(text: str) -> list[str]:
    """The keys of a file: one a line; empty lines, and lines that begin with #, are passed over.

    raises  ValueError, with the number of a line that is no key, and nothing of what is in it
    """
    keys = []
    for number, line in enumerate(text.removeprefix("\N{BYTE ORDER MARK}").splitlines(), 1):
        found = line.strip()
        if not found or found.startswith("#"):
            continue
        if not is_key(found):
            raise ValueError(f"has no key in line {number} ({A_KEY})")
        keys.append(found)
    return keys
