"""The report of the peers' part: texts a second, latency, what each takes, and the bars."""

from collections.abc import Sequence

from benchmarks.peers.containers import Image
from benchmarks.peers.environments import installed_mb
from benchmarks.peers.figures import (
    BARE,
    BASE64,
    IMAGE,
    IN_PROCESS,
    LIGHT_EMBED,
    ONNX_RUNTIME,
    OURS,
    OWN,
    TORCH,
    Cell,
    Round,
    Spread,
    median_of,
    over,
    ratios,
    resource,
)
from benchmarks.peers.peers import Peer
from benchmarks.store.report import Figure, load, number, table

# issue 4's bars
OVER_TORCH = {"sentences": 4.0, "128 tokens": 4.0, "mixed": 5.0}
OVER_BEST, OF_LIMIT, LONE_MS = 3.0, 0.90, 1.5
MANY, LONE = 32, Cell("sentences", 1, 1, 0, 0).key
LIMIT = (MANY, 64)  # texts in a request, clients


def report(
    found: dict[str, Peer | Image], reasons: dict[str, str], rounds: Sequence[Round], *, quick: bool
) -> tuple[list[str], int]:
    """Tables, in Markdown, and how many bars were missed (not with quick) or peers not measured."""
    parts = [f"**{name}: NOT MEASURED.** {reason}" for name, reason in reasons.items()]
    names = [name for name in found if any(name in each.resources for each in rounds)]
    spoken = [*names]
    if any(name == BASE64 for each in rounds for name, _ in each.taken):
        spoken.insert(1, BASE64)
    if not names or OURS in reasons:
        return parts, len(parts)
    cells = list(dict.fromkeys(cell for each in rounds for _, cell in each.taken))
    many = [cell for cell in cells if cell.in_request == MANY]
    lone = [cell for cell in cells if cell.in_request != MANY]
    figures = bars(names, rounds)
    parts += [
        throughput(spoken, many, rounds),
        latency(names, lone, rounds),
        resources(names, found, rounds),
        *([musl(cells, rounds)] if IMAGE in names else []),
        table(f"the bars, {len(rounds)} rounds", figures),
        notes(rounds),
    ]
    missed = sum(figure.met is False for figure in figures)
    return parts, len(reasons) + (0 if quick else missed)


def throughput(names: Sequence[str], cells: Sequence[Cell], rounds: Sequence[Round]) -> str:
    """Texts a second, and ours by torch's and by that of the best other peer."""
    others = [name for name in names if name not in OWN]
    lines = [_row("texts/s: texts, in a request × clients", [*names, "ours / torch", "ours / best other"])]
    for cell in cells:
        rates = [_shown(median_of(rounds, name, cell, "texts_per_s")) for name in names]
        by = [_by(rounds, cell, [TORCH]), _by(rounds, cell, [name for name in others if name != TORCH])]
        lines.append(_row(str(cell), [*rates, *by]))
    return _table(lines)


def latency(names: Sequence[str], cells: Sequence[Cell], rounds: Sequence[Round]) -> str:
    lines = [_row("ms, p50 / p99: texts, in a request × clients", names)]
    for cell in cells:
        both = [[median_of(rounds, name, cell, what) for what in ("p50_ms", "p99_ms")] for name in names]
        lines.append(_row(str(cell), [" / ".join(map(_shown, each)) if each[0] is not None else "–" for each in both]))
    return _table(lines)


def resources(names: Sequence[str], found: dict[str, Peer | Image], rounds: Sequence[Round]) -> str:
    lines = [_row("what it takes", names)]
    rows = {
        "start to first vectors [s]": "start_s",
        "memory, most [MB]": "peak_mb",
        "memory after the load [MB]": "after_mb",
    }
    for title, what in rows.items():
        lines.append(_row(title, [_shown(resource(rounds, name, what)) for name in names]))
    sizes = [_shown(_size_mb(found[name])) for name in names]
    return _table([*lines, _row("installed, model included [MB]", sizes)])


def _size_mb(peer: Peer | Image) -> float | None:
    if isinstance(peer, Image):
        return peer.size_mb
    return installed_mb(*peer.installed) if peer.installed else None


def musl(cells: Sequence[Cell], rounds: Sequence[Round]) -> str:
    """What the image costs through HTTP: a container of it by the same service on glibc."""
    lines = [_row("the image (musl, a container) / glibc", ["texts/s", "p50"])]
    for cell in cells:
        both = [(each.taken.get((IMAGE, cell)), each.taken.get((OURS, cell))) for each in rounds]
        pairs = [(image, glibc) for image, glibc in both if image and glibc]
        rates = ratios((image.texts_per_s, glibc.texts_per_s) for image, glibc in pairs)
        times = ratios((image.p50_ms, glibc.p50_ms) for image, glibc in pairs)
        lines.append(_row(str(cell), [_ratio(rates), _ratio(times)]))
    return _table(lines)


