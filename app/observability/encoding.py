"""What the encoder does, in Prometheus' numbers: batches, padding, the wait for them."""

from collections.abc import Callable, Sequence

from app.observability.metrics import SECONDS, Histogram, Metric, Value

TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class EncodingMetrics:
    """What the batcher does with texts: its observer. Called under the batcher's lock."""

    def __init__(self) -> None:
        self.texts = self.tokens = self.padding = self.texts_joined = self.requests_refused = 0
        self._batch_texts = Histogram("vectorspace_batch_texts", "Texts in a batch.", TEXTS)
        self._batch_s = Histogram("vectorspace_batch_seconds", "Time that the model took for a batch.", SECONDS)
        self._waited_s = Histogram("vectorspace_queue_wait_seconds", "Time that a text waited for its batch.", SECONDS)

    def encoded(self, lengths: Sequence[int], waited_s: Sequence[float], took_s: float) -> None:
        tokens = sum(lengths)
        self.texts += len(lengths)
        self.tokens += tokens
        self.padding += len(lengths) * max(lengths) - tokens
        self._batch_texts.observe(len(lengths))
        self._batch_s.observe(took_s)
        for waited in waited_s:
            self._waited_s.observe(waited)

    def joined(self, texts: int) -> None:
        self.texts_joined += texts

    def refused(self) -> None:
        self.requests_refused += 1

    def metrics(self) -> list[Metric]:
        def counter(name: str, help: str, read: Callable[[], float]) -> Value:
            return Value(f"vectorspace_{name}_total", "counter", help, read)

        return [
            counter("encoded_texts", "Texts that the model encoded.", lambda: self.texts),
            counter("encoded_tokens", "Tokens that the model encoded, padding aside.", lambda: self.tokens),
            counter("padding_tokens", "Padding that the model encoded along with them.", lambda: self.padding),
            counter("joined_texts", "Texts that shared the encoding of an equal one.", lambda: self.texts_joined),
            counter(
                "refused_requests",
                "Times that the queue was full for a caller or an import.",
                lambda: self.requests_refused,
            ),
            self._batch_texts,
            self._batch_s,
            self._waited_s,
        ]
