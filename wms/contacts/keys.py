"""Keys: each person's own, and the master that all of those are wrapped with.

    key file ── master key ──wraps──> data key of a contact ──seals──> the contact
            └── index key: the same name gives the same 16 bytes, to find people by (not to read)

All is AES-256-GCM with a fresh nonce; the id of the contact is bound to both (`aad`), so that a row
that is moved under another id cannot be read. Whoever destroys a person's wrapped key has erased
that person: no master key reads what it sealed.

The key file is not in the database: who reads tables or dumps reads nobody. It is made on first
use, for its owner alone (0600), and read again as soon as another process has changed it.

    rotate    a new master key; all that is new is wrapped with it
    rewrap    (wms.contacts.keep) what older ones wrapped is wrapped with the newest
    retire    the older ones are forgotten: a day later, when whoever read the old file has ended

A backup of the database has the wrapped keys of its day: it forgets an erased person when the
master key of that day has been retired. So rotate as often as backups must forget, and keep no
copy of the key file beside them for longer.

Source: NIST SP 800-38D (GCM); RFC 5869 is not needed, all keys are random.
"""

import fcntl
import hmac
import json
import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wms.errors import Unavailable

KEY_BYTES, NONCE_BYTES, INDEX_BYTES = 32, 12, 16
SETTLES = timedelta(days=1)  # by then nobody wraps with what was read before
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class ContactKeyMissing(Unavailable):
    """The key file does not have the master key that this was wrapped with.

    Attributes:
        master: the name of that key.
    """

    code = "contact_key_missing"

    def __init__(self, master: str) -> None:
        super().__init__(f"the key file of contacts has no key {master}: put it back")
        self.master = master


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A data key as it is stored, and the name of the master key that opens it."""

    master: str
    key: bytes


class Keys:
    """The key file; made on first use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[tuple[int, int, int], dict[str, Any]] | None = None

    def wrap(self, contact_id: UUID, data_key: bytes) -> Wrapped:
        """A person's key, to be stored."""
        master, key = self._masters()[-1]
        return Wrapped(master, _seal(key, data_key, _bound("key", contact_id)))

    def unwrap(self, contact_id: UUID, wrapped: Wrapped) -> bytes:
        """A person's key.

        Raises:
            ContactKeyMissing: not with the masters that we have.
        """
        known = dict(self._masters())
        if wrapped.master not in known:
            raise ContactKeyMissing(wrapped.master)
        return _open(known[wrapped.master], wrapped.key, _bound("key", contact_id))

    def index(self, kind: str, value: str) -> bytes | None:
        """What a value is looked up by, once it is plain; None for no value."""
        if not value:
            return None
        key = bytes.fromhex(self._file()["index"])
        return hmac.digest(key, f"{kind} {value}".encode(), sha256)[:INDEX_BYTES]

    @property
    def master(self) -> str:
        """The name of the master key that wraps now."""
        return self._masters()[-1][0]

    def rotate(self, now: datetime) -> str:
        """A new master key, from now on; its name. The older ones still open what they wrapped."""
        with self._alone() as known:
            master = _new_master(now)
            self._replace({**known, "masters": [*known["masters"], master]})
        return str(master["name"])

    def retire(self, now: datetime, *, used: Collection[str] = ()) -> int:
        """Forget the master keys before the newest, but those in use, when that is a day old.

        Returns:
            how many were forgotten.
        """
        with self._alone() as known:
            *older, newest = known["masters"]
            if datetime.fromisoformat(newest["since"]) + SETTLES > now:
                return 0
            kept = [each for each in older if each["name"] in used]
            if len(kept) < len(older):
                self._replace({**known, "masters": [*kept, newest]})
            return len(older) - len(kept)

    @contextmanager
    def _alone(self) -> Iterator[dict[str, Any]]:
        """What the file says while nobody else changes it."""
        self._file()
        with self._path.with_name(f"{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._file()

    def _masters(self) -> list[tuple[str, bytes]]:
        return [(each["name"], bytes.fromhex(each["key"])) for each in self._file()["masters"]]

    def _file(self) -> dict[str, Any]:
        if not self._path.is_file():
            _make(self._path)
        found = self._path.stat()
        version = (found.st_ino, found.st_mtime_ns, found.st_size)
        known = self._known
        if known is None or known[0] != version:
            known = self._known = (version, json.loads(self._path.read_text()))
        return known[1]

    def _replace(self, content: dict[str, Any]) -> None:
        _write_beside(self._path, content).replace(self._path)


def new_data_key() -> bytes:
    """A key for one person."""
    return secrets.token_bytes(KEY_BYTES)


def seal(data_key: bytes, contact_id: UUID, plain: bytes) -> bytes:
    """What that key alone opens, and under that id alone."""
    return _seal(data_key, plain, _bound("contact", contact_id))


def unseal(data_key: bytes, contact_id: UUID, sealed: bytes) -> bytes:
    """What was sealed."""
    return _open(data_key, sealed, _bound("contact", contact_id))


def digest(data_key: bytes, plain: bytes) -> bytes:
    """Tells two contents apart; says nothing to whoever does not have the key."""
    return hmac.digest(data_key, plain, sha256)


def _bound(what: str, contact_id: UUID) -> bytes:
    return f"soko {what} {contact_id}".encode()


def _seal(key: bytes, plain: bytes, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def _open(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except InvalidTag as error:
        raise AssertionError("a contact's row was changed, or moved under another id") from error


def _new_master(now: datetime) -> dict[str, str]:
    name, key = secrets.token_hex(4), secrets.token_hex(KEY_BYTES)
    return {"name": name, "key": key, "since": now.isoformat()}


def _make(path: Path) -> None:
    """New keys, which only we may read; if another process is faster, its keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first = _new_master(_LONG_AGO)
    fresh = _write_beside(path, {"index": secrets.token_hex(KEY_BYTES), "masters": [first]})
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _write_beside(path: Path, content: dict[str, Any]) -> Path:
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return fresh
