"""What every test shares: properties are checked for what holds, never for how long it took on a busy machine.

And a key in the developer's environment must not have the tests ask a paid service.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "untimed", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")

for name in [name for name in os.environ if name.startswith("OPENAI_")]:
    del os.environ[name]
