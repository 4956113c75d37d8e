"""Documents in, hits out: where the model and the store meet. No HTTP, no environment."""
