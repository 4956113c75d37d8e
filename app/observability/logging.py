"""Log lines: one JSON object a line for machines, or one readable line for people. Standard output only."""

import logging
import sys
from datetime import UTC, datetime

import orjson

from app.observability.request_id import request_id

# What a record has of its own; anything else on it came through `extra` and is data.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _extra(record: logging.LogRecord) -> dict[str, object]:
    """What `extra` brought, or its `fields`: one dictionary of all of it, which takes less time to go through."""
    fields: dict[str, object] | None = vars(record).get("fields")
    return fields if fields is not None else {key: value for key, value in vars(record).items() if key not in _OWN}


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


class JsonFormatter(logging.Formatter):
    """{"time", "level", "logger", "message", "request_id"?, "error"?, …extra}"""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            line["request_id"] = current
        line |= _extra(record)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


# A path can hold anything, a line break and what looks like the next line too; so can what moves a terminal's cursor.
_controls = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}


class TextFormatter(logging.Formatter):
    """time level message key=value … request_id=…?, with control characters written as escapes"""

    def format(self, record: logging.LogRecord) -> str:
        shown = {key: value for key, value in _extra(record).items() if key not in ("method", "route")}
        if current := request_id.get():
            shown["request_id"] = current
        extra = " ".join(f"{key}={value}" for key, value in shown.items())
        time = _time(record).isoformat(timespec="milliseconds")
        line = f"{time} {record.levelname.lower():8} {record.getMessage()} {extra}".rstrip().translate(_controls)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(*, json: bool, level: str) -> None:
    """Send every logger's lines to standard output in one format, from `level` up."""
    # Nothing above prints where a line was logged from, or by which thread: half of what a line costs is looking it up.
    # https://docs.python.org/3/howto/logging.html#optimization
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter() if json else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore", "_granian"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
