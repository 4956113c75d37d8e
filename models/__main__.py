"""`python -m models NAME --precision int8`: make a model from its recipe, check it, put it in its folder."""

import argparse
import functools
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from models.check import check
from models.errors import MakingFailed
from models.make import make
from models.recipe import read_recipe

HERE = Path(__file__).resolve().parent


def main(words: Sequence[str] | None = None) -> int:
    """The command; `words` stand for its command line in tests."""
    parser = argparse.ArgumentParser(prog="python -m models", description=__doc__)
    parser.add_argument("name", help="a folder with a recipe.toml, e.g. all-MiniLM-L6-v2")
    parser.add_argument("--precision", default="int8", help="a precision of that recipe (default: int8)")
    parser.add_argument("--models", type=Path, default=HERE, help="the folder of the recipes (default: this one)")
    parser.add_argument("--kernels", type=Path, help="a library of operators to check the model with as well")
    arguments = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    checked = functools.partial(check, kernels=arguments.kernels)
    try:
        recipe = read_recipe(arguments.models / arguments.name)
        folder = make(recipe, arguments.precision, cache=arguments.models / ".cache", check=checked)
    except MakingFailed as error:
        print(error, file=sys.stderr)
        return 1
    print(f"made {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
