"""The store of one process in a data directory: a ledger in SQLite, and an index that follows it."""
