"""The other steps that make a tree smaller: each keeps what is used, and stops the build rather than guess."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.image.bytecode import compile_tree
from scripts.image.check import Unfit, check
from scripts.image.cut import Cut, StaleCut, apply, read_list
from scripts.image.libraries import MissingLibrary, closure, drop_orphans, needed
from scripts.image.records import prune_apk, trim_metadata

LIST = Path(__file__).resolve().parents[3] / "scripts" / "image" / "cuts.toml"


def fill(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("12345")


def test_a_cut_deletes_what_it_names_and_keeps_the_rest(tmp_path: Path) -> None:
    fill(tmp_path, "a/tests/one.py", "a/tests/two.py", "a/code.py", "b/keep.txt", "b/drop.txt")
    cuts = [Cut("tests", ("**/tests",)), Cut("all but one", ("b/*",), ("b/keep.txt",))]
    assert apply(tmp_path, cuts) == [("tests", 10), ("all but one", 5)]
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["a/code.py", "b/keep.txt"]


def test_a_cut_that_matches_nothing_stops_and_deletes_nothing(tmp_path: Path) -> None:
    fill(tmp_path, "a/one.py")
    with pytest.raises(StaleCut, match=r"matches gone/\*"):
        apply(tmp_path, [Cut("there", ("a",)), Cut("not there", ("gone/*",))])
    assert (tmp_path / "a" / "one.py").exists()


def test_a_link_is_cut_and_what_it_leads_to_is_not(tmp_path: Path) -> None:
    fill(tmp_path, "a/real.txt")
    (tmp_path / "link").symlink_to("a")
    apply(tmp_path, [Cut("the link", ("link",))])
    assert (tmp_path / "a" / "real.txt").exists()
    assert not (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("name", ["system", "dependencies"])
def test_every_entry_of_the_list_has_its_reason(name: str) -> None:
    assert all(len(cut.why) > 10 for cut in read_list(LIST, name))


def test_an_entry_without_a_reason_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cuts.toml").write_text('[[system]]\nwhy = " "\npaths = ["a"]\n')
    with pytest.raises(ValueError, match="needs a reason"):
        read_list(tmp_path / "cuts.toml", "system")


def test_bytecode_runs_without_its_source_and_without_docstrings(tmp_path: Path) -> None:
    package = tmp_path / "thing"
    package.mkdir()
    (package / "__init__.py").write_text('"""Gone."""\nfrom thing.part import f\n')
    (package / "part.py").write_text('def f():\n    """Gone too."""\n    assert True\n    return 41 + 1\n')
    (package / "kept.py").write_text('"""Stays."""\n')
    assert compile_tree(tmp_path, "/shown", frozenset({"thing/kept.py"})) == 3
    assert not list(tmp_path.rglob("*.py"))
    code = "import thing, thing.kept; print(thing.f(), thing.__doc__, thing.f.__doc__, thing.kept.__doc__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path)}
    )
    assert done.stdout.split() == ["42", "None", "None", "Stays."], done.stderr


def test_bytecode_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    made = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "part.py").write_text("x = {1, 2}\n")
        compile_tree(tmp_path / folder, "/shown", frozenset())
        made.append((tmp_path / folder / "part.pyc").read_bytes())
    assert made[0] == made[1]
    assert made[0].startswith(importlib.util.MAGIC_NUMBER)


@pytest.fixture
def tree(library: Path, tmp_path: Path) -> Path:
    """A root in which a module needs one library, and another library is needed by nothing."""
    root = tmp_path / "root"
    for folder in ("usr/lib", "usr/local/lib/python3.12"):
        (root / folder).mkdir(parents=True)
    (root / "usr/lib/libtable.so").write_bytes(library.read_bytes())
    (root / "usr/lib/liborphan.so").write_bytes(library.read_bytes())
    flags = ["-target", "x86_64-linux-musl", "-shared", "-fPIC", "-L", str(library.parent), "-ltable"]
    source = root / "user.c"
    source.write_text("extern int say(int); int twice(void) { return say(1) + say(2); }\n")
    module = root / "usr/local/lib/python3.12/user.so"
    subprocess.run([sys.executable, "-m", "ziglang", "cc", *flags, "-o", str(module), str(source)], check=True)
    source.unlink()
    return root


def test_only_libraries_that_something_needs_stay(tree: Path) -> None:
    module = tree / "usr/local/lib/python3.12/user.so"
    assert needed(tree, module) == {"libtable.so": tree / "usr/lib/libtable.so"}
    assert drop_orphans(tree) == [tree / "usr/lib/liborphan.so"]
    assert (tree / "usr/lib/libtable.so").exists()


def test_a_missing_library_is_named_with_who_needs_it(tree: Path) -> None:
    (tree / "usr/lib/libtable.so").unlink()
    with pytest.raises(MissingLibrary, match=r"user\.so needs libtable\.so"):
        closure(tree, [tree / "usr/local/lib/python3.12/user.so"])


def test_a_library_is_found_where_the_one_who_needs_it_looks(tree: Path, library: Path) -> None:
    """As wheels keep theirs: only the extension module names the folder, and its libraries need each other."""
    folder = tree / "usr/local/lib/python3.12/thing.libs"
    folder.mkdir()
    (tree / "usr/lib/libtable.so").unlink()
    (folder / "libtable.so").write_bytes(library.read_bytes())
    source = tree / "middle.c"
    source.write_text("extern int say(int); int middle(void) { return say(1); }\n")
    build = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-linux-musl", "-shared", "-fPIC", f"-L{folder}"]
    subprocess.run([*build, "-ltable", "-o", str(folder / "libmiddle.so"), str(source)], check=True)
    source.write_text("extern int middle(void); int outer(void) { return middle(); }\n")
    outer = tree / "usr/local/lib/python3.12/outer.so"
    subprocess.run([*build, "-lmiddle", "-Wl,-rpath,$ORIGIN/thing.libs", "-o", str(outer), str(source)], check=True)
    starts = [folder / "libmiddle.so", outer]
    assert {path.name for path in closure(tree, starts)} == {"libmiddle.so", "libtable.so"}
    with pytest.raises(MissingLibrary, match=r"libmiddle\.so needs libtable\.so"):
        closure(tree, [folder / "libmiddle.so"])


@pytest.mark.parametrize("path", ["sbin/apk", "usr/local/lib/python3.12/site-packages/pip/x.pyc", "bin/sh", "usr/x.h"])
def test_a_root_with_a_tool_in_it_is_unfit(tmp_path: Path, path: str) -> None:
    fill(tmp_path, path)
    with pytest.raises(Unfit, match="must not be there"):
        check(tmp_path)


@pytest.mark.parametrize(("mode", "words"), [(0o4755, "runs as another user"), (0o666, "writable by all")])
def test_a_root_that_lends_rights_is_unfit(tmp_path: Path, mode: int, words: str) -> None:
    fill(tmp_path, "usr/thing")
    (tmp_path / "usr" / "thing").chmod(mode)
    with pytest.raises(Unfit, match=words):
        check(tmp_path)


def test_the_package_record_names_what_is_left(tmp_path: Path) -> None:
    fill(tmp_path, "usr/lib/libkept.so")
    record = tmp_path / "lib/apk/db/installed"
    record.parent.mkdir(parents=True)
    record.write_text(
        "P:kept\nV:1\nF:usr/lib\nR:libkept.so\nZ:Q1abc\nR:gone.so\nZ:Q1def\n\nP:gone\nV:2\nF:usr/bin\nR:gone\nZ:Q1ghi\n\n"
    )
    assert prune_apk(tmp_path) == ["kept"]
    assert record.read_text() == "P:kept\nV:1\nF:usr/lib\nR:libkept.so\nZ:Q1abc\n\n"


def test_metadata_keeps_its_headers(tmp_path: Path) -> None:
    folder = tmp_path / "thing-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: thing\nVersion: 1\n\n# A long description\n\nof many words\n")
    assert trim_metadata(tmp_path) > 20
    assert (folder / "METADATA").read_text() == "Name: thing\nVersion: 1\n"
