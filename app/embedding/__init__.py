"""Text to vectors: registry → tokenizer → batcher → encoder, joined by the embedder. No HTTP, no environment."""
