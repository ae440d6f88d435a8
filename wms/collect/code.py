"""The pickup code and its QR: what a customer shows at the counter.

Both are derived from the order's token, and neither is kept: what is kept of the QR is a mark to
find it by. Six digits are few, so wrong ones are counted (`handover`). The QR is not the token: who
photographs it can fetch the bag, and learns nothing of the order.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode

PREFIX = "SOKO-C-"
DIGITS = 6


def pickup_code(token: str) -> str:
    """The six digits of the order with that token."""
    number = int.from_bytes(_of(token, "code")[:8]) % 10**DIGITS
    return f"{number:0{DIGITS}}"


def qr_payload(token: str) -> str:
    """What its QR says."""
    return PREFIX + urlsafe_b64encode(_of(token, "qr")[:16]).decode().rstrip("=")


def mark_of(payload: str) -> str:
    """By what a QR is found."""
    return hashlib.sha256(payload.encode()).hexdigest()[:32]


def opens(token: str, shown: str) -> bool:
    """Whether that code, typed or scanned, is the one of the order with that token."""
    given = shown.strip().encode()
    rights = (pickup_code(token).encode(), qr_payload(token).encode())
    return any(hmac.compare_digest(given, right) for right in rights)


def _of(token: str, use: str) -> bytes:
    return hmac.digest(token.encode(), f"soko pickup {use}".encode(), "sha256")
