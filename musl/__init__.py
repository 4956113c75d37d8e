"""Repair wheels that were built for glibc so that they run on musl, at image build time. See README.md.

wheels.toml   which wheels, file by file          → wheels.py
symbols.toml  what they may import, and why       → verdicts.py
compat/       what glibc has and musl lacks, in C → compat.py
allocation/   mimalloc in place of musl's malloc  → allocator.py
repair.py     the steps, in order; elf.py reads the files, patch.py changes them, load.py proves that they load
"""
