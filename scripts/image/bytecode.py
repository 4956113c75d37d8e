"""Replace Python sources by their bytecode: `module.py` becomes `module.pyc` beside it, without docstrings.

CPython imports such a file where there is no source ("legacy" placement, PEP 3147). Assertions stay: only texts that
nothing prints are dropped. For third-party code and the standard library; the service's own sources are kept.
"""

import ast
import importlib.util
import marshal
import warnings
from pathlib import Path


def without_docstrings(tree: ast.Module) -> ast.Module:
    """The same program, its docstrings gone; a body that was only a docstring becomes `pass`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            blank = ast.copy_location(ast.Pass(), first)
            node.body = node.body[1:] or [blank]
    return tree


def compiled(source: bytes, name: str, keep_docstrings: bool) -> bytes:
    """A .pyc file's bytes: PEP 552's unchecked hash form, so that they do not depend on a file's date.

    name  path that tracebacks show
    """
    tree = ast.parse(source, name)
    code = compile(tree if keep_docstrings else without_docstrings(tree), name, "exec", dont_inherit=True, optimize=0)
    unchecked_hash = b"\x01\0\0\0"
    return importlib.util.MAGIC_NUMBER + unchecked_hash + importlib.util.source_hash(source) + marshal.dumps(code)


def compile_tree(root: Path, shown_as: str, keep_docstrings: frozenset[str]) -> int:
    """Replace every source under `root`; returns how many.

    shown_as         the directory's path in the image, for tracebacks
    keep_docstrings  paths below `root`, a file or a folder each, whose docstrings something reads
    raises           SyntaxError; a file that does not compile should have been cut
    """
    count = 0
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root)
        keep = any(relative.is_relative_to(kept) for kept in keep_docstrings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            data = compiled(path.read_bytes(), f"{shown_as}/{relative}", keep)
        path.with_suffix(".pyc").write_bytes(data)
        path.unlink()
        count += 1
    return count
