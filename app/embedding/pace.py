"""How fast batches go through the encoder, and so how long what waits will take. Pure: no threads, no clock."""

from app.embedding.waiting import BATCH_COSTS_TOKENS

# Of each new batch in the average: after ten batches, a fifth of a second under load, nine tenths are new.
WEIGHT = 0.2


class Pace:
    """An average over the last batches, in tokens a second of all lanes together.

    A batch counts BATCH_COSTS_TOKENS more than it holds, for what it costs before its first token. Else lone short
    texts would look three times slower than full batches, and the first moments of a rush would be judged by them.
    """

    def __init__(self, lanes: int, max_batch_tokens: int) -> None:
        self._lanes = lanes
        self._overhead = 1 + BATCH_COSTS_TOKENS / max_batch_tokens
        self._tokens_per_s = 0.0

    def saw(self, tokens: int, took_s: float) -> None:
        """One lane has encoded a batch of so many tokens; took_s above 0."""
        now = (tokens + BATCH_COSTS_TOKENS) * self._lanes / took_s
        self._tokens_per_s += (WEIGHT if self._tokens_per_s else 1.0) * (now - self._tokens_per_s)

    def seconds(self, tokens: int) -> float:
        """How long so many tokens take in full batches; 0 as long as no batch was seen."""
        return tokens * self._overhead / self._tokens_per_s if self._tokens_per_s else 0.0
