"""What is kept of badges, codes, tokens and PINs: never themselves.

A token has 256 random bits and a pairing code 50 for ten minutes: a quick hash is enough. A PIN
has a few digits: argon2 makes each guess cost something, and wrong ones are counted
(wms.people.entry).

Source: RFC 9106; the parameters are the least ones that OWASP's password storage sheet names.
"""

import hashlib
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from wms.access import ID_LETTERS

DEVICE, SESSION = "soko_d_", "soko_s_"
CODE_LETTERS = 10
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_of(secret: str) -> bytes:
    """What is kept of a badge, a code or a token."""
    return hashlib.sha256(secret.encode()).digest()


def new_secret(prefix: str) -> str:
    """A token."""
    return prefix + secrets.token_hex(32)


def new_code() -> str:
    """A code that one device may be paired with."""
    return "".join(secrets.choice(ID_LETTERS) for _ in range(CODE_LETTERS))


def pin_hash(pin: str) -> str:
    """What is kept of a PIN."""
    return _HASHER.hash(pin)


def is_pin(kept: str, pin: str) -> bool:
    """Whether it is that PIN. Of nobody (""), it takes as long and is not."""
    try:
        _HASHER.verify(kept or _nobody(), pin)
    except VerificationError:
        return False
    return bool(kept)


@cache
def _nobody() -> str:
    return _HASHER.hash(secrets.token_hex(8))
