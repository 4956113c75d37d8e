"""VectorSpace beside what a user would pick instead: the same texts, the same clients, in turns, in one run."""
