"""How many connections the limit on open files lets the server hold."""

import logging
import resource

import pytest

from app.server import OTHER_FILES, _connections

Limits = tuple[int, int]


@pytest.mark.parametrize(
    ("limits", "held", "after"),
    [
        ((100_000, 100_000), 4096, None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 4096, None),
        ((1024, 100_000), 4096, (4096 + OTHER_FILES, 100_000)),
        ((1024, resource.RLIM_INFINITY), 4096, (4096 + OTHER_FILES, resource.RLIM_INFINITY)),
        ((1024, 1024), 1024 - OTHER_FILES, (1024, 1024)),
    ],
)
def test_the_limit_on_open_files_is_raised_as_far_as_it_may_be(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, limits: Limits, held: int, after: Limits | None
) -> None:
    made: list[Limits] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: made.append(new))
    with caplog.at_level(logging.WARNING):
        assert _connections(4096) == held
    assert made == ([] if after is None else [after])
    assert ("1024 open files are allowed: fewer connections than the 4096" in caplog.text) == (held < 4096)
