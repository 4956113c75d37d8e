"""What an audit's report means: a flaw fails, and what was not audited is never called clean."""

import re
from typing import Any

import pytest

from scripts.audit import FILES, ROOT, fallen, judge

CLEAN = {"name": "a", "version": "1", "vulns": []}
FLAWED = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


def verdict(*dependencies: dict[str, Any]) -> tuple[int, str]:
    code, lines = judge({"dependencies": list(dependencies), "fixes": []})
    return code, "\n".join(lines)


def test_whatever_the_image_is_built_from_is_audited() -> None:
    """/pins is requirements.txt in parts."""
    recipe = (ROOT / "Dockerfile.alpine").read_text()
    installed = set(re.findall(r"-r (\S+\.txt)", recipe))
    pins = {file for file in installed if file.startswith("/pins/")}
    assert pins
    assert (installed - pins) | {"requirements.txt"} == set(FILES)
    assert [file for file in FILES if not (ROOT / file).is_file()] == []


def test_clean() -> None:
    assert verdict(CLEAN) == (0, "audit: 1 packages, no known flaws")


def test_a_flaw_fails_and_is_named_with_its_remedy() -> None:
    code, text = verdict(CLEAN, FLAWED)
    assert code == 1
    assert "b 2: PYSEC-1, mended in 2.1" in text


def test_what_was_not_audited_is_said() -> None:
    code, text = verdict(CLEAN, UNKNOWN)
    assert code == 0
    assert "not audited, since the database does not know them: c" in text
    code, text = verdict(UNKNOWN)
    assert code == 0
    assert "NOT DONE" in text
    assert "no known flaws" not in text


@pytest.mark.parametrize(
    ("last", "code"),
    [
        ("requests.exceptions.ConnectionError: HTTPSConnectionPool(host='…', port=443): Max retries exceeded", 0),
        ("requests.exceptions.ReadTimeout: read timed out", 0),
        ("requests.exceptions.HTTPError: 500 Server Error", 1),
        ("ERROR: a package named mySSLErrorlib has a hash mismatch", 1),
        ("ValueError: SSLError: said somebody else", 1),
        ("", 1),
    ],
)
def test_what_was_not_answered_is_told_from_what_failed(last: str, code: int) -> None:
    found, line = fallen(f"WARNING: ConnectionError: retrying\n{last}\n" if last else "")
    assert found == code
    assert ("NOT DONE" in line) == (code == 0)
