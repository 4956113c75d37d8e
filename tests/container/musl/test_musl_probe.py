"""The compatibility library answers as glibc does, asked by a library that was built for glibc."""

from pathlib import Path
from typing import Any

import pytest

from tests.container.musl.sides import Image, Process

PROGRAMS = "tests.container.musl.programs"


@pytest.fixture(scope="module")
def answers(glibc: Process, musl: Image, probe: tuple[Path, Path]) -> tuple[dict[str, Any], dict[str, Any]]:
    plain, repaired = probe
    return glibc.run(f"{PROGRAMS}.probe", plain), musl.run(f"{PROGRAMS}.probe", repaired)


def test_every_answer_is_glibcs(answers: tuple[dict[str, Any], dict[str, Any]]) -> None:
    on_glibc, on_musl = answers
    assert on_musl.keys() == on_glibc.keys()
    for question, expected in on_glibc.items():
        assert on_musl[question] == expected, question


def test_a_recursive_lock_is_taken_again_by_its_owner_alone(answers: tuple[dict[str, Any], dict[str, Any]]) -> None:
    # taken, taken again, and once more by trylock; EBUSY elsewhere; EDEADLK where recursion is an error
    assert answers[1]["recursive locks"] == "0 0 0 16, 0 35, 0 16"
    assert answers[1]["recursive locks, met by eight threads"] == 8000


def test_a_write_past_the_end_ends_the_process(answers: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert answers[1]["overflows"] == [[-6, "*** buffer overflow detected ***: terminated\n"]] * 3
