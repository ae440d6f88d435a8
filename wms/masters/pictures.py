"""Pictures of goods and of what is put into parcels, as handhelds show them.

A picture is known by what it is: the same one sent twice has one address, and what stands at an
address never changes. Anybody may look at it, as at a shop's own pictures.
"""

import hashlib

from sqlalchemy import LargeBinary
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from wms.database import Base
from wms.errors import NotFound
from wms.work.evidence import NoPicture, mime_of

BYTES_MAX = 512 * 1024  # a handheld shows it in passing


class Picture(Base):
    """A JPEG, PNG or WebP, by its digest."""

    __tablename__ = "picture"

    id: Mapped[str] = mapped_column(primary_key=True)
    mime: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)


def keep_picture(session: Session, content: bytes) -> str:
    """Keep it; its id.

    Raises:
        NoPicture: it is none, or larger than 512 kB.
    """
    mime = mime_of(content)
    if mime is None or len(content) > BYTES_MAX:
        raise NoPicture("a JPEG, PNG or WebP of at most 512 kB, please")
    id_ = hashlib.sha256(content).hexdigest()[:32]
    row = {"id": id_, "mime": mime, "content": content}
    session.execute(insert(Picture).values(row).on_conflict_do_nothing())
    return id_


def picture_of(session: Session, id_: str) -> Picture:
    """A picture.

    Raises:
        NotFound: there is none.
    """
    found = session.get(Picture, id_)
    if found is None:
        raise NotFound(f"picture {id_}")
    return found
