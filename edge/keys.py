"""GS1 keys as digits: check digits, GTINs, SSCCs.

Source: GS1 General Specifications, section 7.9 (check digits).
"""

GTIN_LENGTHS = (8, 12, 13, 14)
SSCC_LENGTH = 18
PREFIX_DIGITS = range(6, 13)  # of a company prefix


class InvalidKey(ValueError):  # noqa: N818 - reads as a situation
    """Digits that are no GS1 key, or that do not fit where they should go."""


def is_digits(text: str) -> bool:
    """Whether these are ASCII digits, one at least."""
    return text.isascii() and text.isdigit()


def check_digit(digits: str) -> str:
    """The check digit of a key that lacks it: weights 3, 1, 3 … from the right, modulo 10.

    Raises:
        InvalidKey: anything but ASCII digits.
    """
    if not is_digits(digits):
        raise InvalidKey(f"only digits have a check digit: {digits!r}")
    total = sum(
        int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits))
    )
    return str(-total % 10)


def with_check_digit(digits: str) -> str:
    """The key, completed."""
    return digits + check_digit(digits)


def is_key(code: str, lengths: tuple[int, ...]) -> bool:
    """Whether these digits are as many as that, the last being the check digit of the others."""
    return len(code) in lengths and is_digits(code) and check_digit(code[:-1]) == code[-1]


def gtin_with_check_digit(digits: str) -> str:
    """A GTIN from its 7, 11, 12 or 13 digits without the check digit.

    Raises:
        InvalidKey: another number of digits.
    """
    if len(digits) + 1 not in GTIN_LENGTHS:
        raise InvalidKey(f"no GTIN has {len(digits)} digits before its check digit: {digits!r}")
    return with_check_digit(digits)


def is_gtin(code: str) -> bool:
    """Whether this is a GTIN-8, -12, -13 or -14 with a right check digit."""
    return is_key(code, GTIN_LENGTHS)


def gtin14(code: str) -> str:
    """Any GTIN as 14 digits, by which GTINs of all lengths compare.

    Raises:
        InvalidKey: it is no GTIN.
    """
    if not is_gtin(code):
        raise InvalidKey(f"not a GTIN: {code!r}")
    return code.zfill(14)


def is_sscc(code: str) -> bool:
    """Whether these are the 18 digits of an SSCC with a right check digit."""
    return is_key(code, (SSCC_LENGTH,))


def sscc_from(prefix: str, extension: int, serial: int) -> str:
    """The SSCC of a company's logistic unit: extension digit, company prefix, serial, check digit.

    Raises:
        InvalidKey: the prefix has not 6 to 12 digits, or the serial does not fit behind it.
    """
    digits = SSCC_LENGTH - 2 - len(prefix)
    if len(prefix) not in PREFIX_DIGITS or not 0 <= extension <= 9:  # noqa: PLR2004 - one digit
        raise InvalidKey(f"no SSCC of prefix {prefix!r} and extension {extension}")
    if not 0 <= serial < 10**digits:
        raise InvalidKey(f"serial {serial} does not fit into {digits} digits")
    return with_check_digit(f"{extension}{prefix}{serial:0{digits}}")
