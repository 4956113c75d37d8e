"""Log lines: one line each, machine-readable when asked for, with the request id and whatever was added."""

import json
import logging
import sys

import pytest

from app.observability.logging import JsonFormatter, TextFormatter
from app.observability.request_id import request_id


def record(message: str = "done", **extra: object) -> logging.LogRecord:
    return logging.getLogger("t").makeRecord("t", logging.WARNING, __file__, 1, message, (), None, extra=extra)


@pytest.mark.parametrize("given", ["-", "trace-9"])
def test_whatever_id_a_request_has_is_on_its_lines(given: str) -> None:
    token = request_id.set(given)
    try:
        assert json.loads(JsonFormatter().format(record("a")))["request_id"] == given
        assert f"request_id={given}" in TextFormatter().format(record("a"))
    finally:
        request_id.reset(token)
    assert "request_id" not in JsonFormatter().format(record("a")) + TextFormatter().format(record("a"))


def test_json_lines_carry_everything() -> None:
    token = request_id.set("abc")
    try:
        line = json.loads(JsonFormatter().format(record("two\nlines", texts=3, path="/x")))
    finally:
        request_id.reset(token)
    assert line["time"].endswith("+00:00")
    del line["time"]
    expected = {
        "level": "warning",
        "logger": "t",
        "message": "two\nlines",
        "request_id": "abc",
        "texts": 3,
        "path": "/x",
    }
    assert line == expected
    assert "\n" not in JsonFormatter().format(record("two\nlines"))


def test_fields_given_as_one_are_the_same_fields() -> None:
    line = json.loads(JsonFormatter().format(record(fields={"texts": 3, "route": "/x"})))
    assert (line["texts"], line["route"]) == (3, "/x")
    assert "fields" not in line
    assert TextFormatter().format(record("done", fields={"texts": 3, "route": "/x"})).endswith("warning  done texts=3")


def test_a_line_outside_a_request_has_no_id() -> None:
    assert "request_id" not in json.loads(JsonFormatter().format(record()))


def test_what_is_not_json_is_written_as_text() -> None:
    assert json.loads(JsonFormatter().format(record(value={1, 2}.__class__)))["value"] == "<class 'set'>"


def test_exceptions_are_kept() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        failed = record()
        failed.exc_info = sys.exc_info()
    assert "ValueError: why" in json.loads(JsonFormatter().format(failed))["error"]
    assert "ValueError: why" in TextFormatter().format(failed)


def test_text_lines_can_be_read() -> None:
    line = TextFormatter().format(record("done", texts=3))
    assert line.endswith("warning  done texts=3")


def test_text_lines_have_the_id_that_errors_tell() -> None:
    token = request_id.set("abc")
    try:
        assert TextFormatter().format(record("done", texts=3)).endswith("warning  done texts=3 request_id=abc")
    finally:
        request_id.reset(token)


def test_text_lines_are_one_line_whatever_a_path_holds() -> None:
    line = TextFormatter().format(record("GET /a\n2026 critical forged\x1b[2J\u2028", name_given="b\r\nc"))
    assert len(line.splitlines()) == 1
    assert line.endswith("GET /a\\x0a2026 critical forged\\x1b[2J\\x2028 name_given=b\\x0d\\x0ac")
