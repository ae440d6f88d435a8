"""Limits at public doors: so many requests a minute for one name, in bursts, then 429.

A token bucket for each name, in this process: several processes let through so many times more,
which is good enough against guessing and scraping. The oldest names are forgotten first.

    buckets = Buckets(per_minute=60, burst=30)
    buckets.take("who", now)        or TooOften, with Retry-After
"""

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from starlette.requests import HTTPConnection

from wms.errors import Unavailable

NAMES_MAX = 20_000


class TooOften(Unavailable):
    """More requests than this door takes from one visitor.

    Attributes:
        retry_after_s: when the next one is welcome.
    """

    code: ClassVar[str] = "too_often"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many requests: wait a little")
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: datetime


class Buckets:
    """One bucket a name; full at first."""

    def __init__(self, *, per_minute: float, burst: float) -> None:
        self._a_second, self._burst = per_minute / 60, burst
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str, now: datetime, cost: float = 1.0) -> None:
        """Let one request pass.

        Raises:
            TooOften: not yet.
        """
        with self._lock:
            bucket = self._filled(name, now)
            if bucket.tokens < cost:
                raise TooOften(math.ceil((cost - bucket.tokens) / self._a_second))
            bucket.tokens -= cost

    def look(self, name: str, now: datetime) -> None:
        """Whether one would pass; takes nothing.

        Raises:
            TooOften: it would not.
        """
        with self._lock:
            bucket = self._filled(name, now)
            if bucket.tokens < 1:
                raise TooOften(math.ceil((1 - bucket.tokens) / self._a_second))

    def _filled(self, name: str, now: datetime) -> _Bucket:
        bucket = self._buckets.pop(name, None) or _Bucket(self._burst, now)
        waited_s = max(0.0, (now - bucket.at).total_seconds())
        bucket.tokens = min(self._burst, bucket.tokens + waited_s * self._a_second)
        bucket.at = max(bucket.at, now)
        self._buckets[name] = bucket
        while len(self._buckets) > NAMES_MAX:
            self._buckets.popitem(last=False)
        return bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of the doors that anybody may come to."""

    misses: Buckets = field(default_factory=lambda: Buckets(per_minute=20, burst=20))
    reads: Buckets = field(default_factory=lambda: Buckets(per_minute=120, burst=60))
    deeds: Buckets = field(default_factory=lambda: Buckets(per_minute=10, burst=10))
    finds: Buckets = field(default_factory=lambda: Buckets(per_minute=60, burst=60))


def visitor(request: HTTPConnection, *, behind_proxy: bool) -> str:
    """Whose request it is: the address that it came from, or that our own proxy saw."""
    if behind_proxy:
        seen = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        if seen:
            return seen[:64]
    return request.client.host if request.client else "nobody"
