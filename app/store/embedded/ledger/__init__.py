"""The ledger: the SQLite file that is the truth. Everything that a store keeps is written and read here."""
