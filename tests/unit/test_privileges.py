"""Dropping root: the data directory changes hands, links are not followed, and the way back is closed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import privileges
from app.errors import PrivilegesKept
from app.settings import Settings

UID = 10001
needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can give files away; the container tests do it too"
)


def settings(data: Path, uid: int | None = UID) -> Settings:
    return Settings.model_validate({"data_directory": str(data), "run_as_uid": uid})


def test_nothing_happens_unless_asked(tmp_path: Path) -> None:
    privileges.drop(settings(tmp_path / "data", None))
    assert not (tmp_path / "data").exists()


@needs_root
def test_root_hands_over_the_data_and_cannot_come_back(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("not yours")
    data = tmp_path / "data"
    (data / "deep").mkdir(parents=True)
    (data / "deep" / "file").write_text("kept")
    (data / "link").symlink_to(outside)
    tmp_path.chmod(0o755)
    script = (
        "import os, sys; from pathlib import Path; from app import privileges; from app.settings import Settings\n"
        f"privileges.drop(Settings.model_validate(dict(data_directory={str(data)!r}, run_as_uid={UID})))\n"
        "print(os.getresuid(), os.getresgid(), os.getgroups())\n"
        "try: os.setuid(0)\n"
        "except PermissionError: print('no way back')\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"({UID}, {UID}, {UID}) ({UID}, {UID}, {UID}) []", "no way back"]
    for path in (data, data / "deep", data / "deep" / "file", data / "link"):
        assert path.lstat().st_uid == UID
    assert outside.stat().st_uid == 0


@needs_root
def test_a_file_that_another_process_takes_away_meanwhile_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lstat = os.lstat

    def gone(path: str) -> os.stat_result:
        if path.endswith("-wal"):
            Path(path).unlink(missing_ok=True)
        return lstat(path)

    (tmp_path / "a-wal").write_text("going")
    (tmp_path / "b").write_text("staying")
    monkeypatch.setattr(os, "lstat", gone)
    assert privileges._own(tmp_path, UID) == 2
    assert (tmp_path / "b").stat().st_uid == UID


@needs_root
def test_what_a_link_as_the_directory_leads_to_is_handed_over(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "volume")
    script = (
        "from app import privileges; from app.settings import Settings\n"
        f"privileges.drop(Settings.model_validate(dict(data_directory={str(tmp_path / 'data')!r}, run_as_uid={UID})))\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).resolve().parents[2], check=True)
    assert (tmp_path / "volume").stat().st_uid == UID


@needs_root
def test_a_refused_step_is_named_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refused)
    with pytest.raises(PrivilegesKept, match="capabilities CHOWN, SETUID, SETGID and DAC_OVERRIDE"):
        privileges.drop(settings(tmp_path / "data"))
