"""Seals: a chain of signatures over the movements, so that nobody changes the past unseen.

    seal(n) = SHA-256(number, range, rows, time, content of n, seal(n-1)), signed with Ed25519

    movements by transaction number   |—— seal 7 ——|—— seal 8 ——|— not sealed yet …
                                                                ^ oldest transaction that runs

A seal covers the rows (movements, heads of checkpoints) of all transactions with numbers from
where the last seal ended up to the oldest that still runs. Whatever is below has ended, so no
row can come to lie under a seal later; without that, a slow transaction's rows would look like
forgeries. `content` is the SHA-256 of the sorted SHA-256s of the rows, made in the database
(posting/proof.sql) from their wire form, which no setting of a session changes.

The private key is a file of the worker, not of the database: who may write the tables cannot
make seals, and each seal is told in the outbox (SealMade) to whoever subscribes. Beside the key
lies the last seal that was made with it (`.last`): a chain that was cut short is found by that.
Old keys that are still trusted stand in `.trusted`, one hex public key a line.

    Z1   the seals are one chain, and each is signed by a key that we trust
    Z2   what was sealed is there, all of it, unchanged, and nothing beside it

Transaction numbers are those of one PostgreSQL cluster; pg_upgrade and restoring a base backup
keep them. A dump put into another server begins them again: sealing then refuses, and says to
move the server's numbers on (pg_resetwal --epoch) before goods are moved. After a restore to an
earlier time the `.last` file knows of seals that are gone: Z1 says so until an operator has
looked, and has deleted that file. It knows a ledger by its cluster and database; of one that was
dumped and put elsewhere it knows nothing, and Z1 says that in a note.

Source: RFC 8032 (Ed25519).
"""

import fcntl
import json
import os
import secrets
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from sqlalchemy import text
from sqlalchemy.orm import Session

from wms import outbox
from wms.stock.verify import Judged

ROWS_A_SEAL = 20_000
GENESIS = bytes(32)
_FORM = b"soko seal 1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_NEXT = text("SELECT * FROM seal_next(:rows)")
_ADD = text(
    "INSERT INTO seal (number, from_xid, to_xid, rows, content, made_at, previous, hash,"
    " public_key, signature) VALUES (:number, :from_xid, :to_xid, :rows, :content, :made_at,"
    " :previous, :hash, :public_key, :signature) ON CONFLICT (number) DO NOTHING RETURNING number"
)
_ALL = text("SELECT * FROM seal ORDER BY number")
_LAST = text("SELECT * FROM seal ORDER BY number DESC LIMIT 1")
_LEDGER = text(
    "SELECT system_identifier || '/' || (SELECT d.oid FROM pg_database d"
    " WHERE d.datname = current_database()) FROM pg_control_system()"
)
_CONTENT = text(
    "SELECT s.number, s.rows, c.rows AS found, c.content = s.content AS same FROM seal s"
    " CROSS JOIN LATERAL seal_content(s.from_xid, s.to_xid) AS c"
    " WHERE s.number BETWEEN :first AND :last AND (c.rows <> s.rows OR c.content <> s.content)"
    " ORDER BY s.number"
)

CHAIN = "Z1", "the seals are one chain, signed by us"
CONTENT = "Z2", "what was sealed is as it was"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One link of the chain. `to_xid` is exclusive."""

    number: int
    from_xid: int
    to_xid: int
    rows: int
    content: bytes
    made_at: datetime
    previous: bytes
    hash: bytes
    public_key: bytes
    signature: bytes

    def computed(self) -> bytes:
        """What the hash must be."""
        made_us = (self.made_at - _EPOCH) // timedelta(microseconds=1)
        numbers = struct.pack(">qqqqq", self.number, self.from_xid, self.to_xid, self.rows, made_us)
        return sha256(_FORM + numbers + self.content + self.previous).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose signatures count, and by ledger the last seal that was made here."""

    keys: frozenset[bytes]
    last: Mapping[str, tuple[int, bytes]]


