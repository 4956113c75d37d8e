"""What would show a wrong lock, a small stack or a lost handler: many threads at once, and children of two kinds."""

from pathlib import Path

from tests.container.musl.sides import Image

PROGRAMS = "tests.container.musl.programs"


def test_threads_share_a_session_beside_a_busy_store(musl: Image, model: Path, texts: Path) -> None:
    outcome = musl.run(f"{PROGRAMS}.strain", model, texts)
    assert outcome["failures"] == []
    assert outcome["counts"] == outcome["expected"]
    assert outcome["rows"][0] == outcome["rows"][1]


def test_children_have_sessions_and_stores_of_their_own(musl: Image, model: Path, texts: Path) -> None:
    outcome = musl.run(f"{PROGRAMS}.processes", model, texts)
    expected = outcome["parent"]
    assert outcome["parent, afterwards"] == expected
    for turn in range(2):
        assert outcome[f"fork {turn}"] == [expected, expected, [["a"]]]
        assert outcome[f"spawn {turn}"] == [expected, [["a"]]]
        assert outcome[f"fork {turn} exit"] == outcome[f"spawn {turn} exit"] == 0
