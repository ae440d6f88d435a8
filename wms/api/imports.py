"""Files of master data over HTTP: sent, looked through, applied; and taken out again.

A file of up to INLINE bytes is worked on before the answer; a longer one by the worker, and its
import says how far it is.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from wms.api.dependencies import Now, Svc, Who
from wms.api.shapes import CommandIn
from wms.masters import take
from wms.masters.export import export, template
from wms.masters.kinds import KINDS, guess, kind_named
from wms.masters.model import MasterImport
from wms.masters.sheet import FILE_BYTES_MAX, UnreadableFile, read

router = APIRouter(prefix="/console/v1", tags=["console"])

INLINE = 300_000  # bytes: some thousand rows
SHORT = 3_000  # rows
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
KindName = Annotated[str, Path(max_length=40, pattern=r"^[a-z][a-z-]*$")]
Form = Literal["csv", "xlsx"]
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
    """A column of a file."""

    name: str
    ja: str
    needed: bool
    key: bool


class KindOut(BaseModel):
    """A kind of master data that files may bring; `whole`: what its file does not name is gone."""

    name: str
    ja: str
    whole: bool
    columns: list[ColumnOut]


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
    cells: list[tuple[str, str | int | float | bool | None, str | int | float | bool | None]]


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

    site: Annotated[str, Field(max_length=20, pattern=r"^[A-Z0-9-]+$")] | None = None
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
    return [
        KindOut(
            name=kind.name,
            ja=kind.ja,
            whole=kind.whole,
            columns=[
                ColumnOut(name=c.name, ja=c.ja, needed=c.needed, key=c.key) for c in kind.columns
            ],
        )
        for kind in KINDS.values()
    ]


@router.post("/imports:guess", openapi_extra=UPLOAD)
def guess_kind(content: Upload) -> GuessOut:
    """What kind of file it is."""
    sheet = read(content)
    return GuessOut(kind=guess(sheet.header).name, rows=len(sheet.rows))


@router.get("/imports")
def get_imports(services: Svc, limit: Annotated[int, Query(ge=1, le=200)] = 20) -> list[ImportOut]:
    """The latest imports, without their faults and changes."""
    query = select(MasterImport).order_by(MasterImport.made_at.desc(), MasterImport.id).limit(limit)
    rows = services.database.run(lambda s: list(s.scalars(query)))
    return [ImportOut.model_validate(row).model_copy(update=_BRIEF) for row in rows]


_BRIEF: dict[str, Any] = {"faults": [], "changes": []}


@router.get("/imports/{id}")
def get_import(id: UUID, services: Svc) -> ImportOut:  # noqa: A002 - it is the id
    """An import: how far it is, what is wrong in it, what it changes."""
    return ImportOut.model_validate(services.database.run(lambda s: take.find(s, id)))


@router.post("/imports/{id}:apply")
def apply_import(
    id: UUID,  # noqa: A002 - it is the id
    body: CommandIn,
    services: Svc,
    now: Now,
) -> ImportOut:
    """Apply what was checked. Told again, it is done once."""
    del body  # the import itself is the command: it is applied once, whoever says so
    services.database.run(lambda s: take.apply_it(s, id))
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
    sent = take.Sent(kind=kind, content=content, by=who.operator, **said.model_dump())
    services.database.run(lambda s: take.take(s, sent, now=now))
    return _worked(services, said.id, now, small=len(content) <= INLINE)


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
    wanted = kind_named(kind)
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


def _worked(services: Svc, id_: UUID, now: datetime, *, small: bool | None = None) -> ImportOut:
    found = services.database.run(lambda s: take.find(s, id_))
    if small is None:
        small = found.rows <= SHORT
    if small and found.state == "WAITING":
        take.work_off(services.database, id_, now=now)
        found = services.database.run(lambda s: take.find(s, id_))
    return ImportOut.model_validate(found)
