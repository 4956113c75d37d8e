"""The compatibility library answers as glibc does, asked by a library that was built for glibc."""

import ctypes
import string
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
        if not question.startswith("not on musl"):
            assert on_musl[question] == expected, question


def test_flags_that_musl_does_not_heed_are_refused(answers: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert answers[1]["not on musl: nftw"] == [["-1 "], ["-1 "]]


def test_a_recursive_lock_is_taken_again_by_its_owner_alone(answers: tuple[dict[str, Any], dict[str, Any]]) -> None:
    # taken, taken again, and once more by trylock; EBUSY elsewhere; EDEADLK where recursion is an error
    assert answers[1]["recursive locks"] == "0 0 0 16, 0 35, 0 16"
    assert answers[1]["recursive locks, met by eight threads"] == 8000


def test_a_write_past_the_end_ends_the_process(answers: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert answers[1]["overflows"] == [[-6, "*** buffer overflow detected ***: terminated\n"]] * 3


def test_cpp_code_finds_glibcs_character_classes(musl: Image) -> None:
    """And the generic model's where those have no bit: libstdc++ itself asks for xdigit, space and print there."""
    of_glibc = ctypes.CDLL(None)["__ctype_b_loc"]
    of_glibc.restype = ctypes.POINTER(ctypes.POINTER(ctypes.c_ushort))
    expected = [int(of_glibc()[0][c]) for c in range(128)] + [0] * 128
    for character in map(chr, range(128)):
        assert expected[ord(character)] & 0x70 == 0
        generic = 0x10 * (character in string.hexdigits) | 0x20 * (character in string.whitespace)
        expected[ord(character)] |= generic | 0x40 * (" " <= character <= "~")
    assert musl.run(f"{PROGRAMS}.classes") == expected
