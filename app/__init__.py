"""VectorSpace: semantic search in one small container. The parts are wired in `main.py`, and only there."""

__version__ = "0.1.0"
