"""What can go wrong while a model is made, as one tree: named by cause, with the numbers that disagree.

MakingFailed
├── RecipeInvalid       a recipe that is absent, has an unknown or missing key, or a value of the wrong kind
├── SourceUnusable      one source: gone, or a hash other than the pinned one; the next one is tried
├── NoSource            every source failed; says why, each
├── WeightsUnfit        weights that do not fit the recipe: a tensor absent or of another shape
├── CalibrationUnfit    calibration values that do not fit the weights
├── NetworkDiffers      the network made here is not the one that the recipe pins
├── ReferenceUnfit      reference vectors that do not belong to the reference texts
└── BelowBar            vectors too far from the reference ones
"""

from pathlib import Path


class MakingFailed(Exception):
    """The root. The message is for people; nothing has been installed when one of these is raised."""


class RecipeInvalid(MakingFailed):
    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")


class SourceUnusable(MakingFailed):
    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")


class NoSource(MakingFailed):
    def __init__(self, name: str, failures: list[SourceUnusable]) -> None:
        reasons = "".join(f"\n  {failure}" for failure in failures)
        super().__init__(f"none of the {len(failures)} sources of {name} can be used:{reasons}")


class WeightsUnfit(MakingFailed):
    def __init__(self, tensor: str, expected: str, found: str) -> None:
        super().__init__(f"weights: {tensor}: expected {expected}, found {found}")


class CalibrationUnfit(MakingFailed):
    def __init__(self, what: str, expected: str, found: str) -> None:
        super().__init__(
            f"calibration: {what}: expected {expected}, found {found}. Redo it with `python -m models.calibrate`"
        )


class NetworkDiffers(MakingFailed):
    def __init__(self, name: str, precision: str, expected: str, found: str) -> None:
        super().__init__(
            f"{name} {precision}: the recipe pins a network of sha256 {expected}, these inputs give {found}. "
            "After a wanted change of the recipe or of the code, pin the new one"
        )


class ReferenceUnfit(MakingFailed):
    def __init__(self, path: Path, expected: str, found: str) -> None:
        super().__init__(f"{path}: expected {expected}, found {found}. Redo it with `python -m models.reference`")


class BelowBar(MakingFailed):
    def __init__(self, bar: str, wanted: float, found: float, texts: int, worst: str) -> None:
        super().__init__(
            f"{bar} cosine to the reference vectors over {texts} texts: {found:.6f}, the bar is {wanted:.6f}; "
            f"the farthest text begins {worst[:40]!r}"
        )
