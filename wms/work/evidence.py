"""Evidence: photos that were taken for a piece of work.

The device makes the id, says it in its events at once, and sends the picture when it can: so a
step refers to a photo that may not be here yet. What is here never changes.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.errors import IdReused, NotFound, Rejected
from wms.ids import SiteId
from wms.work.actor import Actor
from wms.work.model import Evidence

BYTES_MAX = 2 * 1024 * 1024


class NoPicture(Rejected):
    """It is no JPEG, PNG or WebP, or it is empty or larger than 2 MB."""

    code: ClassVar[str] = "no_picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """A picture, of what, and what it belongs to."""

    id: UUID
    kind: str
    content: bytes
    cause: UUID | None = None


def keep_photo(
    session: Session, site: SiteId, photo: Photo, actor: Actor, *, now: datetime
) -> bool:
    """Keep a photo; whether it is new.

    Raises:
        NoPicture, IdReused: nothing was kept.
    """
    mime = mime_of(photo.content)
    if mime is None or len(photo.content) > BYTES_MAX:
        raise NoPicture("a JPEG, PNG or WebP of at most 2 MB, please")
    digest = hashlib.sha256(photo.content).digest()
    row = {
        "site_id": site, "id": photo.id, "kind": photo.kind, "mime": mime, "sha256": digest,
        "content": photo.content, "at": now, "device": actor.device, "operator": actor.operator,
        "cause": photo.cause,
    }  # fmt: skip
    made = insert(Evidence).values(row).on_conflict_do_nothing().returning(Evidence.id)
    if session.scalars(made).first() is not None:
        return True
    kept = session.get_one(Evidence, (site, photo.id))
    if (kept.sha256, kept.kind, kept.cause) != (digest, photo.kind, photo.cause):
        raise IdReused(photo.id)
    return False


def photo_of(session: Session, id_: UUID) -> Evidence:
    """A photo.

    Raises:
        NotFound: it is not here, or not here yet.
    """
    found = session.scalars(select(Evidence).where(Evidence.id == id_)).first()
    if found is None:
        raise NotFound(f"evidence {id_}")
    return found


def photos_of(session: Session, site: SiteId, cause: UUID) -> list[UUID]:
    """The photos that belong to something, the first one first."""
    query = select(Evidence.id).where(Evidence.site_id == site, Evidence.cause == cause)
    return list(session.scalars(query.order_by(Evidence.at, Evidence.id)))


def mime_of(content: bytes) -> str | None:
    """What kind of picture that is, by its first bytes; None: none of ours."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return None
