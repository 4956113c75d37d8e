"""The parts of the service, each built from the settings. `main.py` wires them, and closes them."""
