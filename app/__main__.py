"""`python -m app serve` runs the service; the other commands speak to one that runs, or to its data directory."""

import argparse
import gc
import importlib
import os
import signal
import sys

from app.errors import VectorSpaceError

# Loaded by name, so that the health check, run every few seconds, does not pay for the service's imports.
MODULES = {
    "serve": "app.server",
    "health": "app.probe",
    "import": "app.commands.collection_import",
    "export": "app.commands.collection_export",
    "backup": "app.commands.backup",
    "restore": "app.commands.restore",
    "mcp": "app.commands.mcp",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("serve", help="run the service")
    commands.add_parser("health", help="ask the service on this machine whether it is ready")
    keyed = "the key is the environment's API_KEY, or the first in API_KEY_FILE"
    remote = argparse.ArgumentParser(add_help=False)
    remote.add_argument("collection", metavar="COLLECTION")
    remote.add_argument("file", metavar="FILE", help="- for standard input or output")
    remote.add_argument("--url", default="http://localhost:8000", help="where the service is (default: %(default)s)")
    into = commands.add_parser("import", parents=[remote], epilog=keyed, help="send a file into a collection")
    into.add_argument("--format", choices=["ndjson", "csv", "markdown", "text"], help="default: by the file's ending")
    into.add_argument("--create", action="store_true", help="create the collection where there is none")
    commands.add_parser("export", parents=[remote], epilog=keyed, help="fetch a collection, vectors included")
    assistant = commands.add_parser("mcp", epilog=keyed, help="a collection as tools of an assistant, over MCP")
    assistant.add_argument("collection", metavar="COLLECTION")
    assistant.add_argument("--url", default="http://localhost:8000", help="where the service is (default: %(default)s)")
    local = argparse.ArgumentParser(add_help=False)
    local.add_argument("file", metavar="FILE")
    commands.add_parser("backup", parents=[local], help="one consistent file of DATA_DIRECTORY, while the service runs")
    commands.add_parser("restore", parents=[local], help="fill an empty DATA_DIRECTORY from a backup")
    return parser


def main(arguments: list[str] | None = None) -> int:
    given = vars(_parser().parse_args(arguments))
    if given["command"] == "serve":
        # As process 1 of a container it would else not hear the signal before it can serve. Nothing is open yet; an
        # exception could come out of an extension module's initialisation as another one.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        # Next to nothing of what is loaded becomes garbage, and looking for it takes a seventh of the start: the server
        # has it looked for when it listens (docs/decisions/0013-engine.md).
        gc.disable()
    command = importlib.import_module(MODULES[given.pop("command")])
    try:
        return int(command.main(**given))
    except KeyboardInterrupt:
        return 130
    except VectorSpaceError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
