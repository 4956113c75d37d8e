"""Every part of the store's benchmark, one after another, each in a process of its own; one table with the bars."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.store.report import Figure, heard, load, table

CHECKOUT = Path(__file__).resolve().parents[2]
# What semantic.py is to reach at least; its other bars are to be reached at most.
AT_LEAST = {"recall_at_10"}
QUICK_PASSAGES = 5000


def run(*, quick: bool, lists: Path | None) -> tuple[list[str], int]:
    """Tables, in Markdown, and how many bars were missed or parts not measured. Says on stderr how far it is.

    quick  sizes too small to judge by: what is missed is shown, and not counted
    """
    parts: dict[str, list[str]] = {
        "quality": ["--lists", str(lists)] if lists else [],
        "importing": [],
        "mixed": [],
        "semantic": [],
        "kills": [],
    }
    tables, wrong = list[str](), 0
    for name, options in parts.items():
        print(f"store: {name}", file=sys.stderr, flush=True)
        if name == "semantic":
            options = ["--passages", str(QUICK_PASSAGES)] if quick else []
        else:
            options = [*options, "--json", *(["--quick"] if quick else [])]
        before = load()
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.store.{name}", *options], cwd=CHECKOUT, capture_output=True, text=True
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            tables.append(f"**{name}: NOT MEASURED.** {reason}")
            wrong += 1
            continue
        found = json.loads(done.stdout)
        title, figures = heard(found) if "figures" in found else ("the store at size", list(_at_size(found)))
        missed = [figure for figure in figures if figure.met is False]
        wrong += 0 if quick else len(missed)
        tables.append(f"{table(title, figures)}\n\nload average before: {before}; after: {load()}")
    return tables, wrong


def _at_size(found: dict[str, object]) -> Iterator[Figure]:
    """semantic.py's figures: every number it prints, with the bar of the same name."""
    bars = found.get("bars")
    for name, value in found.items():
        if isinstance(value, int | float):
            bar = bars.get(name) if isinstance(bars, dict) else None
            yield Figure(name.replace("_", " "), value, bar=bar, at_least=name in AT_LEAST)
