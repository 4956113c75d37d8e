"""Run the app under Granian, in this process, until a signal or a fatal error ends it."""

import asyncio
import logging
import signal
import socket

from granian.constants import Interfaces
from granian.errors import FatalError
from granian.server.embed import Server

from app import __version__, privileges
from app.errors import CannotStart
from app.main import create_app
from app.observability import logging as log_lines
from app.settings import Settings, from_environment

log = logging.getLogger(__name__)


def main() -> int:
    """Serve until SIGTERM or SIGINT. returns  0 after a signal, 1 after a fatal error (the log's last lines say which)"""
    log_lines.configure(json=False, level="info")
    try:
        settings = from_environment()
        log_lines.configure(json=settings.json_logs, level=settings.log_level)
        privileges.drop(settings)
    except CannotStart as error:
        log.critical("cannot start: %s", error)
        return 1
    return asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    fatal: list[BaseException] = []
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.stop()

    def on_fatal(error: BaseException) -> None:
        """May be called from any thread."""
        log.critical("the service ends: %s", error)
        fatal.append(error)
        loop.call_soon_threadsafe(stop)

    host = settings.host if settings.host != "::" or _has_ipv6() else "0.0.0.0"
    server = Server(
        create_app(settings, on_fatal=on_fatal),
        address=host,
        port=settings.port,
        interface=Interfaces.ASGI,
        websockets=False,
        backlog=1024,
        log_enabled=False,
    )
    server.workers_kill_timeout = settings.shutdown_timeout_s or None
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    log.info(
        "VectorSpace %s listens on port %d", __version__, settings.port, extra={"environment": settings.environment}
    )
    try:
        await server.serve()
    except FatalError as error:
        on_fatal(error)
    return 1 if fatal else 0


def _has_ipv6() -> bool:
    """Whether the kernel can bind `::`; some container hosts have IPv6 switched off altogether."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True
