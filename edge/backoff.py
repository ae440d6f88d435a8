"""How long to wait before trying again: longer each time, never exactly as long as the others.

Pure: chance comes in as a `Random`, time goes out as seconds. The jitter keeps thirty robots that
lost the same broker from coming back in step.

Source: M. Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): equal jitter.
"""

from random import Random


class Backoff:
    """Waiting times that double from `first_s` to `most_s`, each shortened by up to a half."""

    def __init__(
        self, *, first_s: float = 0.2, most_s: float = 10.0, chance: Random | None = None
    ) -> None:
        assert 0 < first_s <= most_s
        self._first_s = first_s
        self._most_s = most_s
        self._chance = chance or Random()  # noqa: S311 - jitter
        self._failures = 0

    @property
    def failures(self) -> int:
        """How often it has failed in a row."""
        return self._failures

    def next_s(self) -> float:
        """Note one more failure and say how long to wait."""
        whole_s = min(self._most_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return whole_s * self._chance.uniform(0.5, 1.0)

    def reset(self) -> None:
        """It worked: start from the beginning next time."""
        self._failures = 0