class Sealer:
    """A key file, made on first use, and the last seal made with it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: Ed25519PrivateKey | None = None
        self._ledger = ""

    @property
    def public_key(self) -> bytes:
        """Whom to know our seals by."""
        return self._key().public_key().public_bytes_raw()

    def seal(self, session: Session, *, rows: int = ROWS_A_SEAL) -> Seal | None:
        """Seal what is new, that many rows or one transaction; None if there is nothing."""
        draft = session.execute(_NEXT, {"rows": rows}).one_or_none()
        if draft is None:
            return None
        facts: dict[str, Any] = draft._asdict()
        unsigned = Seal(**facts, hash=b"", public_key=self.public_key, signature=b"")
        facts["hash"] = unsigned.computed()
        facts["public_key"] = self.public_key
        facts["signature"] = self._key().sign(facts["hash"])
        if session.scalar(_ADD, facts) is None:
            return None  # another worker was faster
        seal = Seal(**facts)
        self._ledger = ledger(session)
        outbox.record(
            session, topic="seal", key="seal", type="SealMade", body=told(seal), now=seal.made_at
        )
        return seal

    def remember(self, seal: Seal) -> None:
        """Note a seal that is committed. Whatever the database says later, we made it.

        One after the other, if several seal with this key; the latest link stays.
        """
        path = _last_file(self._path)
        with path.with_name(f"{path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = _made_here(path)
            if seal.number <= known.get(self._ledger, {}).get("number", -1):
                return
            known[self._ledger] = {"number": seal.number, "hash": seal.hash.hex()}
            fresh = path.with_name(f"{path.name}.new")
            fresh.touch(mode=0o600)
            fresh.write_text(json.dumps(known))
            fresh.replace(path)

    def _key(self) -> Ed25519PrivateKey:
        if self._known is None:
            self._known = _load(self._path) or _make(self._path)
        return self._known


def trust(path: Path) -> Trust | None:
    """What the key file here vouches for; None if there is no key here."""
    key = _load(path)
    if key is None:
        return None
    keys = {key.public_key().public_bytes_raw()}
    older = path.with_name(f"{path.name}.trusted")
    if older.is_file():
        keys |= {bytes.fromhex(line) for line in older.read_text().split()}
    made = {
        name: (int(known["number"]), bytes.fromhex(known["hash"]))
        for name, known in _made_here(_last_file(path)).items()
    }
    return Trust(keys=frozenset(keys), last=made)


def ledger(session: Session) -> str:
    """Which database this is, for ever: of which cluster, and which one there."""
    return str(session.execute(_LEDGER).scalar_one())


def told(seal: Seal) -> dict[str, str | int]:
    """A seal as it is published."""
    return {
        "number": seal.number,
        "from_xid": seal.from_xid,
        "to_xid": seal.to_xid,
        "rows": seal.rows,
        "made_at": seal.made_at.astimezone(UTC).isoformat(),
        **{
            name: getattr(seal, name).hex()
            for name in ("content", "previous", "hash", "public_key", "signature")
        },
    }


def last(session: Session) -> Seal | None:
    """The last link."""
    row = session.execute(_LAST).one_or_none()
    return None if row is None else _seal(row)


def chain(session: Session) -> list[Seal]:
    """All links, from the first."""
    return [_seal(row) for row in session.execute(_ALL)]


def judge_chain(seals: Sequence[Seal], trusted: Trust | None, name: str) -> Judged:
    """Z1. The links of that ledger are whole, follow one another, and are signed by us."""
    found = list(_broken(seals, trusted))
    note = None
    if trusted is None:
        if seals:
            note = "whose key it is cannot be judged: there is no key file here"
    elif name in trusted.last:
        made, hash_ = trusted.last[name]
        if not any(seal.number == made and seal.hash == hash_ for seal in seals):
            found.append(f"seal {made} was made here and is gone: the chain was cut, or put back")
    elif seals:
        note = "no seal of this database was made here: whether the last are gone is not known"
    code, says = CHAIN
    return Judged(
        code=code, says=says, differences=len(found), first=next(iter(found), None), note=note
    )


def judge_content(session: Session, first: int, until: int) -> Judged:
    """Z2 for the seals with those numbers. What they cover is read again."""
    rows = session.execute(_CONTENT, {"first": first, "last": until}).all()
    what = None
    if rows:
        bad = rows[0]
        more = f"{bad.rows} rows were sealed, {bad.found} are there"
        what = f"seal {bad.number}: {more if bad.rows != bad.found else 'a row has been changed'}"
    code, says = CONTENT
    return Judged(code=code, says=says, differences=len(rows), first=what)


def parts(seals: Sequence[Seal], rows: int) -> list[tuple[int, int]]:
    """The numbers of the seals in runs of about that many rows, to be judged side by side."""
    runs: list[tuple[int, int]] = []
    taken = rows
    for seal in seals:
        if taken >= rows:
            runs.append((seal.number, seal.number))
            taken = 0
        runs[-1] = (runs[-1][0], seal.number)
        taken += seal.rows
    return runs


def _broken(seals: Sequence[Seal], trusted: Trust | None) -> Iterator[str]:
    number, to_xid, previous = 0, 0, GENESIS
    for seal in seals:
        if seal.number != number + 1 or seal.from_xid != to_xid or seal.previous != previous:
            yield f"seal {seal.number} does not follow seal {number}"
        if seal.computed() != seal.hash:
            yield f"seal {seal.number} has been changed"
        if not _is_signed(seal):
            yield f"seal {seal.number} is not signed by the key that it names"
        elif trusted is not None and seal.public_key not in trusted.keys:
            yield f"seal {seal.number} is signed by a key that is not ours"
        number, to_xid, previous = seal.number, seal.to_xid, seal.hash


def _is_signed(seal: Seal) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(seal.public_key).verify(seal.signature, seal.hash)
    except (InvalidSignature, ValueError):
        return False
    return True


def _load(path: Path) -> Ed25519PrivateKey | None:
    if not path.is_file():
        return None
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey), f"{path} is no Ed25519 key"
    return key


def _make(path: Path) -> Ed25519PrivateKey:
    """A new key, which only we may read; if another process is faster, its key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    key = _load(path)
    assert key is not None
    return key


def _made_here(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def _last_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.last")


def _seal(row: Any) -> Seal:
    return Seal(**row._asdict())
