"""The embedder: model, tokenizer and batcher, from the settings, and the cache of vectors in front of them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from app.embedding.batcher import Batcher
from app.embedding.cache import VectorCache
from app.embedding.cpus import available_cpus
from app.embedding.embedder import Embedder, ModelEmbedder
from app.embedding.encoder import Encoder, OnnxEncoder
from app.embedding.kernels import LIBRARY
from app.embedding.registry import Card, open_model
from app.embedding.tokenizer import TextTokenizer
from app.observability import timing
from app.observability.encoding import EncodingMetrics
from app.observability.metrics import Metric, Value
from app.settings import Settings

log = logging.getLogger(__name__)

OnFatal = Callable[[BaseException], None]


@dataclass(frozen=True)
class Opened:
    """An embedder that is ready, how to close it, and the numbers that it shows."""

    embedder: Embedder
    close: Callable[[], None]
    metrics: list[Metric] = field(default_factory=list)


def open_embedder(settings: Settings, on_death: OnFatal, cache: VectorCache) -> Opened:
    """Check the model's files, load them, and start the encoder's threads.

    raises  ModelMissing, ModelAltered
    """
    folder = open_model(settings.models_directory, settings.model, settings.model_precision)
    card = folder.card
    has_our_operators = card.precision == "int8"
    encoder = OnnxEncoder.from_file(
        folder.network,
        dimension=card.dimension,
        pad_token_id=card.pad_token_id,
        processors=_lanes(settings),
        mapped=folder.mapped,
        library=LIBRARY if has_our_operators and settings.kernels == "auto" else None,
    )
    ours = f"with our operators ({encoder.kernels})" if encoder.kernels else "alone"
    log.info("%s %s is computed by ONNX Runtime %s", card.name, card.precision, ours)
    tokenizer = TextTokenizer.from_file(folder.tokenizer, card.max_tokens)
    return build_embedder(settings, card, folder.made_at_unix_s, tokenizer, encoder, on_death, cache)


def build_embedder(
    settings: Settings,
    card: Card,
    made_at_unix_s: int,
    tokenizer: TextTokenizer,
    encoder: Encoder,
    on_death: OnFatal,
    cache: VectorCache,
) -> Opened:
    """A queue, and its numbers, between an encoder and the cache."""
    encoding = EncodingMetrics()
    batcher = Batcher(
        encoder,
        lanes=_lanes(settings),
        max_batch_tokens=settings.max_batch_tokens,
        max_queue_texts=settings.max_queue_texts,
        max_queue_s=settings.max_queue_s,
        on_death=on_death,
        observer=encoding,
    )
    embedder = ModelEmbedder(card, made_at_unix_s, tokenizer, batcher, cache, timing.embedded)
    shown: list[Metric] = [
        Value("vectorspace_queue_texts", "gauge", "Texts that wait for a batch.", lambda: batcher.waiting),
        *encoding.metrics(),
    ]
    return Opened(embedder, batcher.close, shown)


def _lanes(settings: Settings) -> int:
    return settings.threads or available_cpus()


def open_cache(settings: Settings) -> tuple[VectorCache, list[Metric]]:
    """One for all models, and the numbers that it shows."""
    cache = VectorCache(settings.cache_mb * 1_000_000)
    return cache, [
        Value("vectorspace_cache_hits_total", "counter", "Texts whose vector was kept.", lambda: cache.hits),
        Value("vectorspace_cache_misses_total", "counter", "Texts whose vector was not kept.", lambda: cache.misses),
        Value("vectorspace_cache_entries", "gauge", "Vectors that are kept.", lambda: len(cache)),
        Value("vectorspace_cache_bytes", "gauge", "Memory that they take.", lambda: cache.bytes),
    ]
