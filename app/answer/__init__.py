"""Answers out of passages that were found: extracted from them, or written by a language model."""
