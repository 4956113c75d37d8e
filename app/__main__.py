"""`python -m app serve` runs the service, `python -m app health` asks whether it is ready."""

import argparse
import importlib
import sys


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m app", description=__doc__)
    parser.add_argument("command", choices=["serve", "health"])
    command = parser.parse_args(arguments).command
    # Loaded by name, so that the health check, run every few seconds, does not pay for the service's imports.
    if command == "health":
        return int(importlib.import_module("app.probe").main())
    return int(importlib.import_module("app.server").main())


if __name__ == "__main__":
    sys.exit(main())
