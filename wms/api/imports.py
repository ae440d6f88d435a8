"""Files of master data over HTTP: sent, looked through, applied; and taken out again.

A file of up to INLINE bytes is worked on before the answer; a longer one by the worker, and its
import says how far it is.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from wms.api.dependencies import Now, Svc, Who
from wms.api.shapes import CommandIn
from wms.errors import NotFound
from wms.masters import take
from wms.masters.columns import Form as ColumnForm
from wms.masters.columns import Written
from wms.masters.export import cells, export, template
from wms.masters.kind import Kind
from wms.masters.kinds import DESK, KINDS, guess, kind_named
from wms.masters.model import MasterImport
from wms.masters.sheet import FILE_BYTES_MAX, UnreadableFile, read

router = APIRouter(prefix="/console/v1", tags=["console"])

INLINE = 300_000  # bytes: some thousand rows
SHORT = 3_000  # rows
SHOWN = 2_000  # rows of a table on a screen
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
KindName = Annotated[str, Path(max_length=40, pattern=r"^[a-z][a-z-]*$")]
Form = Literal["csv", "xlsx"]
SiteCode = Annotated[str, Field(max_length=20, pattern=r"^[A-Z0-9-]+$")]
FileName = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string", "format": "binary"}},
            TYPES["xlsx"]: {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


class ColumnOut(BaseModel):
    """A column of a file, and what a screen offers for it: `many` are parted by commas.

    `usual` is what an empty cell means.
    """

    name: str
    ja: str
    needed: bool
    key: bool
    form: ColumnForm
    choices: list[str]
    many: bool
    usual: Written


class KindOut(BaseModel):
    """A kind of master data that files may bring; `whole`: what its file does not name is gone.

    `gone`: a column, and what a row says there that is no longer wanted.
    """

    name: str
    ja: str
    whole: bool
    gone: tuple[str, Written] | None
    columns: list[ColumnOut]

    @classmethod
    def of(cls, kind: Kind) -> "KindOut":
        """As it is said."""
        named = {column.name: column for column in kind.columns}
        gone = (
            None if kind.gone is None else (kind.gone[0], named[kind.gone[0]].written(kind.gone[1]))
        )
        return cls(
            name=kind.name, ja=kind.ja, whole=kind.whole, gone=gone,
            columns=[
                ColumnOut(
                    name=c.name, ja=c.ja, needed=c.needed, key=c.key, form=c.offers.form,
                    choices=list(c.offers.choices), many=c.offers.many, usual=c.written(c.default),
                )
                for c in kind.columns
            ],
        )  # fmt: skip


class TableOut(BaseModel):
    """What there is of a kind, as its file has it; `more`: only its first rows."""

    kind: str
    rows: list[list[Written]]
    more: bool


class TableQuery(BaseModel):
    """Of which site."""

    model_config = ConfigDict(extra="forbid")

    site: SiteCode | None = None


class FaultOut(BaseModel):
    """What is wrong: row (the header is 1, 0 is the file itself), column, a code of what it is."""

    row: int
    column: str
    code: str
    given: str
    expected: str


class ChangeOut(BaseModel):
    """A row that is new or changed; `cells`: column, what was, what will be."""

    row: int
    key: str
    state: Literal["new", "changed"]
    cells: list[tuple[str, Written, Written]]


class ImportOut(BaseModel):
    """An import as it stands; of faults and changes the first ones."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    file_name: str
    wanted: Literal["CHECK", "APPLY"]
    state: Literal["WAITING", "FAULTY", "CHECKED", "APPLIED"]
    rows: int
    done: int
    rows_new: int
    rows_changed: int
    rows_unchanged: int
    rows_gone: int
    faults_found: int
    made_by: str
    made_at: datetime
    ended_at: datetime | None
    faults: list[FaultOut] = []
    changes: list[ChangeOut] = []


class GuessOut(BaseModel):
    """What kind of file it is, by its header, and how many rows it has."""

    kind: str
    rows: int


