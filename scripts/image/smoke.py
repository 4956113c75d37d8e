#!/usr/bin/env python3
"""Run the embedding smoke test against a fresh container of an image: smoke.py IMAGE

The container runs as users are advised to run it: read-only, without capabilities, nothing writable but its data.
It is removed afterwards, and its log shown where a check failed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

SMOKE = Path(__file__).resolve().parents[2] / "tests" / "smoke.py"
DATA = "/data:uid=10001,gid=10001,mode=0700"
HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", DATA)


def docker(*arguments: str) -> str:
    client = os.environ.get("DOCKER") or "docker"
    if shutil.which(client) is None:
        sys.exit(f"smoke: no docker client {client!r}; set DOCKER or put docker on the PATH")
    done = subprocess.run([client, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"smoke: docker {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout + done.stderr if arguments[0] == "logs" else done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    image = parser.parse_args().image
    name = f"vectorspace-smoke-{uuid.uuid4().hex[:12]}"
    docker("run", "--detach", "--name", name, "--publish", "127.0.0.1::8000", *HARDENED, image)
    try:
        address = docker("port", name, "8000/tcp").split()[0]
        done = subprocess.run([sys.executable, str(SMOKE), f"http://{address}", "--wait", "60"])
        if done.returncode:
            print(docker("logs", name), file=sys.stderr)
        return done.returncode
    finally:
        docker("rm", "--force", "--volumes", name)


if __name__ == "__main__":
    sys.exit(main())
