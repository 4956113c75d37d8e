"""A real PgBouncer before the tests' PostgreSQL: each transaction gets one of a few connections, whoever asks."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.store.cluster import NOBODY, PASSWORD

PROGRAM = "pgbouncer"
# Fewer than the replicas of a test open, so that a connection serves one of them after another.
CONNECTIONS = 4


class Pooler:
    """One on a port of this machine, in transaction mode, for all databases of the server on `server_port`."""

    def __init__(self, server_port: int) -> None:
        program = shutil.which(PROGRAM) or shutil.which(PROGRAM, path="/usr/sbin")
        if program is None:
            missing = f"{PROGRAM} is missing: apt-get install {PROGRAM}"
            if os.environ.get("CI"):
                pytest.fail(missing)
            pytest.skip(missing)
        self._directory = Path(tempfile.mkdtemp(prefix="pooler-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        users, settings = self._directory / "users", self._directory / "settings"
        users.write_text(f'"postgres" "{PASSWORD}"\n')
        lines = [
            "[databases]",
            f"* = host=127.0.0.1 port={server_port}",
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {self._port}",
            "unix_socket_dir =",
            "auth_type = scram-sha-256",
            f"auth_file = {users}",
            "pool_mode = transaction",
            f"default_pool_size = {CONNECTIONS}",
        ]
        settings.write_text("\n".join(lines) + "\n")
        nobody: dict[str, Any] = {}
        if os.geteuid() == 0:  # as which it does not run
            nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(self._directory, NOBODY, NOBODY)
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen([program, str(settings)], stdout=log, stderr=log, **nobody)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError(f"never ready:\n{(self._directory / 'log').read_text()}")

    def before(self, url: str) -> str:
        """The same database, through the pooler."""
        parts = urlsplit(url)
        return parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{self._port}")).geturl()

    def close(self) -> None:
        self._process.kill()
        self._process.wait(60)
        shutil.rmtree(self._directory, ignore_errors=True)
