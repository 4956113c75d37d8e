"""What `python -m app` does beside serving: one module a command, loaded only when it is asked for."""
