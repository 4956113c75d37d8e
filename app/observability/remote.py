"""Calls to an OpenAI-compatible service, what they cost in tokens, and how questions were answered."""

from collections.abc import Iterable

from app.observability import timing
from app.observability.metrics import SECONDS, Counters, Histograms, Metric

ENDPOINTS = ("chat", "embeddings")


class RemoteMetrics:
    """The observer of the service's client and of asking. Used on the event loop's thread alone.

    outcomes  every way in which a call can end
    """

    def __init__(self, outcomes: Iterable[str]) -> None:
        self._calls = Counters(
            "vectorspace_remote_requests_total",
            "Calls to the OpenAI-compatible service, each attempt by itself.",
            ("endpoint", "outcome"),
        )
        self._tokens = Counters(
            "vectorspace_remote_tokens_total", "Tokens as that service counted them.", ("endpoint", "kind")
        )
        self._seconds = Histograms(
            "vectorspace_remote_request_duration_seconds", "Time that such a call took.", SECONDS, "endpoint"
        )
        self._answers = Counters("vectorspace_answered_requests_total", "Questions answered.", ("kind",))
        self._fallbacks = Counters(
            "vectorspace_fallback_requests_total", "Questions answered with sentences as the model failed.", ("reason",)
        )
        for outcome in outcomes:
            for endpoint in ENDPOINTS:
                self._calls.add(endpoint, outcome, amount=0)
            if outcome not in ("ok", "left"):
                self._fallbacks.add(outcome, amount=0)
        for kind in ("generated", "extracted", "none"):
            self._answers.add(kind, amount=0)
        for endpoint in ENDPOINTS:
            self.used(endpoint, 0, 0)
            self._seconds.of(endpoint)

    def called(self, endpoint: str, outcome: str, took_s: float) -> None:
        self._calls.add(endpoint, outcome)
        self._seconds.observe(endpoint, took_s)
        timing.called(endpoint, took_s)

    def used(self, endpoint: str, prompt_tokens: int, completion_tokens: int) -> None:
        self._tokens.add(endpoint, "prompt", amount=prompt_tokens)
        self._tokens.add(endpoint, "completion", amount=completion_tokens)

    def answered(self, kind: str, fell_back: str) -> None:
        """fell_back: the kind of the failure, "" where there was none."""
        self._answers.add(kind)
        if fell_back:
            self._fallbacks.add(fell_back)

    def metrics(self) -> list[Metric]:
        return [self._calls, self._tokens, self._seconds, self._answers, self._fallbacks]
