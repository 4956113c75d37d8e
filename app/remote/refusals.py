"""What a service's statuses mean to us. Its own words go to the log, since they may tell whose account it is; but none
that quote a text.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from app.errors import RemoteFailed, RemoteKind
from app.remote.retries import retry_after_s

log = logging.getLogger(__name__)

# Gateways in front of such services use 529 and Cloudflare's 52x as others use 503.
PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
# Told with 429 where paying is what would help, and not waiting.
UNPAID = "insufficient_quota"
# Characters of its words in the log.
MOST_SAID = 500
# So many characters of a text in a row are a quotation of it.
QUOTATION = 16


def refusal(
    status: int, headers: Mapping[str, str], raw: bytes, key: str, sent: Mapping[str, Any] | None = None
) -> RemoteFailed:
    """The failure that a status other than 200 is; `raw` is the beginning of its body, which may quote our `key`, and
    the texts in what was `sent`.
    """
    code, param, words = _said(raw)
    words = words.replace(key, "[key]")[:MOST_SAID]
    if status in (401, 403):  # its words may quote a part of the key
        log.warning("the OpenAI-compatible service answered %d", status)
        return RemoteFailed("unauthorized", f"it answered {status}: it does not take OPENAI_API_KEY")
    if _quotes(words, sent or {}):
        words = f"{code} (its words quote a text, and are left out)"
    log.warning("the OpenAI-compatible service answered %d: %s", status, words)
    kind: RemoteKind = "rate_limited" if status == 429 else "server_error" if status >= 500 else "refused"
    reason = f"it answered {status}"
    if code == UNPAID:
        reason += ": its quota for this key is used up"
    return RemoteFailed(
        kind,
        reason,
        passing=status in PASSING and code != UNPAID,
        retry_after_s=retry_after_s(headers),
        param=param,
    )


def _quotes(words: str, sent: Mapping[str, Any]) -> bool:
    """Whether a part of a text stands in `words`, be it broken into lines in another way. The model's name is none."""
    said = " ".join(words.split())
    pieces = [said[start : start + QUOTATION] for start in range(len(said) - QUOTATION + 1)]
    texts = (" ".join(text.split()) for name, value in sent.items() if name != "model" for text in _texts(value))
    return any(piece in text for text in texts for piece in pieces)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _said(raw: bytes) -> tuple[str, str, str]:
    """code, param and message of an error in OpenAI's shape; else "", "" and the body's beginning."""
    try:
        error = orjson.loads(raw)["error"]
        code, param, words = (str(error.get(name) or "") for name in ("code", "param", "message"))
        return code, param, words
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return "", "", raw.decode("utf-8", "replace")
