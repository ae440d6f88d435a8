"""The fields that EPC binaries are made of: bits to text and back.

    classic   integers; text of 7 bits a character with zeros behind it; digits after a leading 1
    plus      digits of 4 bits; an indicator (how), a length, and characters of 3.3 to 7 bits;
              digits up to a delimiter, then such characters; dates of 16 bits

Laws:
    strict   what a field cannot hold is InvalidKey when it is written; bits that no writer makes
             are InvalidKey when they are read (a digit of 15, a character that no key may have)
    short    of the ways to write characters the one with the fewest bits is taken; all are read

Pure.

Source: GS1 EPC Tag Data Standard 2.3 (2025), sections 14.3 to 14.5.
"""

from calendar import monthrange
from dataclasses import dataclass

from edge.keys import InvalidKey, is_digits

WORD_BITS = 16
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LOWER = UPPER.lower()
DIGITS = "0123456789"
ANY_TEXT = frozenset("!\"%&'()*+,-./:;<=>?_" + DIGITS + UPPER + LOWER)  # GS1's 82 characters
PART_TEXT = frozenset("#-/" + DIGITS + UPPER)  # its 39 characters, of component and part numbers

_BASE_64 = UPPER + LOWER + DIGITS + "-_"
_CODE_40 = "\0" + UPPER + "-.:" + DIGITS
_NUMERIC, _HEX, _LOWER_HEX, _FILE_SAFE, _ASCII, _URN = range(6)
_ALPHABETS = {
    _NUMERIC: DIGITS,
    _HEX: DIGITS + UPPER[:6],
    _LOWER_HEX: DIGITS + LOWER[:6],
    _FILE_SAFE: _BASE_64,
    _URN: _CODE_40[1:],
}
_TEXT_BITS, _INDICATOR_BITS, _DELIMITER, _TERMINATOR = 7, 3, 14, 15
DATES = {"11": 0, "13": 1, "15": 2, "16": 3, "17": 4, "7006": 5, "7007": 6}
_DATES = {number: ai for ai, number in DATES.items()}


class BitWriter:
    """Bits from left to right."""

    def __init__(self) -> None:
        self.value = 0
        self.length = 0

    def put(self, value: int, width: int) -> None:
        """A number.

        Raises:
            InvalidKey: it has more bits than that.
        """
        if not 0 <= value < 1 << width:
            raise InvalidKey(f"{value} does not fit into {width} bits")
        self.value = self.value << width | value
        self.length += width

    def words(self) -> str:
        """As a tag keeps it: whole words of 16 bits, as upper-case hex."""
        padding = -self.length % WORD_BITS
        return f"{self.value << padding:0{(self.length + padding) // 4}X}"


class BitReader:
    """Bits from left to right."""

    def __init__(self, value: int, length: int) -> None:
        self._value = value
        self.left = length

    def take(self, width: int) -> int:
        """The next bits as a number.

        Raises:
            InvalidKey: there are not so many.
        """
        if width > self.left:
            raise InvalidKey(f"{width} bits were expected, {self.left} are left")
        self.left -= width
        return self._value >> self.left & (1 << width) - 1


# ------------------------------------------------------------------------------------- classic
def put_text(out: BitWriter, text: str, width: int) -> None:
    """Text of 7 bits a character, zeros behind it."""
    if not text or not set(text) <= ANY_TEXT:
        raise InvalidKey(f"{text!r} has characters that no GS1 key has, or none")
    size = len(text) * _TEXT_BITS
    if size > width:
        raise InvalidKey(f"{text!r} has more than {width // _TEXT_BITS} characters")
    value = 0
    for character in text:
        value = value << _TEXT_BITS | ord(character)
    out.put(value << width - size, width)


def take_text(bits: BitReader, width: int) -> str:
    """Text that `put_text` wrote; whether all behind it is zero shows when it is written again."""
    field = BitReader(bits.take(width), width)
    text = ""
    while field.left >= _TEXT_BITS and (code := field.take(_TEXT_BITS)):
        text += chr(code)
    return text


# ---------------------------------------------------------------------------------------- plus
def put_digits(out: BitWriter, digits: str, count: int) -> None:
    """Digits of 4 bits each."""
    if len(digits) != count or not is_digits(digits):
        raise InvalidKey(f"{digits!r} are not {count} digits")
    out.put(int(digits, 16), 4 * count)


def take_digits(bits: BitReader, count: int) -> str:
    """Digits of 4 bits each."""
    digits = f"{bits.take(4 * count):0{count}X}"
    if not is_digits(digits):
        raise InvalidKey(f"{digits} are not digits")
    return digits


def _number_bits(digits: int) -> int:
    most: int = 10**digits - 1
    return most.bit_length()


