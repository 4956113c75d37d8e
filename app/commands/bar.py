"""Progress on a terminal: one line that is drawn over, or plain lines where there is no terminal."""

import sys
from typing import Any, TextIO

WIDTH = 30


class Bar:
    def __init__(self, out: TextIO = sys.stderr) -> None:
        self._out = out
        self._drawn = 0

    def show(self, text: str, part: float | None = None) -> None:
        """Draw `text`, with a bar for `part` of the whole, 0 to 1, where it is known."""
        if part is not None:
            filled = round(WIDTH * min(max(part, 0.0), 1.0))
            text = f"[{'#' * filled}{'.' * (WIDTH - filled)}] {part:4.0%}  {text}"
        if self._out.isatty():
            self._out.write("\r" + text.ljust(self._drawn))
            self._drawn = len(text)
        else:
            self._out.write(text + "\n")
        self._out.flush()

    def say(self, line: str) -> None:
        """A line that stays."""
        self.clear()
        self._out.write(line + "\n")
        self._out.flush()

    def clear(self) -> None:
        if self._drawn:
            self._out.write("\r" + " " * self._drawn + "\r")
            self._drawn = 0


def counted(counts: dict[str, Any]) -> tuple[str, float | None]:
    """An import's counts in words, and the part of the whole that is worked off, where the whole is known."""
    text = f"{counts['done']} kept, {counts['unchanged']} unchanged, {counts['refused']} refused"
    text += f", {counts['rate_per_s']:.0f} a second"
    if "remaining_s" in counts:
        text += f", about {counts['remaining_s']:.0f} s left"
    total = counts.get("bytes_total")
    return text, counts["bytes_done"] / total if total else None
