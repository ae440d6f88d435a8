"""DataMatrix ECC 200: square symbols of up to 44 × 44 modules, for what is too small for bars.

    rows("A-01-02")                 text, in ASCII encodation (two digits in one word)
    rows("0104912345…", gs1=True)   the same as a GS1 DataMatrix: FNC1 first

The words are followed by Reed-Solomon words and laid into the square along diagonals, eight
modules a word. Pure.

Source: ISO/IEC 16022; arithmetic over GF(256) with the polynomial 301.
"""

from collections.abc import Iterator

FNC1 = 232
PAD = 129
GROUP = "\x1d"
# (modules a side, words of data, words of correction, regions a side)
SIZES = (
    (10, 3, 5, 1), (12, 5, 7, 1), (14, 8, 10, 1), (16, 12, 12, 1), (18, 18, 14, 1),
    (20, 22, 18, 1), (22, 30, 20, 1), (24, 36, 24, 1), (26, 44, 28, 1), (32, 62, 36, 2),
    (36, 86, 42, 2), (40, 114, 48, 2), (44, 144, 56, 2),
)  # fmt: skip


def _powers() -> tuple[list[int], list[int]]:
    power, log, value = [0] * 255, [0] * 256, 1
    for exponent in range(255):
        power[exponent], log[value] = value, exponent
        value <<= 1
        if value > 255:  # noqa: PLR2004 - a byte
            value ^= 301
    return power, log


_POWER, _LOG = _powers()


def rows(text: str, *, gs1: bool = False) -> tuple[tuple[int, ...], ...]:
    """The modules, the upper row first.

    Raises:
        ValueError: the text has characters beyond ASCII, or is too long.
    """
    words = ([FNC1] if gs1 else []) + list(_words(text, gs1=gs1))
    fits = next((size for size in SIZES if size[1] >= len(words)), None)
    if fits is None:
        raise ValueError(f"{len(words)} words do not fit into a DataMatrix of {SIZES[-1][1]}")
    side, data, correction, regions = fits
    padded = _padded(words, data)
    inner = side - 2 * regions
    bits = _placed(padded + _correction(padded, correction), inner)
    return _framed(bits, inner, regions)


def _words(text: str, *, gs1: bool) -> Iterator[int]:
    at = 0
    while at < len(text):
        pair = text[at : at + 2]
        if len(pair) == 2 and pair.isascii() and pair.isdigit():  # noqa: PLR2004 - a pair
            yield int(pair) + 130
            at += 2
            continue
        if not text[at].isascii():
            raise ValueError(f"no DataMatrix for {text[at]!r}: ASCII only")
        yield FNC1 if gs1 and text[at] == GROUP else ord(text[at]) + 1
        at += 1


def _padded(words: list[int], data: int) -> list[int]:
    padded = list(words)
    if len(padded) < data:
        padded.append(PAD)
    while len(padded) < data:
        random = (149 * (len(padded) + 1)) % 253 + 1
        padded.append((PAD + random - 1) % 254 + 1)
    return padded


def _product(one: int, other: int) -> int:
    return _POWER[(_LOG[one] + _LOG[other]) % 255] if one and other else 0


def _correction(words: list[int], count: int) -> list[int]:
    generator = [1]
    for exponent in range(1, count + 1):
        shifted = [*generator, 0]
        for at, factor in enumerate(generator):
            shifted[at + 1] ^= _product(factor, _POWER[exponent])
        generator = shifted
    rest = [0] * count
    for word in words:
        lead = word ^ rest[0]
        rest = [
            was ^ _product(lead, factor)
            for was, factor in zip([*rest[1:], 0], generator[1:], strict=True)
        ]
    return rest


def _placed(words: list[int], side: int) -> dict[tuple[int, int], int]:
    """The bits of the words where the standard's walk along diagonals puts them."""
    bits: dict[tuple[int, int], int] = {}
    for word, cells in zip(words, _walk(side, bits), strict=False):
        for bit, cell in enumerate(cells):
            bits[cell] = word >> (7 - bit) & 1
    if (side - 1, side - 1) not in bits:
        bits |= {(side - 1, side - 1): 1, (side - 2, side - 2): 1}
        bits |= {(side - 1, side - 2): 0, (side - 2, side - 1): 0}
    return bits


def _walk(side: int, taken: dict[tuple[int, int], int]) -> Iterator[list[tuple[int, int]]]:
    """The eight cells of one word after the other; `taken` are those that have been filled."""
    row, column = 4, 0
    while row < side or column < side:
        if (corner := _corner(row, column, side)) is not None:
            yield corner
        while row >= 0 and column < side:
            if row < side and column >= 0 and (row, column) not in taken:
                yield _utah(row, column, side)
            row, column = row - 2, column + 2
        row, column = row + 1, column + 3
        while row < side and column >= 0:
            if row >= 0 and column < side and (row, column) not in taken:
                yield _utah(row, column, side)
            row, column = row + 2, column - 2
        row, column = row + 3, column + 1


def _utah(row: int, column: int, side: int) -> list[tuple[int, int]]:
    steps = ((-2, -2), (-2, -1), (-1, -2), (-1, -1), (-1, 0), (0, -2), (0, -1), (0, 0))
    return [_wrapped(row + down, column + right, side) for down, right in steps]


def _wrapped(row: int, column: int, side: int) -> tuple[int, int]:
    if row < 0:
        row, column = row + side, column + 4 - (side + 4) % 8
    if column < 0:
        row, column = row + 4 - (side + 4) % 8, column + side
    return row, column


def _corner(row: int, column: int, side: int) -> list[tuple[int, int]] | None:
    last = side - 1
    if (row, column) == (side, 0):
        return [(last, 0), (last, 1), (last, 2), (0, last - 1), (0, last), (1, last), (2, last),
                (3, last)]  # fmt: skip
    if (row, column) == (side - 2, 0) and side % 4:
        return [(last - 2, 0), (last - 1, 0), (last, 0), (0, last - 3), (0, last - 2),
                (0, last - 1), (0, last), (1, last)]  # fmt: skip
    return None


def _framed(
    bits: dict[tuple[int, int], int], inner: int, regions: int
) -> tuple[tuple[int, ...], ...]:
    """With the solid left and lower edge and the dotted upper and right one of each region."""
    part = inner // regions
    side = inner + 2 * regions

    def module(row: int, column: int) -> int:
        region_row, at_row = divmod(row, part + 2)
        region_column, at_column = divmod(column, part + 2)
        if at_column == 0 or at_row == part + 1:
            return 1
        if at_row == 0:
            return int(at_column % 2 == 0)
        if at_column == part + 1:
            return at_row % 2
        cell = (region_row * part + at_row - 1, region_column * part + at_column - 1)
        return bits.get(cell, 0)

    return tuple(tuple(module(row, column) for column in range(side)) for row in range(side))
