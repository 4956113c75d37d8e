"""What a refusal of an OpenAI-compatible service tells us, and what of its words goes to the log."""

import logging

import orjson
import pytest

from app.remote.refusals import MOST_SAID, refusal
from tests.remote.service import KEY


@pytest.mark.parametrize("key", [KEY, "x", "token", "a"])
def test_a_parameters_name_is_read_whatever_the_key_is(key: str) -> None:
    body = b'{"error": {"code": "unsupported_parameter", "param": "max_tokens", "message": "no"}}'
    assert refusal(400, {}, body, key).param == "max_tokens"


TEXT = "The lighthouse keeper\n   wrote it down in 1911: the lamp had gone out."


@pytest.mark.parametrize(
    "words",
    [
        f"cannot read: {TEXT}",
        "cannot read: " + TEXT.replace("\n   ", " "),
        "…keeper wrote it down i…",
    ],
)
@pytest.mark.parametrize(
    "sent",
    [
        {"model": "m", "messages": [{"role": "user", "content": f"Sources:\n[1] {TEXT}"}]},
        {"model": "m", "input": ["other", TEXT]},
    ],
)
def test_no_text_that_was_sent_is_in_the_log(
    caplog: pytest.LogCaptureFixture, words: str, sent: dict[str, object]
) -> None:
    body = orjson.dumps({"error": {"code": "bad_input", "message": words}})
    with caplog.at_level(logging.WARNING):
        failed = refusal(400, {}, body, KEY, sent)
    assert "answered 400: bad_input (its words quote a text, and are left out)" in caplog.text
    assert "keeper" not in caplog.text + str(failed)


def test_what_is_no_text_stays_in_its_words(caplog: pytest.LogCaptureFixture) -> None:
    """The model's name, and those of parameters."""
    words = "The model `a-model-of-a-long-name` does not know max_completion_tokens."
    sent = {"model": "a-model-of-a-long-name", "max_completion_tokens": 5, "input": [TEXT]}
    with caplog.at_level(logging.WARNING):
        refusal(404, {}, orjson.dumps({"error": {"message": words}}), KEY, sent)
    assert words in caplog.text


@pytest.mark.parametrize("form", [b'{"error": {"message": "%s"}}', b"%s", b'{"detail": "%s"}'])
@pytest.mark.parametrize("before", [0, MOST_SAID - 5, 2 * MOST_SAID])
def test_the_key_is_in_no_part_of_the_log(caplog: pytest.LogCaptureFixture, form: bytes, before: int) -> None:
    with caplog.at_level(logging.WARNING):
        failed = refusal(400, {}, form % (b"." * before + KEY.encode()), KEY)
    assert "answered 400" in caplog.text
    for part in (caplog.text, str(failed)):
        assert KEY[:8] not in part
