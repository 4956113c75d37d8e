"""What a part of the benchmark has found: figures, their bars, and the table that shows both."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


class NotMeasured(Exception):
    """A part lacks something that this machine does not have. Its text says what, and where it comes from."""


@dataclass(frozen=True)
class Figure:
    """One number.

    spread   how much of it to believe, in words
    bar      what it must reach; None where nobody asks
    at_least whether to reach is to be as great as the bar, or as small
    """

    name: str
    value: float
    spread: str = ""
    bar: float | None = None
    at_least: bool = True

    @property
    def met(self) -> bool | None:
        """None without a bar."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def row(self) -> str:
        bar = "" if self.bar is None else f"{'≥' if self.at_least else '≤'} {number(self.bar)}"
        verdict = {None: "", True: "met", False: "**MISSED**"}[self.met]
        return f"| {self.name} | {number(self.value)} | {self.spread} | {bar} | {verdict} |"


def number(value: float) -> str:
    """Four digits, without an exponent."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def span(values: Sequence[float]) -> str:
    return f"{number(min(values))} to {number(max(values))}, {len(values)} rounds"


def table(title: str, figures: Iterable[Figure]) -> str:
    """Markdown."""
    head = [f"| {title} | | spread | bar | |", "|---|---|---|---|---|"]
    return "\n".join(head + [figure.row() for figure in figures])


def parser(about: str | None) -> argparse.ArgumentParser:
    """The options that every part has."""
    options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="small sizes: does it run, not how well")
    options.add_argument("--json", action="store_true", help="the figures as one line of JSON in place of the table")
    return options


def tell(title: str, measure: Callable[[], list[Figure]], *, as_json: bool) -> None:
    """Measure, and print what came of it; exits with 1 where nothing could be measured."""
    try:
        figures = measure()
    except NotMeasured as reason:
        sys.exit(f"{title}: not measured: {reason}")
    if as_json:
        print(json.dumps({"title": title, "figures": [asdict(each) for each in figures]}))
    else:
        print(table(title, figures))
        print(f"\nload average at the end: {load()}")


def heard(line: dict[str, Any]) -> tuple[str, list[Figure]]:
    """What `tell` has written as JSON."""
    return line["title"], [Figure(**each) for each in line["figures"]]


def load() -> str:
    """What the machine does, over the last one, five and fifteen minutes: processes that run or wait for a disk."""
    return ", ".join(f"{value:.1f}" for value in os.getloadavg())
