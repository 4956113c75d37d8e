"""The only place where parts are built, wired and closed."""

import asyncio
import importlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from app import __version__
from app.api import (
    answer,
    collections,
    documents,
    health,
    maps,
    metrics,
    openai,
    openapi,
    page,
    passages,
    problems,
    search,
    tei,
    transfer,
)
from app.api.answer_timeout import AnswerTimeout
from app.api.auth import Keys
from app.api.body import BodyLimit
from app.api.dependencies import Parts
from app.api.direct import DirectPaths
from app.api.hanging_up import HangingUp
from app.api.headers import EXPOSED, ResponseHeaders
from app.api.key_file import KeyFile
from app.api.running import RunningRequests, TrackRunning
from app.embedding.batcher import Batcher
from app.embedding.cache import VectorCache
from app.embedding.cpus import available_cpus
from app.embedding.embedder import Embedder, ModelEmbedder
from app.embedding.embedders import Embedders
from app.embedding.encoder import Encoder, OnnxEncoder
from app.embedding.registry import Card, open_model
from app.embedding.tokenizer import TextTokenizer
from app.errors import DatabaseAway, RemoteKind, TracesUnavailable
from app.observability import timing
from app.observability.encoding import EncodingMetrics
from app.observability.metrics import Info, Metric, Value
from app.observability.process import process_metrics
from app.observability.remote import RemoteMetrics
from app.observability.requests import ObserveRequests, RequestMetrics
from app.pipeline.drafts import Rules
from app.pipeline.pipeline import Pipeline
from app.settings import Settings
from app.store.local import LocalStore
from app.store.store import Store
from app.store.volume import ends_with_container

if TYPE_CHECKING:
    from app.observability.tracing import OtlpTracer
    from app.remote_parts import RemoteParts
    from app.store.chroma.store import ChromaStore
    from app.store.postgres.store import PostgresStore

log = logging.getLogger(__name__)

# Between two attempts to reach a database that was away at the start.
AGAIN_S = 1.0

OnFatal = Callable[[BaseException], None]


@dataclass(frozen=True)
class Opened:
    """An embedder that is ready, how to close it, and the numbers that it shows."""

    embedder: Embedder
    close: Callable[[], None]
    metrics: list[Metric] = field(default_factory=list)


def open_embedder(settings: Settings, on_death: OnFatal) -> Opened:
    """Check the model's files, load them, and start the encoder's threads.

    raises  ModelMissing, ModelAltered
    """
    folder = open_model(settings.models_directory, settings.model, settings.model_precision)
    card = folder.card
    encoder = OnnxEncoder.from_file(folder.network, dimension=card.dimension, pad_token_id=card.pad_token_id)
    tokenizer = TextTokenizer.from_file(folder.tokenizer, card.max_tokens)
    return build_embedder(settings, card, folder.made_at_unix_s, tokenizer, encoder, on_death)


def build_embedder(
    settings: Settings,
    card: Card,
    made_at_unix_s: int,
    tokenizer: TextTokenizer,
    encoder: Encoder,
    on_death: OnFatal,
) -> Opened:
    """Queue, cache and numbers around an encoder."""
    encoding = EncodingMetrics()
    batcher = Batcher(
        encoder,
        lanes=settings.threads or available_cpus(),
        max_batch_tokens=settings.max_batch_tokens,
        max_queue_texts=settings.max_queue_texts,
        max_queue_s=settings.max_queue_s,
        on_death=on_death,
        observer=encoding,
    )
    cache = VectorCache(settings.cache_mb * 1_000_000)
    embedder = ModelEmbedder(card, made_at_unix_s, tokenizer, batcher, cache, timing.embedded)
    shown: list[Metric] = [
        Value("vectorspace_queue_texts", "gauge", "Texts that wait for a batch.", lambda: batcher.waiting),
        *encoding.metrics(),
        Value("vectorspace_cache_hits_total", "counter", "Texts whose vector was kept.", lambda: cache.hits),
        Value("vectorspace_cache_misses_total", "counter", "Texts whose vector was not kept.", lambda: cache.misses),
        Value("vectorspace_cache_entries", "gauge", "Vectors that are kept.", lambda: len(cache)),
        Value("vectorspace_cache_bytes", "gauge", "Memory that they take.", lambda: cache.bytes),
    ]
    return Opened(embedder, batcher.close, shown)


