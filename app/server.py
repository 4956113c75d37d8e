"""Run the app under Granian, in this process, until a signal or a fatal error ends it."""

import asyncio
import errno
import gc
import logging
import os
import resource
import signal
import socket
import sys

from granian.constants import HTTPModes, Interfaces
from granian.errors import FatalError
from granian.http import HTTP1Settings
from granian.server.embed import Server

from app import __version__, privileges
from app.api.running import RunningRequests
from app.errors import AddressTaken, CannotStart
from app.main import create_app
from app.observability import logging as log_lines
from app.settings import Settings, from_environment
from app.unread import limit_unread

log = logging.getLogger(__name__)

# How long the event loop may keep the interpreter's lock from an encoder's thread. Python's own 5 ms cost a fifth of
# the throughput while most requests were refused (0015).
SWITCH_INTERVAL_S = 0.0005
# New objects for a collection of the young ones; of those for one of the middle ones; of those for one of all. Hundreds
# of texts may wait, with all that belongs to them. What is there when the service is ready is left out for good: the
# collector went through it again and again, a third of the event loop's time while most requests were refused (0015).
COLLECT_EVERY = (10_000, 20, 20)
# File descriptors that are not connections': the ledger's, the index's, the model's, logs and pipes.
OTHER_FILES = 256
# Seconds between two looks whether the server listens.
LISTENS_WITHIN_S = 0.01
# After requests were cut off: seconds for their last words to be sent, to clients that read.
LAST_WORDS_S = 1
# After requests were cut off: seconds for batches already in the encoder to end, and for the parts to close.
LAST_RESORT_S = 4


def main() -> int:
    """Serve until SIGTERM or SIGINT. returns  0 after a signal, 1 after a fatal error, which the log names"""
    log_lines.configure(json=False, level="info")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        settings = from_environment()
        log_lines.configure(json=settings.json_logs, level=settings.log_level)
        privileges.drop(settings)
        host = _listenable(settings.host, settings.port)
        return asyncio.run(_serve(settings, host))
    except CannotStart as error:
        log.critical("cannot start: %s", error)
        return 1


async def _serve(settings: Settings, host: str) -> int:
    fatal: list[BaseException] = []
    stopping: list[bool] = []
    left: list[bool] = []
    loop = asyncio.get_running_loop()

    running = RunningRequests()

    def stop() -> None:
        """Accept nothing new, let running requests finish within the limit, then cut them off."""
        if stopping:
            return
        stopping.append(True)
        log.info("shutting down", extra={"running": len(running), "limit_s": settings.shutdown_timeout_s})
        server.stop()  # type: ignore[no-untyped-call]
        reason = f"cut off: the service shuts down and {settings.shutdown_timeout_s} s (SHUTDOWN_TIMEOUT_S) are over"
        loop.call_later(settings.shutdown_timeout_s, running.cut, reason)
        loop.call_later(settings.shutdown_timeout_s + LAST_WORDS_S, leave)
        loop.call_later(settings.shutdown_timeout_s + LAST_RESORT_S, _end_now)

    def leave() -> None:
        """Granian waits for each connection, and so for ever for a client that does not read: close the parts anyway.

        The end of `serving` is that of the event loop, which ends the app's lifespan like every task that is left.
        """
        if not running.closing:
            log.warning("leaving connections whose clients do not read")
            left.append(True)
            serving.cancel()

    def on_fatal(error: BaseException) -> None:
        """May be called from any thread."""
        log.critical("the service ends: %s", error)
        fatal.append(error)
        loop.call_soon_threadsafe(stop)

    server = Server(
        create_app(settings, on_fatal=on_fatal, on_ready=gc.freeze, running=running),
        address=host,
        port=settings.port,
        interface=Interfaces.ASGI,
        websockets=False,
        # In this mode alone Granian closes connections that send nothing: they would lock everybody out (0015).
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=settings.idle_timeout_s * 1000),
        backlog=1024,
        backpressure=_connections(settings.max_connections),
        log_enabled=False,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    log.info(
        "VectorSpace %s listens on port %d", __version__, settings.port, extra={"environment": settings.environment}
    )
    gc.set_threshold(*COLLECT_EVERY)
    gc.enable()  # `python -m app` switches it off while everything is loaded
    serving = asyncio.create_task(server.serve())
    limiting = asyncio.create_task(_limit_unread(settings))
    try:
        await serving
    except FatalError as error:
        on_fatal(error)
    except asyncio.CancelledError:
        if not left:
            raise
    finally:
        limiting.cancel()
    return 1 if fatal else 0


async def _limit_unread(settings: Settings) -> None:
    """As soon as the server listens: when that is, it does not say."""
    while not limit_unread(settings.port, settings.idle_timeout_s):
        await asyncio.sleep(LISTENS_WITHIN_S)


def _connections(wanted: int) -> int:
    """How many connections can be held, of those `wanted`: the limit on open files is raised as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = wanted + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < files:
        soft = files if hard == resource.RLIM_INFINITY else min(files, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if soft < files:
            log.warning("%d open files are allowed: fewer connections than the %d of MAX_CONNECTIONS", soft, wanted)
            return max(1, soft - OTHER_FILES)
    return wanted


def _end_now() -> None:
    """What is still alive has ignored being cut off; the platform's SIGKILL would be next."""
    log.critical("could not shut down in order: ending at once")
    logging.shutdown()
    os._exit(1)


def _listenable(host: str, port: int) -> str:
    """The address to listen on: `host`, or 0.0.0.0 for `::` where the kernel has IPv6 switched off.

    raises  AddressTaken, with the kernel's reason
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if host == "::" and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            return _listenable("0.0.0.0", port)
        raise AddressTaken(host, port, error.strerror or str(error)) from error
    return host
