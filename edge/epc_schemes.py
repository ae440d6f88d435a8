"""The coding schemes of EPCs: how each lays out its bits.

    classic   header 8 | filter 3 | partition 3 | company prefix + reference | serial
              the partition says how many digits the prefix has, and with it where it ends
    plus      header 8 | more data follows 1 | filter 3 | the key, 4 bits a digit | the serial

Two old ones have a layout of their own: GID-96 (no filter, no partition), USDOD-96.

Source: GS1 EPC Tag Data Standard 2.3 (2025), tables 14-1 and 14-16 to 14-50, table F.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias

from edge.epc_bits import PART_TEXT, Text

Reference: TypeAlias = Literal["digits", "number", "text"]
Tail: TypeAlias = Literal["zeros", "number", "text", "digits"]
COMPANY_BITS = {12: 40, 11: 37, 10: 34, 9: 30, 8: 27, 7: 24, 6: 20}  # by digits of the prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Classic:
    """A scheme with a partition.

    Attributes:
        key_bits: of company prefix and reference.
        digits: how many both have together, without check digit; 0 where that is open.
        reference: digits with leading zeros; a number without; or text.
        longest: characters of prefix and reference together, where that is open.
        tail: what is behind them, of `tail_bits` bits; "digits" keeps leading zeros.
        tail_longest: digits of a number that the standard limits besides.
    """

    key_bits: int
    digits: int = 0
    reference: Reference = "digits"
    longest: int = 30
    tail: Tail
    tail_bits: int = 0
    tail_longest: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plus:
    """A scheme without one.

    Attributes:
        digits: of the key, with its check digit; 0: the key is `delimited` text.
        serial: the text behind it; None where there is none.
        number: it is digits, of which that many at most.
        dated: a date comes first.
    """

    digits: int = 0
    delimited: Text | None = None
    serial: Text | None = None
    number: int = 0
    dated: bool = False


class Own(Enum):
    """The layouts that are like no other."""

    GID = "gid"
    USDOD = "usdod"


Layout: TypeAlias = Classic | Plus | Own

_SERIAL = Text(most=20)
_KEY = Text(most=30)
_PART = Text(most=30, of=PART_TEXT)


class Scheme(Enum):
    """The schemes we speak: header, what it identifies, layout."""

    SGTIN_96 = (0x30, "sgtin", Classic(key_bits=44, digits=13, tail="number", tail_bits=38))
    SGTIN_198 = (0x36, "sgtin", Classic(key_bits=44, digits=13, tail="text", tail_bits=140))
    SSCC_96 = (0x31, "sscc", Classic(key_bits=58, digits=17, tail="zeros", tail_bits=24))
    SGLN_96 = (0x32, "sgln", Classic(key_bits=41, digits=12, tail="number", tail_bits=41))
    SGLN_195 = (0x39, "sgln", Classic(key_bits=41, digits=12, tail="text", tail_bits=140))
    GRAI_96 = (0x33, "grai", Classic(key_bits=44, digits=12, tail="number", tail_bits=38))
    GRAI_170 = (0x37, "grai", Classic(key_bits=44, digits=12, tail="text", tail_bits=112))
    GIAI_96 = (0x34, "giai", Classic(key_bits=82, reference="number", longest=25, tail="zeros"))
    GIAI_202 = (0x38, "giai", Classic(key_bits=188, reference="text", tail="zeros"))
    GSRN_96 = (0x2D, "gsrn", Classic(key_bits=58, digits=17, tail="zeros", tail_bits=24))
    GSRNP_96 = (0x2E, "gsrnp", Classic(key_bits=58, digits=17, tail="zeros", tail_bits=24))
    GDTI_96 = (0x2C, "gdti", Classic(key_bits=41, digits=12, tail="number", tail_bits=41))
    GDTI_174 = (0x3E, "gdti", Classic(key_bits=41, digits=12, tail="text", tail_bits=119))
    CPI_96 = (
        0x3C,
        "cpi",
        Classic(key_bits=51, reference="number", longest=15, tail="number", tail_bits=31),
    )
    SGCN_96 = (
        0x3F,
        "sgcn",
        Classic(key_bits=41, digits=12, tail="digits", tail_bits=41, tail_longest=12),
    )
    GID_96 = (0x35, "gid", Own.GID)
    USDOD_96 = (0x2F, "usdod", Own.USDOD)

    SGTIN_PLUS = (0xF7, "sgtin", Plus(digits=14, serial=_SERIAL))
    DSGTIN_PLUS = (0xFB, "sgtin", Plus(digits=14, serial=_SERIAL, dated=True))
    SSCC_PLUS = (0xF9, "sscc", Plus(digits=18))
    SGLN_PLUS = (0xF2, "sgln", Plus(digits=13, serial=_SERIAL))
    GRAI_PLUS = (0xF1, "grai", Plus(digits=14, serial=Text(most=16)))
    GIAI_PLUS = (0xFA, "giai", Plus(delimited=_KEY))
    GSRN_PLUS = (0xF4, "gsrn", Plus(digits=18))
    GSRNP_PLUS = (0xF5, "gsrnp", Plus(digits=18))
    GDTI_PLUS = (0xF6, "gdti", Plus(digits=13, serial=Text(most=17)))
    ITIP_PLUS = (0xF3, "itip", Plus(digits=18, serial=_SERIAL))
    CPI_PLUS = (0xF0, "cpi", Plus(delimited=_PART, number=12))
    SGCN_PLUS = (0xF8, "sgcn", Plus(digits=13, number=12))

    def __init__(self, header: int, word: str, layout: Layout) -> None:
        self.header = header
        self.word = word  # what it identifies, as in a URI: "sscc" for SSCC-96 and SSCC+ alike
        self.layout = layout

    @property
    def label(self) -> str:
        """As the standard writes it: SGTIN-96, SSCC+."""
        return self.name.replace("_PLUS", "+").replace("_", "-")

    @property
    def leading(self) -> int:
        """How many digits of the reference go before the company prefix in the key."""
        return 1 if self.word in {"sgtin", "sscc"} else 0
