"""Answers to queries: rankings by meaning and by words, exact scores, and one ranking of both."""
