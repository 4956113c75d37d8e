"""The store and all that leads to it, as the service runs them: how well it finds, how fast it is, what it loses."""