class SentQuery(BaseModel):
    """What is said of a file: its import's id, whether it is only looked through, its name."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    dry_run: bool = True
    name: FileName = ""


class ExportQuery(BaseModel):
    """Of which site, with headers in which language; `empty`: the header alone."""

    model_config = ConfigDict(extra="forbid")

    site: SiteCode | None = None
    lang: Literal["en", "ja"] = "en"
    encoding: Literal["utf-8-sig", "utf-8", "cp932"] = "utf-8-sig"
    empty: bool = False


async def _file(request: Request) -> bytes:
    """The file of a request: its body, or the first file of a form."""
    try:
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            async with request.form(max_files=1, max_fields=10) as form:
                for part in form.values():
                    if isinstance(part, UploadFile):
                        return await _bounded(part.read)
            raise UnreadableFile("empty")
        content = bytearray()
        async for chunk in request.stream():
            content += chunk
            if len(content) > FILE_BYTES_MAX:
                raise UnreadableFile("too_large")
        return bytes(content)
    except ClientDisconnect:
        raise UnreadableFile("empty") from None


async def _bounded(take_some: Callable[[int], Any]) -> bytes:
    content: bytes = await take_some(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise UnreadableFile("too_large")
    return content


Upload = Annotated[bytes, Depends(_file)]


@router.get("/imports/kinds")
def get_kinds() -> list[KindOut]:
    """The kinds that files may bring, in the order in which a new site needs them."""
    return [KindOut.of(KINDS[name]) for name in KINDS if name in DESK]


@router.get("/tables/{kind}")
def get_table(kind: KindName, wish: Annotated[TableQuery, Query()], services: Svc) -> TableOut:
    """What there is of a kind, to be edited on a screen; changes come back as a file of it."""
    return table_of(services, kind_named(kind, DESK), wish.site)


@router.post("/imports:guess", openapi_extra=UPLOAD)
def guess_kind(content: Upload) -> GuessOut:
    """What kind of file it is."""
    sheet = read(content)
    return GuessOut(kind=guess(sheet.header).name, rows=len(sheet.rows))


@router.get("/imports")
def get_imports(services: Svc, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> list[ImportOut]:
    """The latest imports, without their faults and changes."""
    query = select(MasterImport).where(MasterImport.kind.in_(DESK)).limit(limit)
    query = query.order_by(MasterImport.made_at.desc(), MasterImport.id)
    rows = services.database.run(lambda s: list(s.scalars(query)))
    return [ImportOut.model_validate(row).model_copy(update=_BRIEF) for row in rows]


_BRIEF: dict[str, Any] = {"faults": [], "changes": []}


@router.get("/imports/{id}")
def get_import(id: UUID, services: Svc) -> ImportOut:  # noqa: A002 - it is the id
    """An import: how far it is, what is wrong in it, what it changes."""
    return ImportOut.model_validate(services.database.run(lambda s: _find(s, id)))


@router.post("/imports/{id}:apply")
def apply_import(
    id: UUID,  # noqa: A002 - it is the id
    body: CommandIn,
    services: Svc,
    now: Now,
) -> ImportOut:
    """Apply what was checked. Told again, it is done once."""
    del body  # the import itself is the command: it is applied once, whoever says so

    def work(session: Session) -> None:
        take.apply_it(session, _find(session, id).id)

    services.database.run(work)
    return _worked(services, id, now)


@router.post("/imports/{kind}", openapi_extra=UPLOAD)
def post_import(
    kind: KindName,
    said: Annotated[SentQuery, Query()],
    content: Upload,
    services: Svc,
    now: Now,
    who: Who,
) -> ImportOut:
    """Send a file (CSV or XLSX), to be looked through, or applied. The same id is the same import.

    A short one has been worked on when this answers; a long one is WAITING, and will be.
    """
    wanted = kind_named(kind, DESK)
    sent = take.Sent(kind=wanted.name, content=content, by=who.operator, **said.model_dump())
    return taken(services, sent, now)


@router.get(
    "/exports/{kind}.{form}",
    response_class=Response,
    responses={200: {"content": {TYPES["xlsx"]: {}, "text/csv": {}}, "description": "the file"}},
)
def get_export(
    kind: KindName,
    form: Form,
    wish: Annotated[ExportQuery, Query()],
    services: Svc,
) -> Response:
    """All of a kind as a file that an import takes back; `empty`: its header, to be filled in."""
    wanted = kind_named(kind, DESK)
    if wish.empty:
        content = template(wanted, form, language=wish.lang)
    else:
        content = services.database.run(lambda s: export(
            s, wanted, form, site=wish.site, language=wish.lang, encoding=wish.encoding
        ))  # fmt: skip
    name = f"{kind}{f'-{wish.site}' if wish.site else ''}.{form}"
    return Response(
        content,
        media_type=TYPES[form],
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


def taken(services: Svc, sent: take.Sent, now: datetime) -> ImportOut:
    """Keep a file, and work on it at once if it is short."""
    services.database.run(lambda s: take.take(s, sent, now=now))
    return _worked(services, sent.id, now, small=len(sent.content) <= INLINE)


def table_of(services: Svc, kind: Kind, site: str | None = None) -> TableOut:
    """What there is of a kind."""

    def work(session: Session) -> list[list[Written]]:
        found = islice(kind.export(session, site), SHOWN + 1)
        return [cells(kind, values) for values in found]

    rows = services.database.run(work)
    return TableOut(kind=kind.name, rows=rows[:SHOWN], more=len(rows) > SHOWN)


def _find(session: Session, id_: UUID) -> MasterImport:
    """An import that is everybody's at a desk.

    Raises:
        NotFound: there is none.
    """
    found = take.find(session, id_)
    if found.kind not in DESK:
        raise NotFound(f"import {id_}")
    return found


def _worked(services: Svc, id_: UUID, now: datetime, *, small: bool | None = None) -> ImportOut:
    found = services.database.run(lambda s: take.find(s, id_))
    if small is None:
        small = found.rows <= SHORT
    if small and found.state == "WAITING":
        take.work_off(services.database, id_, now=now)
        found = services.database.run(lambda s: take.find(s, id_))
    return ImportOut.model_validate(found)
