"""Cursors: where to go on, in a word that its receiver keeps and does not read.

    cursor = pack("changes", 4711)     "WyJjaGFuZ2VzIiw0NzExXQ"
    (position,) = unpack("changes", cursor, int)

A word that we did not make, or made for another list, is `malformed_cursor`.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from uuid import UUID

from wms.errors import Rejected


class MalformedCursor(Rejected):
    """A cursor that was not given for this list."""

    code = "malformed_cursor"


def pack(what: str, *parts: int | str | UUID) -> str:
    """A place in a list as a word."""
    plain = json.dumps([what, *parts], ensure_ascii=False, separators=(",", ":"), default=str)
    return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def unpack(what: str, cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The parts of a cursor of that list: whole numbers, texts or UUIDs.

    Raises:
        MalformedCursor: it is none.
    """
    written = [str, *(str if kind is UUID else kind for kind in kinds)]
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        plain = json.loads(urlsafe_b64decode(padded.encode()))
        if not isinstance(plain, list) or [type(part) for part in plain] != written:
            raise MalformedCursor(cursor)
        parts = [
            UUID(part) if kind is UUID else part
            for kind, part in zip(kinds, plain[1:], strict=True)
        ]
    except ValueError as error:
        raise MalformedCursor(cursor) from error
    if plain[0] != what:
        raise MalformedCursor(cursor)
    return tuple(parts)
