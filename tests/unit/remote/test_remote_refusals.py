"""What a refusal of an OpenAI-compatible service tells us, and what of its words goes to the log."""

import logging

import pytest

from app.remote.refusals import MOST_SAID, refusal
from tests.remote.service import KEY


@pytest.mark.parametrize("key", [KEY, "x", "token", "a"])
def test_a_parameters_name_is_read_whatever_the_key_is(key: str) -> None:
    body = b'{"error": {"code": "unsupported_parameter", "param": "max_tokens", "message": "no"}}'
    assert refusal(400, {}, body, key).param == "max_tokens"


@pytest.mark.parametrize("form", [b'{"error": {"message": "%s"}}', b"%s", b'{"detail": "%s"}'])
@pytest.mark.parametrize("before", [0, MOST_SAID - 5, 2 * MOST_SAID])
def test_the_key_is_in_no_part_of_the_log(caplog: pytest.LogCaptureFixture, form: bytes, before: int) -> None:
    with caplog.at_level(logging.WARNING):
        failed = refusal(400, {}, form % (b"." * before + KEY.encode()), KEY)
    assert "answered 400" in caplog.text
    for part in (caplog.text, str(failed)):
        assert KEY[:8] not in part
