"""A person as shops send one: bounded, printable, and nothing that could break out of a mail.

It stands below `wms.api.shapes`, whose orders have one.
"""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from wms.contacts.contact import Contact, Notify

# no control characters, no separators of lines, nothing that turns the direction of writing
_SAFE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$"
Line = Annotated[str, StringConstraints(strict=True, max_length=200, pattern=_SAFE)]
Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=_SAFE)]
_ADDRESS = r"^$|^[^\s@<>,;:\"\\()\[\]]{1,64}@[^\s@<>,;:\"\\()\[\]]+$"
Email = Annotated[str, StringConstraints(strict=True, max_length=254, pattern=_ADDRESS)]
Phone = Annotated[str, StringConstraints(strict=True, max_length=30, pattern=r"^[0-9+()\-  .]*$")]
LineId = Annotated[str, StringConstraints(strict=True, max_length=100, pattern=r"^[!-~]*$")]


def _a_zone(name: str) -> str:
    try:
        if name:
            ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such time zone") from None
    return name


TimeZone = Annotated[Line, AfterValidator(_a_zone)]


class ContactIn(BaseModel):
    """Who gets an order, and how they want to be told of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field(examples=["山田 太郎"])
    kana: Line = Field(default="", examples=["ヤマダ タロウ"])
    email: Email = Field(default="", examples=["taro@example.jp"])
    phone: Phone = Field(default="", examples=["+81 90-1234-5678"])
    line_id: LineId = ""
    postal_code: Line = Field(default="", examples=["100-0001"])
    address_lines: Annotated[tuple[Line, ...], Field(max_length=10)] = ()
    notify: Notify = "EMAIL"
    time_zone: TimeZone = Field(
        default="", description="IANA; where they sleep. Empty: the shop's zone"
    )

    def contact(self) -> Contact:
        """As it is kept."""
        return Contact(**self.model_dump())