def _code_40(text: str) -> list[int]:
    padded = [_CODE_40.index(character) for character in text] + [0] * (-len(text) % 3)
    triples = zip(padded[::3], padded[1::3], padded[2::3], strict=True)
    return [1600 * a + 40 * b + c + 1 for a, b, c in triples]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Characters of which there may be some: how many bits tell how many, and which they are."""

    most: int
    length_bits: int = 5
    of: frozenset[str] = ANY_TEXT

    def put(self, out: BitWriter, text: str) -> None:
        """Write them the shortest way."""
        if not 0 < len(text) <= self.most or not set(text) <= self.of:
            raise InvalidKey(f"{text!r} is not 1 to {self.most} characters that such a key has")
        ways = [way for way, letters in _ALPHABETS.items() if set(text) <= set(letters)]
        way = min([*ways, _ASCII], key=lambda way: (_size(way, len(text)), way))
        out.put(way, _INDICATOR_BITS)
        out.put(len(text), self.length_bits)
        if way == _NUMERIC:
            out.put(int(text), _number_bits(len(text)))
        elif way == _URN:
            for triple in _code_40(text):
                out.put(triple, 16)
        else:
            for character in text:
                code = ord(character) if way == _ASCII else _ALPHABETS[way].index(character)
                out.put(code, _size(way, 1))

    def take(self, bits: BitReader) -> str:
        """Read them."""
        way = bits.take(_INDICATOR_BITS)
        count = bits.take(self.length_bits)
        if way > _URN or not 0 < count <= self.most:
            raise InvalidKey(f"{count} characters, written in way {way}")
        if way == _NUMERIC:
            text = _number(bits, count)
        elif way == _URN:
            text = _take_code_40(bits, count)
        elif way == _ASCII:
            text = "".join(chr(bits.take(_TEXT_BITS)) for _ in range(count))
        else:
            text = "".join(_ALPHABETS[way][bits.take(_size(way, 1))] for _ in range(count))
        if not set(text) <= self.of:
            raise InvalidKey(f"{text!r} has characters that such a key has not")
        return text


def _size(way: int, count: int) -> int:
    """How many bits so many characters need."""
    if way == _NUMERIC:
        return _number_bits(count)
    if way == _URN:
        return -(-count // 3) * 16
    return count * {_FILE_SAFE: 6, _ASCII: _TEXT_BITS}.get(way, 4)


def _number(bits: BitReader, count: int) -> str:
    digits = f"{bits.take(_number_bits(count)):0{count}}"
    if len(digits) > count:
        raise InvalidKey(f"{digits} has more than {count} digits")
    return digits


def _take_code_40(bits: BitReader, count: int) -> str:
    text = ""
    for _ in range(-(-count // 3)):
        triple = bits.take(16) - 1
        if not 0 <= triple < 40**3:
            raise InvalidKey("a triple of characters that there is not")
        text += "".join(_CODE_40[i] for i in (triple // 1600, triple // 40 % 40, triple % 40))
    text, padding = text[:count], text[count:]
    if "\0" in text or padding.strip("\0"):
        raise InvalidKey("padding that is not where it should be")
    return text


def put_number(out: BitWriter, digits: str, most: int) -> None:
    """Digits, leading zeros and all, behind a length of 4 bits."""
    if not is_digits(digits) or len(digits) > most:
        raise InvalidKey(f"{digits!r} are not 1 to {most} digits")
    out.put(len(digits), 4)
    out.put(int(digits), _number_bits(len(digits)))


def take_number(bits: BitReader, most: int) -> str:
    """Digits that `put_number` wrote."""
    count = bits.take(4)
    if not 0 < count <= most:
        raise InvalidKey(f"{count} digits, of 1 to {most}")
    return _number(bits, count)


def put_delimited(out: BitWriter, text: str, kind: Text) -> None:
    """Digits of 4 bits up to the first character that is none; a mark; the rest as text."""
    rest = text.lstrip(DIGITS)
    digits = text.removesuffix(rest)
    if not digits or len(text) > kind.most:
        raise InvalidKey(f"{text!r} does not begin with digits, or is too long")
    put_digits(out, digits, len(digits))
    out.put(_DELIMITER if rest else _TERMINATOR, 4)
    if rest:
        kind.put(out, rest)


def take_delimited(bits: BitReader, kind: Text) -> str:
    """Text that `put_delimited` wrote."""
    text = ""
    while (digit := bits.take(4)) not in (_DELIMITER, _TERMINATOR):
        text += str(digit)
        if digit not in range(10):
            raise InvalidKey(f"{digit} is no digit")
    rest = kind.take(bits) if digit == _DELIMITER else ""
    if not text or len(text + rest) > kind.most or rest[:1].isdigit():
        raise InvalidKey(f"{text + rest!r} is too long, or is delimited where it should not be")
    return text + rest


def put_date(out: BitWriter, date: str) -> None:
    """What kind of day and which one, such as "17=220630": it must be one."""
    ai, _, day = date.partition("=")
    if ai not in DATES or not _is_day(day):
        raise InvalidKey(f"{date!r} is no date, such as 17=220630")
    out.put(DATES[ai], 4)
    for value, width in ((day[:2], 7), (day[2:4], 4), (day[4:], 5)):
        out.put(int(value), width)


def take_date(bits: BitReader) -> str:
    """A date that `put_date` wrote."""
    kind = bits.take(4)
    day = "".join(f"{bits.take(width):02}" for width in (7, 4, 5))
    if kind not in _DATES or not _is_day(day):
        raise InvalidKey(f"{day} of kind {kind} is no date")
    return f"{_DATES[kind]}={day}"


def _is_day(day: str) -> bool:
    """Six digits; the day 00 means the last of the month."""
    if not is_digits(day) or len(day) != len("YYMMDD"):
        return False
    year, month, number = 2000 + int(day[:2]), int(day[2:4]), int(day[4:])
    return 1 <= month <= 12 and number <= monthrange(year, month)[1]  # noqa: PLR2004 - months
