"""What is known of a person, and how it is written the same way each time.

The address book of one order: who gets it, and how they want to be told. An empty text is what
nobody has said. Nothing here is ever logged: `repr` says no more than that it is a contact.
"""

import json
import re
import unicodedata
from dataclasses import asdict, dataclass, fields
from typing import Literal, TypeAlias

from typing_extensions import override

Notify: TypeAlias = Literal["EMAIL", "LINE", "SMS", "NONE"]
NOTIFY: tuple[Notify, ...] = ("EMAIL", "LINE", "SMS", "NONE")
LAST = 4  # digits of a telephone number that a person at a counter says
_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Contact:
    """A person as an order knows them.

    `time_zone` is where they sleep (IANA); "" is the zone of the shop. `kana` is how the name is
    read (フリガナ).
    """

    name: str
    kana: str = ""
    email: str = ""
    phone: str = ""
    line_id: str = ""
    postal_code: str = ""
    address_lines: tuple[str, ...] = ()
    notify: Notify = "EMAIL"
    time_zone: str = ""

    @override
    def __repr__(self) -> str:
        return "Contact(…)"

    @property
    def address(self) -> str:
        """Where they want to be told; "" if they do not, or have not said where."""
        return {"EMAIL": self.email, "LINE": self.line_id, "SMS": self.phone, "NONE": ""}[
            self.notify
        ]

    @property
    def given_name(self) -> str:
        """The given name, if it can be told from the family's; else nothing.

        Japanese names have it last, others first. A name in one piece is not guessed at.
        """
        parts = self.name.split()  # an ideographic space counts, too
        if len(parts) < 2:  # noqa: PLR2004 - a family's and a person's
            return ""
        return parts[-1] if _JAPANESE.search(self.name) else parts[0]

    def to_json(self) -> bytes:
        """The same bytes for the same contact."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True).encode()


def from_json(stored: bytes) -> Contact:
    """A contact as it was written; what later versions added has its default."""
    said = json.loads(stored)
    known = {field.name for field in fields(Contact)}
    facts = {name: value for name, value in said.items() if name in known}
    facts["address_lines"] = tuple(facts.get("address_lines", ()))
    return Contact(**facts)


def plain_email(email: str) -> str:
    """An address as it is compared: 'Taro@Example.JP ' is 'taro@example.jp'."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


def plain_phone(phone: str) -> str:
    """A number as it is compared: '+81 90-1234-5678' is '09012345678'."""
    wide = unicodedata.normalize("NFKC", phone).strip()
    digits = re.sub(r"\D", "", wide)
    return f"0{digits[2:]}" if wide.startswith("+81") else digits
