"""The interface as a whole: every route in one FastAPI, and the layers that every request passes before it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

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
from app.api.auth import Keys, RequireKey
from app.api.body_limit import BodyLimit
from app.api.cross_origin import CrossOriginProtection
from app.api.direct import DirectPaths
from app.api.hanging_up import HangingUp
from app.api.head import AnswerHead
from app.api.headers import EXPOSED, ResponseHeaders
from app.api.query import KnownQuery
from app.api.routes import Routes
from app.api.running import RunningRequests, TrackRunning
from app.observability.requests import ObserveRequests, RequestMetrics, Tracer
from app.settings import Settings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[dict[str, Any]]]


def build_api(lifespan: Lifespan | None = None) -> FastAPI:
    """All routes and their OpenAPI document. `lifespan` gives the `Parts` that they use; the document needs none."""
    api = FastAPI(
        title="VectorSpace",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        debug=False,
        # Clients take `.` and `..` out of an address: what is left must not become the address of something else.
        redirect_slashes=False,
        # FastAPI's own would come beside ours, and hold bodies; whether somebody wants it is looked up in each request.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    # Once more in here, since FastAPI has an answer of its own to what nobody expected.
    api.add_middleware(problems.Unexpected)
    openapi.install(api)
    # As they are: included, each would be built a second time, a twentieth of the start.
    api.router.routes += openai.hot.routes
    modules = (health, metrics, openai, tei, passages, collections, documents, search, answer, maps, transfer)
    for module in modules:
        api.router.routes += module.router.routes
    api.router.routes += page.router().routes
    problems.install(api, Routes(api.routes).methods)
    return api


def layered(
    api: FastAPI,
    settings: Settings,
    keys: Keys,
    running: RunningRequests,
    requests: RequestMetrics,
    tracer: Tracer | None,
) -> ASGIApp:
    """`api` within its layers, the innermost first. They are not FastAPI's, so that the hot path need not pass it.

    A layer that has nothing to do afterwards hands back what the next one gives, and is no coroutine itself (0015).
    """
    routes = Routes(api.routes)
    app: ASGIApp = DirectPaths(api, openai.hot)
    app = HangingUp(app)
    app = AnswerTimeout(app, settings.idle_timeout_s)
    app = BodyLimit(app, settings.max_body_bytes, settings.idle_timeout_s)
    app = KnownQuery(app, routes)
    app = RequireKey(app, keys, routes)
    app = problems.Unexpected(app)
    app = TrackRunning(app, running)
    app = AnswerHead(app, routes)
    app = CrossOriginProtection(app, settings.cors_origins)
    if settings.cors_origins:
        app = CORSMiddleware(
            app,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["*"],  # clients send some of their own; which page asks is what counts
            expose_headers=EXPOSED,
        )
    app = ResponseHeaders(app)
    return ObserveRequests(app, requests, tracer)
