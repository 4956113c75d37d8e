"""The values of one statement: each is sent beside the SQL, never in it."""

from collections.abc import Iterable


class Parameters:
    """`add` gives the mark that stands for a value: $1, $2 and so on."""

    def __init__(self, values: Iterable[object] = ()) -> None:
        self.values = list(values)

    def add(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"
