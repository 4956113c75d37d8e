"""Vectors drawn in the plane. Pure numpy: no store, no files, no settings, no chance."""
