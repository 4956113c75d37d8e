"""For all tests: a key in the developer's environment must not have them ask a paid service."""

import os

for name in [name for name in os.environ if name.startswith("OPENAI_")]:
    del os.environ[name]
