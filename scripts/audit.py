"""Known flaws in what is pinned: ask pip-audit about every pin that ships or builds, and fail where it knows one.

Its database is on the network. Where that cannot be reached, or knows none of the packages, nothing was audited. This
says so and does not fail: a check without a network must be able to pass, and must not look as if it had audited.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# What is in the image, with OTEL=1 as well, and what makes it. Tools of the tests run on nobody's server.
FILES = ["requirements.txt", "models/requirements.txt", "musl/requirements.txt", "musl/mimalloc.txt"]
FILES += ["scripts/image/requirements.txt", "scripts/image/traces.txt"]
# How a failure ends that never got an answer: with an exception's name and words, or pip-audit's own.
_no_answer = re.compile(
    r"([\w.]+\.)?(ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError): "
    r"|ERROR:pip_audit.*[Cc]ould not connect"
)


def judge(report: dict[str, Any]) -> tuple[int, list[str]]:
    """What a report of pip-audit means: the exit code, and the lines to print.

    report  {"dependencies": [{"name", "version", "vulns": [{"id", "fix_versions"}]} or {"name", "skip_reason"}]}
    """
    dependencies = report["dependencies"]
    audited = [each for each in dependencies if "skip_reason" not in each]
    skipped = sorted({each["name"] for each in dependencies if "skip_reason" in each})
    if not audited:
        return 0, [f"audit: NOT DONE: the database knows none of the {len(skipped)} packages, so nothing was audited"]
    flaws = [
        f"{each['name']} {each['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no version'}"
        for each in audited
        for flaw in each["vulns"]
    ]
    lines = [*flaws, f"audit: {len(audited)} packages, {len(flaws) or 'no'} known flaws"]
    if skipped:
        lines.append(f"audit: not audited, since the database does not know them: {', '.join(skipped)}")
    return int(bool(flaws)), lines


def fallen(said: str) -> tuple[int, str]:
    """What it means that pip-audit gave no report: the exit code, and what to print. said: its standard error"""
    last = (said.strip().splitlines() or [""])[-1]
    if _no_answer.match(last):
        return 0, f"audit: NOT DONE: the database cannot be reached, so nothing was audited ({last[:200]})"
    return 1, said


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--disable-pip"]
    command += ["--require-hashes", *(part for file in FILES for part in ("--requirement", file))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        code, line = fallen(done.stderr)
        print(line, file=sys.stderr if code else sys.stdout)
        return code
    code, lines = judge(report)
    print(*lines, sep="\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
