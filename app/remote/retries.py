"""When a call that failed is made again: a longer pause each time, or the one that the service asks for."""

import asyncio
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from app.errors import RemoteFailed

_seconds = re.compile(r"\d{1,9}(\.\d{1,9})?")
_jitter = random.SystemRandom()


@dataclass(frozen=True)
class Retries:
    """most       calls after the first
    backoff_s  pause before the first of them; twice as long before each further one, and of it a random half to all,
               so that many callers do not come back at once
    longest_s  where the service asks for a longer pause, the call is given up instead
    """

    most: int
    backoff_s: float
    longest_s: float

    async def pause(self, made: int, failure: RemoteFailed, deadline_s: float) -> None:
        """Wait until the call may be made again.

        made        calls after the first so far
        deadline_s  on the event loop's clock, when an answer is wanted by
        raises      `failure`, where another call is of no use or would come too late
        """
        if not failure.passing or made >= self.most:
            raise failure
        wait_s = self.backoff_s * 2**made * _jitter.uniform(0.5, 1)
        if failure.retry_after_s is not None:
            wait_s = max(wait_s, failure.retry_after_s)
        if wait_s > self.longest_s or asyncio.get_running_loop().time() + wait_s >= deadline_s:
            raise failure
        await asyncio.sleep(wait_s)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds from the header Retry-After, at least 0; None where it says nothing.

    A date counts from the answer's own Date, so that no clock of ours is asked.
    source  RFC 9110, sections 6.6.1 and 10.2.3
    """
    value = headers.get("retry-after", "").strip()
    if _seconds.fullmatch(value):
        return float(value)
    try:
        then, now = (parsedate_to_datetime(each) for each in (value, headers.get("date", "")))
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError):  # no date, or one with a time zone beside one without
        return None
