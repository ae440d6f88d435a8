"""A document as it is sent: JSON that the database can keep, or a clear no.

JSON allows what no database takes and nobody means: numbers without end, text that is no text,
lists in lists a thousand deep. That is refused here, once, before anything looks inside.
"""

import json
import math
from typing import Any, NoReturn

from wms.errors import Rejected

BYTES_MAX = 5_000_000
DEPTH_MAX = 20


class MalformedDocument(Rejected):
    """It is no JSON, too long, or JSON that cannot be kept."""

    code = "malformed_document"


def read_document(raw: bytes) -> Any:
    """The document.

    Raises:
        MalformedDocument: with what is wrong.
    """
    if len(raw) > BYTES_MAX:
        raise MalformedDocument(f"no more than {BYTES_MAX} bytes, please; send several documents")
    try:
        document = json.loads(raw, parse_constant=_refuse, parse_float=_number)
    except (ValueError, RecursionError) as error:
        raise MalformedDocument(f"expected JSON in UTF-8: {str(error)[:200]}") from error
    _look_through(document, DEPTH_MAX)
    return document


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large")
    return number


def _look_through(value: Any, depth: int) -> None:
    if depth == 0:
        raise MalformedDocument(f"no more than {DEPTH_MAX} levels, please")
    if isinstance(value, str):
        _text(value)
    elif isinstance(value, dict):
        for key, each in value.items():
            _text(key)
            _look_through(each, depth - 1)
    elif isinstance(value, list):
        for each in value:
            _look_through(each, depth - 1)


def _text(text: str) -> None:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise MalformedDocument(f"expected text: {text[:40]!a}")
