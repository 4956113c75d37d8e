"""The approximate index: Chroma, made to follow the ledger by a thread of its own, and thrown away when in doubt."""
