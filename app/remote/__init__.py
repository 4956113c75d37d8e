"""An OpenAI-compatible service elsewhere, which writes answers and makes vectors where a key for it is set."""