def open_store(settings: Settings, on_fatal: OnFatal) -> Store:
    """Open the data directory, and take it for this process; or the database, where one is set.

    raises  DirectoryTaken, DirectoryNewer, DirectoryUnusable; DatabaseAway, DatabaseNewer, DatabaseUnusable
    """
    if settings.database_url is not None:
        return _open_database(settings, settings.database_url.get_secret_value())
    store = LocalStore(settings.data_directory, max_collections=settings.max_collections, on_fatal=on_fatal)
    if ends_with_container(settings.data_directory):
        log.warning("what is kept in %s ends with this container: mount a volume there", settings.data_directory)
    return store


def _open_database(settings: Settings, url: str) -> Store:
    """Imported by name, so that only who has a database pays for its driver."""
    if url.startswith(("http://", "https://")):
        chroma: type[ChromaStore] = importlib.import_module("app.store.chroma.store").ChromaStore
        return chroma(
            url,
            token=None if settings.database_token is None else settings.database_token.get_secret_value(),
            max_collections=settings.max_collections,
            connections=settings.database_connections,
            timeout_s=settings.database_timeout_s,
        )
    postgres: type[PostgresStore] = importlib.import_module("app.store.postgres.store").PostgresStore
    return postgres(
        url,
        max_collections=settings.max_collections,
        connections=settings.database_connections,
        timeout_s=settings.database_timeout_s,
    )


def open_remote(settings: Settings, metrics: RemoteMetrics) -> "RemoteParts | None":
    """None where no key for an OpenAI-compatible service is set."""
    if settings.openai_api_key is None:
        return None
    # By name: without a key httpx need not be loaded before the service listens.
    parts: RemoteParts = importlib.import_module("app.remote_parts").open_remote(settings, metrics)
    return parts


def build_pipeline(
    settings: Settings,
    store: Store,
    embedder: Embedder,
    *,
    remote: "RemoteParts | None" = None,
    answered: Callable[[str, str], None] | None = None,
) -> Pipeline:
    return Pipeline(
        store,
        embedder,
        rules=Rules(settings.max_metadata_bytes, settings.max_metadata_depth),
        max_streams=settings.max_streams,
        embedders=Embedders(embedder, None if remote is None else remote.models),
        writer=None if remote is None else remote.writer,
        max_asks=settings.max_asks,
        observer=timing.stored,
        answered=answered,
    )


def open_tracer(settings: Settings) -> "OtlpTracer | None":
    """None where no traces are asked for. raises TracesUnavailable"""
    if not settings.traced:
        return None
    try:  # by name, since the default image has none of what it imports
        module = importlib.import_module("app.observability.tracing")
    except ImportError as error:
        raise TracesUnavailable(error.name) from error
    tracer: OtlpTracer = module.OtlpTracer(__version__)
    return tracer


