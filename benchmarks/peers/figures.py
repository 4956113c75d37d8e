"""What a run has found, cell by cell and round by round, and what follows from it. Pure: nothing here measures."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

OURS, BASE64, IMAGE, TORCH = "VectorSpace", "VectorSpace, base64", "VectorSpace, image", "torch"
LIGHT_EMBED = "light-embed"
# ONNX Runtime called without a service, with its own operators and with ours.
ONNX_RUNTIME, BARE = "ONNX Runtime", "bare"
LIMITS = (ONNX_RUNTIME, BARE)
OWN = {OURS, BASE64, IMAGE, *LIMITS}  # what is no peer
IN_PROCESS = {LIGHT_EMBED, *LIMITS}  # libraries, asked without a server


@dataclass(frozen=True)
class Cell:
    """One load: `least` texts or more of one workload, so many in a request, so many requests under way.

    most   texts that are prepared; a server that is through with them before the time is up ends earlier
    """

    workload: str
    in_request: int
    clients: int
    least: int
    most: int

    @property
    def key(self) -> tuple[str, int, int]:
        return self.workload, self.in_request, self.clients

    def __str__(self) -> str:
        return f"{self.workload}, {self.in_request} × {self.clients}"


@dataclass(frozen=True)
class Taken:
    """One cell of one peer in one round. client_share: of one CPU, what the client took"""

    texts_per_s: float
    p50_ms: float
    p99_ms: float
    client_share: float = 0.0


@dataclass(frozen=True)
class Resources:
    """One start of one peer: seconds to its first vectors, and MB of memory under load at the most, and after it."""

    start_s: float
    peak_mb: float
    after_mb: float


@dataclass
class Round:
    """What one round has found; a peer that could not be measured is absent.

    of_limit  by one of LIMITS and workload: ours by that, turn after turn
    """

    taken: dict[tuple[str, Cell], Taken] = field(default_factory=dict)
    resources: dict[str, Resources] = field(default_factory=dict)
    of_limit: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def best(self, peers: Collection[str], cells: Collection[Cell]) -> float | None:
        """The most texts a second that any of `peers` reached in any of `cells`."""
        found = (taken for (name, cell), taken in self.taken.items() if name in peers and cell in cells)
        return max((taken.texts_per_s for taken in found), default=None)

    def cells(self, peers: Collection[str], workload: str, in_request: int) -> set[Cell]:
        """The cells of a workload that any of `peers` was measured in, whatever the number of clients."""
        return {
            cell
            for name, cell in self.taken
            if name in peers and (cell.workload, cell.in_request) == (workload, in_request)
        }


@dataclass(frozen=True)
class Spread:
    """A figure over the rounds, or over turns within them."""

    values: Sequence[float]
    of: str = "rounds"

    @property
    def median(self) -> float:
        return median(self.values)

    def __str__(self) -> str:
        return f"{min(self.values):.2f} to {max(self.values):.2f}, {len(self.values)} {self.of}"


def percentile(values: Sequence[float], percent: float) -> float:
    """The least value that at least `percent` of all do not exceed (nearest rank). raises ValueError without values"""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def ratios(pairs: Iterable[tuple[float | None, float | None]]) -> Spread | None:
    """One ratio a round, of the rounds that have both; None where none has."""
    found = [above / below for above, below in pairs if above is not None and below]
    return Spread(found) if found else None


def over(rounds: Sequence[Round], peer: str, others: Collection[str], workload: str, in_request: int) -> Spread | None:
    """`peer`'s texts a second by those of the best of `others`, within each round.

    Each side counts with the number of clients that suits it best, of those that the others were measured with.
    """
    pairs = []
    for each in rounds:
        cells = each.cells(others, workload, in_request)
        pairs.append((each.best([peer], cells), each.best(others, cells)))
    return ratios(pairs)


def median_of(rounds: Sequence[Round], peer: str, cell: Cell, what: str) -> float | None:
    """The median over the rounds of a field of `Taken`."""
    found = [getattr(each.taken[peer, cell], what) for each in rounds if (peer, cell) in each.taken]
    return median(found) if found else None


def resource(rounds: Sequence[Round], peer: str, what: str) -> float | None:
    """The median over the rounds of a field of `Resources`."""
    found = [getattr(each.resources[peer], what) for each in rounds if peer in each.resources]
    return median(found) if found else None
