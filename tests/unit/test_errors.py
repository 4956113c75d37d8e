"""The tree of errors at the head of `app/errors.py` is that of its classes."""

from app import errors


def _tree(kind: type[errors.VectorSpaceError], depth: int = 0) -> list[tuple[int, str]]:
    below = [each for each in kind.__subclasses__() if each.__module__ == errors.__name__]
    return [(depth, kind.__name__), *(line for each in below for line in _tree(each, depth + 1))]


def test_the_tree_that_is_drawn_is_that_of_the_classes() -> None:
    assert errors.__doc__
    drawn = errors.__doc__.split("\n\n", 1)[1].rstrip().splitlines()
    names = [line.lstrip("│├└─ ") for line in drawn]
    found = [((len(line) - len(name)) // 4, name.split()[0]) for line, name in zip(drawn, names, strict=True)]
    assert found == _tree(errors.VectorSpaceError)