def create_app(
    settings: Settings,
    *,
    on_fatal: OnFatal,
    on_ready: Callable[[], None] = lambda: None,
    running: RunningRequests | None = None,
    open_embedder: Callable[[Settings, OnFatal], Opened] = open_embedder,
    open_store: Callable[[Settings, OnFatal], Store] = open_store,
) -> FastAPI:
    """The service as an ASGI app. `running` is kept up to date with the requests under way.

    It answers at once, with 503 and the reason until store and model are there; a database that is away is waited for.
    What makes it useless for good, a data directory that is taken, a database that refuses it, a model that cannot be
    loaded or an encoder thread that died, goes to `on_fatal`, which is to end the process: the platform's health check
    runs at deploy only, so a process that is broken must not live on.

    raises  KeysUnreadable, TracesUnavailable
    """
    file = None if settings.api_key_file is None else KeyFile(settings.api_key_file)
    keys = Keys([key.get_secret_value() for key in settings.api_key], file)
    tracer = open_tracer(settings)
    requests = RequestMetrics()
    asked = RemoteMetrics(("ok", "left", *get_args(RemoteKind)))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        parts = Parts(settings, keys, time.monotonic())
        parts.metrics += [*process_metrics(), *requests.metrics(), *asked.metrics()]
        closers: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        if tracer is not None:
            closers.append(("traces", partial(asyncio.to_thread, tracer.close)))

        leaving = asyncio.Event()

        async def open_when_there() -> Store | None:
            """The store, once its database is there; None where the service is to leave before."""
            where = "the database" if settings.database_url is not None else str(settings.data_directory)
            parts.not_ready = f"opening the store in {where}"
            while not leaving.is_set():
                try:
                    return await asyncio.to_thread(open_store, settings, on_fatal)
                except DatabaseAway as error:
                    if parts.not_ready != str(error):
                        log.warning("waiting: %s", error)
                    parts.not_ready = str(error)
                with suppress(TimeoutError):
                    async with asyncio.timeout(AGAIN_S):
                        await leaving.wait()
            return None

        async def start() -> None:
            try:
                store = await open_when_there()
                if store is None:
                    return
                closers.append(("store", partial(asyncio.to_thread, store.close)))
                parts.not_ready = f"loading the model {settings.model} ({settings.model_precision})"
                opened = await asyncio.to_thread(open_embedder, settings, on_fatal)
                closers.append(("embedder", partial(asyncio.to_thread, opened.close)))
                remote = await asyncio.to_thread(open_remote, settings, asked)
                if remote is not None:
                    closers.append(("connections to the OpenAI-compatible service", remote.close))
            except Exception as error:
                parts.not_ready = str(error)
                on_fatal(error)
                return
            parts.embedder = opened.embedder
            parts.pipeline = build_pipeline(settings, store, opened.embedder, remote=remote, answered=asked.answered)
            closers.append(("pipeline", partial(asyncio.to_thread, parts.pipeline.close)))
            parts.metrics += [_build_info(opened.embedder.card), *opened.metrics]
            on_ready()
            parts.not_ready = None
            log.info("ready", extra={"after_s": round(time.monotonic() - parts.started_at_monotonic_s, 3)})

        starting = asyncio.create_task(start())
        try:
            yield {"parts": parts}
        finally:
            leaving.set()
            await starting
            parts.not_ready = "the service is shutting down"
            for name, close in reversed(closers):
                try:
                    await close()
                except Exception as error:  # the others are closed all the same
                    log.error("could not close the %s", name, exc_info=error)

    app = FastAPI(
        title="VectorSpace", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, debug=False
    )
    # The last one added is the outermost.
    app.add_middleware(DirectPaths, router=openai.hot)
    app.add_middleware(HangingUp)
    app.add_middleware(AnswerTimeout, limit_s=settings.idle_timeout_s)
    app.add_middleware(BodyLimit, max_body_bytes=settings.max_body_bytes, timeout_s=settings.idle_timeout_s)
    app.add_middleware(problems.Unexpected)
    app.add_middleware(TrackRunning, running=RunningRequests() if running is None else running)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["*"],  # clients send some of their own; which page asks is what counts
            expose_headers=EXPOSED,
        )
    app.add_middleware(ResponseHeaders)
    app.add_middleware(ObserveRequests, metrics=requests, tracer=tracer)
    problems.install(app)
    openapi.install(app)
    app.include_router(openai.hot)
    modules = (health, metrics, openai, tei, passages, collections, documents, search, answer, maps, transfer)
    for module in modules:
        app.include_router(module.router)
    app.include_router(page.router())
    return app


def _build_info(card: Card) -> Info:
    labels = {"version": __version__, "model": card.name, "precision": card.precision}
    return Info("vectorspace_build_info", "Which version runs, with which model.", labels)
