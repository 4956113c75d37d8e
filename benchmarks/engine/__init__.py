"""The engine alone: what each of its settings is worth."""
