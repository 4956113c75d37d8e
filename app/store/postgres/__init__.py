"""The store in PostgreSQL with pgvector: everything is in the database, so that any number of replicas share it."""
