"""Money: whole minor units of one currency; no floats, no cent made or lost.

    Money(1000, "JPY").split((1, 1, 1))  ->  334, 333, 333

Adding and comparing two currencies is a bug, and says so. Japanese yen have no minor unit: one
minor unit is one yen.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount."""

    amount_minor: int
    currency: str = "JPY"

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + self._same(other).amount_minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor - self._same(other).amount_minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount_minor < self._same(other).amount_minor

    def __le__(self, other: "Money") -> bool:
        return self.amount_minor <= self._same(other).amount_minor

    def split(self, weights: Sequence[int]) -> tuple["Money", ...]:
        """Parts in proportion to the weights; they add up to the whole, the first get the rest.

        Raises:
            ValueError: no weights, a negative one, or all zero.
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError(f"weights must be zero or more, and not all zero: {weights}")
        parts = [self.amount_minor * weight // total for weight in weights]
        uneven = [at for at, w in enumerate(weights) if self.amount_minor * w % total]
        for at in uneven[: self.amount_minor - sum(parts)]:
            parts[at] += 1
        return tuple(Money(part, self.currency) for part in parts)

    def _same(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
        return other
