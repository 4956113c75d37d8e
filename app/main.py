"""The only place where parts are wired and closed; `parts/` builds each of them."""

import asyncio
import importlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from starlette.types import ASGIApp

from app import __version__
from app.api.application import build_api, layered
from app.api.auth import Keys
from app.api.dependencies import Parts
from app.api.key_file import KeyFile
from app.api.running import RunningRequests
from app.embedding.cache import VectorCache
from app.embedding.embedder import Embedder
from app.embedding.embedders import Embedders
from app.embedding.registry import Card
from app.errors import DatabaseAway, RemoteKind, TracesUnavailable
from app.observability import timing
from app.observability.metrics import Info
from app.observability.process import process_metrics
from app.observability.remote import RemoteMetrics
from app.observability.requests import RequestMetrics
from app.parts.embedding import OnFatal, Opened, open_cache, open_embedder
from app.parts.store import open_store
from app.pipeline.drafts import Rules
from app.pipeline.pipeline import Pipeline
from app.settings import Settings
from app.store.store import Store

if TYPE_CHECKING:
    from app.observability.tracing import OtlpTracer
    from app.parts.remote import RemoteParts

log = logging.getLogger(__name__)

# Between two attempts to reach a database that was away at the start.
AGAIN_S = 1.0


def open_remote(settings: Settings, metrics: RemoteMetrics, cache: VectorCache) -> "RemoteParts | None":
    """None where no key for an OpenAI-compatible service is set."""
    if settings.openai_api_key is None:
        return None
    # By name: without a key httpx need not be loaded before the service listens.
    parts: RemoteParts = importlib.import_module("app.parts.remote").open_remote(settings, metrics, cache)
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
        max_maps=settings.max_maps,
        observer=timing.stored,
        drawn=timing.drawn,
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
    open_embedder: Callable[[Settings, OnFatal, VectorCache], Opened] = open_embedder,
    open_store: Callable[[Settings, OnFatal], Store] = open_store,
) -> ASGIApp:
    """The service as an ASGI app. `running` is kept up to date with the requests under way.

    It answers at once, with 503 and the reason until store and model are there; a database that is away is waited for.
    What makes it useless for good, a data directory that is taken, a database that refuses it, a model that cannot be
    loaded or an encoder thread that died, goes to `on_fatal`, which is to end the process: the platform's health check
    runs at deploy only, so a process that is broken must not live on.

    raises  KeysUnreadable, TracesUnavailable
    """
    file = None if settings.api_key_file is None else KeyFile(settings.api_key_file)
    keys = Keys([key.get_secret_value() for key in settings.api_key], file)
    requests = RequestMetrics()
    life = _Life(settings, requests, open_tracer(settings), on_fatal, on_ready, open_embedder, open_store)
    running = RunningRequests() if running is None else running
    return layered(build_api(life.lived), settings, keys, running, requests, life.tracer)


class _Life:
    """From the first request that is answered to the last: the parts are opened one by one, and closed in reverse."""

    def __init__(
        self,
        settings: Settings,
        requests: RequestMetrics,
        tracer: "OtlpTracer | None",
        on_fatal: OnFatal,
        on_ready: Callable[[], None],
        open_embedder: Callable[[Settings, OnFatal, VectorCache], Opened],
        open_store: Callable[[Settings, OnFatal], Store],
    ) -> None:
        self.tracer = tracer
        self._settings = settings
        self._on_fatal = on_fatal
        self._on_ready = on_ready
        self._open_embedder = open_embedder
        self._open_store = open_store
        self._asked = RemoteMetrics(("ok", "left", *get_args(RemoteKind)))
        self._parts = Parts(settings, time.monotonic())
        self._cache, cache_metrics = open_cache(settings)
        self._parts.metrics += [*process_metrics(), *requests.metrics(), *self._asked.metrics(), *cache_metrics]
        self._closers: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._leaving = asyncio.Event()
        if tracer is not None:
            self._close_later("traces", tracer.close)

    @asynccontextmanager
    async def lived(self, _: object) -> AsyncIterator[dict[str, Any]]:
        """Gives the parts at once, and opens them meanwhile."""
        starting = asyncio.create_task(self._start())
        try:
            yield {"parts": self._parts}
        finally:
            self._leaving.set()
            await starting
            self._parts.not_ready = "the service is shutting down"
            for name, close in reversed(self._closers):
                try:
                    await close()
                except Exception as error:  # the others are closed all the same
                    log.error("could not close the %s", name, exc_info=error)

    async def _start(self) -> None:
        parts, settings = self._parts, self._settings
        try:
            store = await self._store_when_there()
            if store is None:
                return
            self._close_later("store", store.close)
            parts.not_ready = f"loading the model {settings.model} ({settings.model_precision})"
            opened = await asyncio.to_thread(self._open_embedder, settings, self._on_fatal, self._cache)
            self._close_later("embedder", opened.close)
            remote = await asyncio.to_thread(open_remote, settings, self._asked, self._cache)
            if remote is not None:
                self._closers.append(("connections to the OpenAI-compatible service", remote.close))
            parts.embedder = opened.embedder
            answered = self._asked.answered
            parts.pipeline = build_pipeline(settings, store, opened.embedder, remote=remote, answered=answered)
            self._close_later("pipeline", parts.pipeline.close)
            parts.metrics += [_build_info(opened.embedder.card), *opened.metrics]
            self._on_ready()
        except Exception as error:
            parts.not_ready = str(error)
            self._on_fatal(error)
            return
        parts.not_ready = None
        log.info("ready", extra={"after_s": round(time.monotonic() - parts.started_at_monotonic_s, 3)})

    async def _store_when_there(self) -> Store | None:
        """The store, once its database is there; None where the service is to leave before."""
        parts, settings = self._parts, self._settings
        where = "the database" if settings.database_url is not None else str(settings.data_directory)
        parts.not_ready = f"opening the store in {where}"
        while not self._leaving.is_set():
            try:
                return await asyncio.to_thread(self._open_store, settings, self._on_fatal)
            except DatabaseAway as error:
                if parts.not_ready != str(error):
                    log.warning("waiting: %s", error)
                parts.not_ready = str(error)
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S):
                    await self._leaving.wait()
        return None

    def _close_later(self, name: str, close: Callable[[], None]) -> None:
        """In a thread, since it may wait."""
        self._closers.append((name, partial(asyncio.to_thread, close)))


def _build_info(card: Card) -> Info:
    labels = {"version": __version__, "model": card.name, "precision": card.precision}
    return Info("vectorspace_build_info", "Which version runs, with which model.", labels)
