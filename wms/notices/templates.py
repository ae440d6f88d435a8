"""Templates: the texts that customers read, as data (templates.toml), and how facts come into them.

Pure. A line with a fact that is empty is left out, so that one text serves an order with a
promised day and one without. What a fact says is put in as it is and not read again.
"""

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["ja", "en"]
LANGUAGES: tuple[Language, ...] = ("ja", "en")
FILE = Path(__file__).parent / "templates.toml"


@dataclass(frozen=True, slots=True)
class Wording:
    """One language's words: of a mail, and of a telephone."""

    subject: str
    text: str
    short: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What is told of some events, and what needs not be told any more because of them."""

    name: str
    events: tuple[str, ...]
    supersedes: tuple[str, ...]
    within: tuple[str, ...]
    wait_s: int
    fulfilment: tuple[str, ...]
    words: Mapping[Language, Wording]

    @property
    def tells(self) -> bool:
        """Whether anybody is told; else it only supersedes."""
        return bool(self.words)


@dataclass(frozen=True, slots=True)
class Texts:
    """All templates by event, and codes in the reader's words."""

    by_event: Mapping[str, Template]
    by_name: Mapping[str, Template]
    reasons: Mapping[Language, Mapping[str, str]]
    tenders: Mapping[Language, Mapping[str, str]]
    phrases: Mapping[Language, Mapping[str, str]]


@cache
def texts() -> Texts:
    """What the file says."""
    said = tomllib.loads(FILE.read_text(encoding="utf-8"))
    codes = {name: said.pop(name) for name in ("reasons", "tenders", "phrases")}
    by_name = {
        name: Template(
            name=name,
            events=tuple(each["events"]),
            supersedes=tuple(each.get("supersedes", ())),
            within=tuple(each.get("within", ())),
            wait_s=each.get("wait_s", 0),
            fulfilment=tuple(each.get("fulfilment", ())),
            words={lang: Wording(**each[lang]) for lang in LANGUAGES if each.get("tells", True)},
        )
        for name, each in said.items()
    }
    by_event = {event: each for each in by_name.values() for event in each.events}
    return Texts(by_event=by_event, by_name=by_name, **codes)


def facts_in(text: str) -> set[str]:
    """The names of the facts that a text asks for."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def fill(text: str, facts: Mapping[str, str]) -> str:
    """The text with the facts; without the lines whose facts are empty, and with no double gaps."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        wanted = facts_in(line)
        if wanted and not all(facts[name] for name in wanted):
            continue
        if not line.strip() and lines and not lines[-1].strip():
            continue
        lines.append(line.format_map(dict(facts)))
    return "\n".join(lines)


def fill_line(text: str, facts: Mapping[str, str]) -> str:
    """One line, a subject: never broken, whatever the facts are."""
    return " ".join(text.format_map(dict(facts)).split())
