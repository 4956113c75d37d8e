"""How far an import is, in numbers."""

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Progress:
    """Records by what became of them, and the bytes they came in.

    bytes_total  None where nobody knows
    bytes_done   of those read, how many have been worked off
    complete     whether everything was read and kept, but for what was refused
    """

    bytes_total: int | None
    done: int = 0
    unchanged: int = 0
    refused: int = 0
    bytes_read: int = 0
    bytes_done: int = 0
    complete: bool = False
    started_s: float = field(default_factory=time.monotonic)

    def counts(self) -> dict[str, Any]:
        """done, unchanged, refused, rate_per_s (records), bytes_read, bytes_done; bytes_total, remaining_s if known."""
        elapsed_s = max(time.monotonic() - self.started_s, 1e-6)
        counts: dict[str, Any] = {
            "done": self.done,
            "unchanged": self.unchanged,
            "refused": self.refused,
            "rate_per_s": round((self.done + self.unchanged) / elapsed_s, 1),
            "bytes_read": self.bytes_read,
            "bytes_done": self.bytes_done,
        }
        if self.bytes_total is not None:
            counts["bytes_total"] = self.bytes_total
            if self.bytes_done:
                counts["remaining_s"] = round((self.bytes_total - self.bytes_done) * elapsed_s / self.bytes_done, 1)
        return counts

    def summary(self) -> dict[str, Any]:
        counts = self.counts()
        counts.pop("remaining_s", None)
        return {"complete": self.complete, **counts, "elapsed_s": round(time.monotonic() - self.started_s, 3)}
