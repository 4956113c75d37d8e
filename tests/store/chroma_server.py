"""A real Chroma server, of the chromadb wheel: started, killed and started again by the tests."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

# `chroma run` without the Python around it, which asks for packages that are not installed.
RUN = "import sys, chromadb_rust_bindings; chromadb_rust_bindings.cli(['chroma', *sys.argv[1:]])"


class ChromaServer:
    """One server on a port of this machine; what it keeps outlives its being killed."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="chroma-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = ["--path", str(self.directory / "data"), "--host", "127.0.0.1", "--port", str(self.port)]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", RUN, "run", *options], cwd=self.directory, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v2/heartbeat", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        raise AssertionError(f"never ready:\n{(self.directory / 'log').read_text()}")

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(60)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database: str = "default_database", *, port: int | None = None, token: str = "") -> str:
        """port: of a proxy before it"""
        secret = f":{token}@" if token else ""
        return f"http://{secret}127.0.0.1:{port or self.port}?database={database}"

    def database(self) -> str:
        """The name of a new and empty one."""
        self._databases += 1
        name = f"d{os.getpid()}-{self._databases}"
        self._ask("POST", "/databases", f'{{"name": "{name}"}}'.encode())
        return name

    def drop(self, name: str) -> None:
        self._ask("DELETE", f"/databases/{name}")

    def _ask(self, method: str, path: str, body: bytes | None = None) -> None:
        url = f"http://127.0.0.1:{self.port}/api/v2/tenants/default_tenant{path}"
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=60).close()
