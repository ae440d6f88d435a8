"""What a scanner reads from a printed label: the Code 128 bars in a picture that a printer got.

    codes_on(zpl)       the texts of all bars of one label (^XA … ^XZ), each once

A line of the picture is dark and light runs; eleven modules are a symbol, three dark and three
light runs of it. From a start symbol on symbols are read until the stop symbol; the sum must be
right. FNC1 is not told: `00` and eighteen digits are an SSCC.

Pure.

Source: ISO/IEC 15417 (Code 128); ZPL II Programming Guide, ^GFA with :Z64: data.
"""

import re
import zlib
from base64 import b64decode
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

_PICTURE = re.compile(rb"\^GFA,\d+,\d+,(\d+),:Z64:([A-Za-z0-9+/=]+):", re.DOTALL)
_ROWS_APART = 16  # of dots; bars are far higher
_MODULES, _RUNS = 11, 6
_START_B, _START_C, _STOP = 104, 105, 106
_CODE_C, _CODE_B, _FNC1 = 99, 100, 102
# The widths of the six runs of the symbols 0 to 106, in modules.
_WIDTHS = re.findall(
    "[1-4]{6}",
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232"
    " 122132 122231 113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122"
    " 321221 312212 322112 322211 212123 212321 232121 111323 131123 131321 112313 132113 132311"
    " 211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131 213113"
    " 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 111422"
    " 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111"
    " 241112 134111 111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121"
    " 412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141 411131 211412"
    " 211214 211232 233111",
)
_SYMBOL = {tuple(map(int, widths)): number for number, widths in enumerate(_WIDTHS)}


def codes_on(zpl: bytes) -> list[str]:
    """The texts of the bars on a label, in the order in which they stand there."""
    found: dict[str, None] = {}
    for picture in _PICTURE.finditer(zpl):
        wide = int(picture[1])
        dots = np.frombuffer(zlib.decompress(b64decode(picture[2])), dtype=np.uint8)
        for row in dots.reshape(-1, wide)[::_ROWS_APART]:
            found |= dict.fromkeys(_read_row(row))
    return list(found)


def _read_row(row: NDArray[np.uint8]) -> Iterator[str]:
    """The texts that stand in one line of dots."""
    if not row.any():
        return
    dots = np.unpackbits(row)
    edges = np.flatnonzero(np.diff(dots, prepend=0, append=0))
    runs: list[int] = np.diff(edges).tolist()  # begins with a dark one
    at = 0
    while at + _RUNS <= len(runs):
        start = _symbol(runs[at : at + _RUNS])
        symbols = _symbols(runs[at:]) if start in {_START_B, _START_C} else []
        if symbols and (text := _text(symbols)):
            yield text
            at += _RUNS * len(symbols)
        at += 2


def _symbol(runs: Sequence[int]) -> int | None:
    module = sum(runs) / _MODULES
    return _SYMBOL.get(tuple(round(run / module) for run in runs))


def _symbols(runs: Sequence[int]) -> list[int]:
    """From the start symbol to the last before the stop; none if the bars end otherwise."""
    symbols: list[int] = []
    for at in range(0, len(runs) - _RUNS, _RUNS):
        symbol = _symbol(runs[at : at + _RUNS])
        if symbol is None:
            return []
        if symbol == _STOP:
            return symbols
        symbols.append(symbol)
    return []


def _text(symbols: Sequence[int]) -> str:
    """What the symbols say; "" if their sum is wrong."""
    start, *data, check = symbols
    if (start + sum(at * each for at, each in enumerate(data, start=1))) % 103 != check:
        return ""
    text, pairs = [], start == _START_C
    for each in data:
        if pairs and each <= _CODE_C:  # 99 is a pair too, where pairs are spoken
            text.append(f"{each:02d}")
        elif each == _CODE_B and pairs:
            pairs = False
        elif each == _CODE_C:
            pairs = True
        elif each < _CODE_C - 4:
            text.append(chr(each + 32))
        elif each != _FNC1:
            return ""
    return "".join(text)
