"""`python -m kernels`: compile the library of operators; on a processor that it is not for, say so and make nothing."""

import argparse
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from kernels.build import LIBRARY, CompilerFailed, build


def main(words: Sequence[str] | None = None) -> int:
    """The command; `words` stand for its command line in tests."""
    parser = argparse.ArgumentParser(prog="python -m kernels", description=__doc__)
    parser.add_argument("output", type=Path, nargs="?", default=LIBRARY, help=f"default: {LIBRARY.name} beside this")
    output: Path = parser.parse_args(words).output
    system, processor = platform.system(), platform.machine()
    if (system, processor) != ("Linux", "x86_64"):
        print(f"no kernels for {system} on {processor}: ONNX Runtime's own operators compute the model")
        return 0
    try:
        build(output)
    except CompilerFailed as error:
        print(error, file=sys.stderr)
        return 1
    print(f"made {output}, {output.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
