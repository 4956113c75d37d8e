"""What an OpenAI-compatible service does for us, built from the settings. Loaded where a key is set."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.answer.openai import OpenAIWriter
from app.embedding.cache import VectorCache
from app.embedding.openai import OpenAIModels
from app.remote.client import RemoteClient, RemoteObserver, Timeouts
from app.settings import Settings

log = logging.getLogger(__name__)

# Connections beside those that answers are written on: for vectors.
EMBEDDED_AT_ONCE = 8


@dataclass(frozen=True)
class RemoteParts:
    """Who writes answers, who makes vectors, and how to let go of both."""

    writer: OpenAIWriter
    models: OpenAIModels
    close: Callable[[], Awaitable[None]]


def open_remote(settings: Settings, observer: RemoteObserver, cache: VectorCache) -> RemoteParts:
    """Nothing is called yet: the service may come later than we do."""
    assert settings.openai_api_key is not None
    client = RemoteClient(
        settings.openai_base_url,
        settings.openai_api_key.get_secret_value(),
        timeouts=Timeouts(
            connect_s=settings.openai_connect_timeout_s,
            first_s=settings.openai_first_timeout_s,
            between_s=settings.openai_next_timeout_s,
            whole_s=settings.openai_timeout_s,
        ),
        max_connections=settings.max_asks + EMBEDDED_AT_ONCE,
        observer=observer,
    )
    writer = OpenAIWriter(
        client,
        settings.openai_model,
        context_tokens=settings.openai_context_tokens,
        answer_tokens=settings.openai_answer_tokens,
    )
    models = OpenAIModels(client, cache)
    log.info("answers are written by %s at %s", settings.openai_model, settings.openai_base_url)
    return RemoteParts(writer, models, client.close)
