"""Documents kept and found: the ledger is the truth, Chroma the index. No HTTP, no environment."""