def bars(names: Sequence[str], rounds: Sequence[Round]) -> list[Figure]:
    """Each ratio is taken within a round, or a turn, and the median of them counts."""
    others = [name for name in names if name not in OWN]
    figures: list[Figure] = []

    def add(name: str, spread: Spread | None, bar: float | None, *, at_least: bool = True) -> None:
        if spread is not None:
            figures.append(Figure(name, spread.median, str(spread), bar, at_least))

    for workload, bar in OVER_TORCH.items():
        add(f"{workload}: ours / torch", over(rounds, OURS, [TORCH], workload, MANY), bar)
    for workload in OVER_TORCH:
        rest = [name for name in others if name != TORCH]
        add(f"{workload}: ours / best other peer", over(rounds, OURS, rest, workload, MANY), OVER_BEST)
    for workload in OVER_TORCH:
        add(f"{workload}, 32 × 64: ours / {BARE}", _of_limit(rounds, BARE, workload), OF_LIMIT)
    # Said, and no bar: with its own operators it is no limit, since ours are faster.
    for workload in OVER_TORCH:
        add(f"{workload}, 32 × 64: ours / {ONNX_RUNTIME}", _of_limit(rounds, ONNX_RUNTIME, workload), None)
    add("one sentence at rest: ours less bare [ms]", _lone(rounds), LONE_MS, at_least=False)
    add("memory, most: ours / least of the peers", _least(rounds, others, "peak_mb"), 1.0, at_least=False)
    served = [name for name in others if name not in IN_PROCESS]
    add("start: ours / least of the peers that serve", _least(rounds, served, "start_s"), 1.0, at_least=False)
    # Said, and no bar: what a library loads is a part of what a server does until it answers.
    libraries = [name for name in others if name in IN_PROCESS]
    add("start: ours / least of the libraries", _least(rounds, libraries, "start_s"), None)
    return figures


def notes(rounds: Sequence[Round]) -> str:
    shares = [taken.client_share for each in rounds for (name, _), taken in each.taken.items() if name == OURS]
    return (
        "Where a bar names no number of clients, each side has the one that suits it best. "
        f"{LIGHT_EMBED}, {ONNX_RUNTIME} and {BARE} run in process, with the texts of all clients in one call; "
        f"{BARE} is {ONNX_RUNTIME} with our operators. The client shares the "
        f"machine's CPUs with the server; it took {max(shares, default=0):.0%} of one at the most under our service. "
        f"Load average at the end: {load()}"
    )


def _of_limit(rounds: Sequence[Round], limit: str, workload: str) -> Spread | None:
    found = [ratio for each in rounds for ratio in each.of_limit.get((limit, workload), ())]
    return Spread(found, "turns") if found else None


def _lone(rounds: Sequence[Round]) -> Spread | None:
    differences = []
    for each in rounds:
        p50 = {peer: taken.p50_ms for (peer, cell), taken in each.taken.items() if cell.key == LONE}
        if OURS in p50 and BARE in p50:
            differences.append(p50[OURS] - p50[BARE])
    return Spread(differences) if differences else None


def _least(rounds: Sequence[Round], others: Sequence[str], what: str) -> Spread | None:
    def of(each: Round, names: Sequence[str]) -> float | None:
        return min((getattr(each.resources[name], what) for name in names if name in each.resources), default=None)

    return ratios((of(each, [OURS]), of(each, others)) for each in rounds)


def _by(rounds: Sequence[Round], cell: Cell, others: Sequence[str]) -> str:
    return _ratio(ratios((each.best([OURS], [cell]), each.best(others, [cell])) for each in rounds))


def _ratio(spread: Spread | None) -> str:
    if spread is None:
        return "–"
    return f"{spread.median:.2f} ({min(spread.values):.2f} to {max(spread.values):.2f})"


def _shown(value: float | None) -> str:
    return "–" if value is None else number(value if value >= 100 else round(value, 2))


def _row(title: str, columns: Sequence[str]) -> str:
    return f"| {title} | {' | '.join(columns)} |"


def _table(lines: list[str]) -> str:
    return "\n".join([lines[0], "|---" * (lines[0].count("|") - 1) + "|", *lines[1:]])
