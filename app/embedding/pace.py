"""How fast batches go through the encoder, and so how long what waits will take. Pure: no threads, no clock."""

from app.embedding.waiting import BATCH_COSTS_TOKENS

# Of each new batch in the average, which so is over the last seconds under load. A livelier one swings by a third, and
# under overload somebody comes at each of its dips: the queue then grows to what the dips allow, not the mean.
WEIGHT = 0.01


class Pace:
    """An average over the last batches of all lanes.

    Tokens and seconds are averaged each by themselves: a mean of tokens a second would be led by the fastest batches,
    and most of the time goes to the slowest. A batch counts BATCH_COSTS_TOKENS more than it holds, for what it costs
    before its first token: else lone short texts would look three times slower than full batches, and the first moments
    of a rush would be judged by them.
    """

    def __init__(self, lanes: int, max_batch_tokens: int) -> None:
        self._lanes = lanes
        self._overhead = 1 + BATCH_COSTS_TOKENS / max_batch_tokens
        self._batches = 0
        self._tokens = self._took_s = 0.0

    def saw(self, tokens: int, took_s: float) -> None:
        """One lane has encoded a batch of so many tokens, `took_s` after its last one."""
        self._batches += 1
        weight = max(WEIGHT, 1 / self._batches)  # the plain mean of the first ones
        self._tokens += weight * (tokens + BATCH_COSTS_TOKENS - self._tokens)
        self._took_s += weight * (took_s - self._took_s)

    def seconds(self, tokens: int) -> float:
        """How long so many tokens take in full batches; 0 as long as no batch was seen."""
        return tokens * self._overhead * self._took_s / self._tokens / self._lanes if self._tokens else 0.0
