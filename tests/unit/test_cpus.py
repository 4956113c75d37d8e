"""The CPU count follows the container's quota."""

import os
from pathlib import Path

import pytest

from app.embedding.cpus import available_cpus


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


@pytest.mark.parametrize(
    ("cpu_max", "cpus"),
    [
        ("max 100000", 8),
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("150000 100000", 2),
        ("1600000 100000", 8),
        ("garbage", 8),
        ("1 0", 8),
    ],
)
def test_cgroup_v2(tmp_path: Path, cpu_max: str, cpus: int) -> None:
    (tmp_path / "cpu.max").write_text(cpu_max + "\n")
    assert available_cpus(tmp_path) == cpus


@pytest.mark.parametrize(("quota", "cpus"), [("-1", 8), ("200000", 2), ("30000", 1)])
def test_cgroup_v1(tmp_path: Path, quota: str, cpus: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert available_cpus(tmp_path) == cpus


def test_no_cgroup_at_all(tmp_path: Path) -> None:
    assert available_cpus(tmp_path) == 8
