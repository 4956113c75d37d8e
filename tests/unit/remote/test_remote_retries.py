"""When a call is made again, and how long it waits before."""

import asyncio

import pytest

from app.errors import RemoteFailed
from app.remote.retries import Retries, retry_after_s

NOW = "Tue, 24 Nov 2026 22:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Tue, 24 Nov 2026 22:00:09 GMT", "date": NOW}, 9.0),
        ({"retry-after": "Tue, 24 Nov 2026 21:00:00 GMT", "date": NOW}, 0.0),
        ({"retry-after": "Tue, 24 Nov 2026 22:00:09 GMT"}, None),
        ({"retry-after": "Tue, 24 Nov 2026 22:00:09", "date": NOW}, None),
        ({"retry-after": "soon", "date": NOW}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "1" * 400}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_the_header_is_a_number_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


def paused(retries: Retries, made: int, within_s: float = 60, **failure: object) -> float:
    """Seconds on the event loop's clock; raises the failure where there is no further call."""

    async def scenario() -> float:
        clock = asyncio.get_running_loop().time
        began = clock()
        error = RemoteFailed("server_error", "it answered 500", **failure)  # type: ignore[arg-type]
        await retries.pause(made, error, began + within_s)
        return clock() - began

    return asyncio.run(scenario())


def test_each_pause_is_longer_and_at_least_what_the_service_asks_for() -> None:
    retries = Retries(most=3, backoff_s=0.04, longest_s=20)
    assert paused(retries, 0, passing=True) >= 0.019
    assert paused(retries, 1, passing=True) >= 0.039
    assert paused(retries, 0, passing=True, retry_after_s=0.1) >= 0.099


@pytest.mark.parametrize(
    ("made", "within_s", "failure"),
    [
        (0, 60, {"passing": False}),
        (2, 60, {"passing": True}),
        (0, 60, {"passing": True, "retry_after_s": 21}),
        (0, 5, {"passing": True, "retry_after_s": 6}),
        (0, 0, {"passing": True}),
    ],
    ids=["of no use", "often enough", "asked to wait long", "too late", "no time left"],
)
def test_no_further_call(made: int, within_s: float, failure: dict[str, object]) -> None:
    with pytest.raises(RemoteFailed):
        paused(Retries(most=2, backoff_s=0.5, longest_s=20), made, within_s, **failure)
