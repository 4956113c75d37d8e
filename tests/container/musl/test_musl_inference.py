"""The same wheel on musl and on glibc: the same numbers to the last bit, the same errors to the last letter."""

from pathlib import Path

from tests.container.musl.sides import Image, Process

PROGRAMS = "tests.container.musl.programs"


def test_outputs_are_glibcs_bit_by_bit(glibc: Process, musl: Image, model: Path, texts: Path) -> None:
    """200 texts, alone and in batches of 7 and 32, on one, two and four threads, without and with our operators."""
    here, there = glibc.run(f"{PROGRAMS}.inference", model, texts), musl.run(f"{PROGRAMS}.inference", model, texts)
    assert (here["libc"], there["libc"]) == ("glibc", "musl")
    assert there["onnxruntime"] == here["onnxruntime"]
    assert there["kernels"] == here["kernels"] != ""
    assert there["tokens"] == here["tokens"]
    different = [name for name, value in here["outputs"].items() if there["outputs"][name] != value]
    assert not different, f"{len(different)} of {len(here['outputs'])} runs differ"
    print(f"{model.name}: {len(here['outputs'])} runs, all equal")


def test_errors_are_glibcs_word_by_word(glibc: Process, musl: Image, model: Path) -> None:
    here, there = glibc.run(f"{PROGRAMS}.errors", model), musl.run(f"{PROGRAMS}.errors", model)
    assert there == here
    assert sum(not outcome.startswith("no error") for outcome in here.values()) > 30
