"""What every test shares: properties are checked for what holds, never for how long it took on a busy machine.

And a key in the developer's environment must not have the tests ask a paid service.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "untimed", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")
# A property of a test (`record_property`) that is shown when all are through, whichever process it ran in.
TOLD = "told at the end"

for name in [name for name in os.environ if name.startswith("OPENAI_")]:
    del os.environ[name]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in [each for outcome in ("passed", "failed") for each in terminalreporter.getreports(outcome)]:
        for name, value in report.user_properties:
            if name == TOLD:
                terminalreporter.write_line(str(value))
