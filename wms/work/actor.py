"""Who works, on which device, and what they may do."""

from dataclasses import dataclass, field

from typing_extensions import override


@dataclass(frozen=True, slots=True, kw_only=True)
class Skills:
    """What somebody may be given: kinds of work and zones (none named: any), and what they drive.

    `equipment` None: nobody has said, so any.
    """

    kinds: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    equipment: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who works, and on which device. `signed_in`: this is known by badge, not only said."""

    device: str
    operator: str
    signed_in: bool = False
    supervisor: bool = False
    skills: Skills = field(default_factory=Skills)

    @property
    def worker(self) -> str:
        """Whose work it is: the person's who has signed in, otherwise the device's."""
        return self.operator if self.signed_in else self.device

    @override
    def __str__(self) -> str:
        return f"user:{self.operator}@{self.device}"
