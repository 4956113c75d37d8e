"""Operators of our own for ONNX Runtime, in C: README.md."""
