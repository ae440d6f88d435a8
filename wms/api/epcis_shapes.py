"""What EPCIS asks and answers, as far as it is ours to shape; events are the standard's own."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from wms.api.shapes import PRINTABLE
from wms.epcis.query import Asked

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
Name = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=PRINTABLE)]
Names = Annotated[list[Name], Field(max_length=100)]
Action = Literal["ADD", "OBSERVE", "DELETE"]


class EventsQuery(BaseModel):
    """A question for events, in the words of the standard. A parameter repeated: any of them."""

    model_config = ConfigDict(extra="forbid")

    eventType: Names = []
    EQ_action: Annotated[list[Action], Field(max_length=3)] = []
    EQ_eventID: Names = []
    GE_eventTime: AwareDatetime | None = None
    LT_eventTime: AwareDatetime | None = None
    GE_recordTime: AwareDatetime | None = None
    LT_recordTime: AwareDatetime | None = None
    EQ_bizStep: Names = []
    EQ_disposition: Names = []
    EQ_readPoint: Names = []
    EQ_bizLocation: Names = []
    EQ_bizTransaction: Names = []
    MATCH_parentID: Names = []
    MATCH_epc: Names = []
    MATCH_anyEPC: Names = []
    MATCH_epcClass: Names = []
    perPage: Annotated[int, Field(ge=1, le=1000)] = 30
    nextPageToken: Name | None = None

    def asked(self) -> Asked:
        """The same for wms.epcis.query."""
        return Asked(
            types=self.eventType,
            actions=self.EQ_action,
            ids=self.EQ_eventID,
            event_from=self.GE_eventTime,
            event_until=self.LT_eventTime,
            record_from=self.GE_recordTime,
            record_until=self.LT_recordTime,
            biz_steps=self.EQ_bizStep,
            dispositions=self.EQ_disposition,
            read_points=self.EQ_readPoint,
            biz_locations=self.EQ_bizLocation,
            papers=self.EQ_bizTransaction,
            parents=self.MATCH_parentID,
            epcs=self.MATCH_epc,
            any_epc=self.MATCH_anyEPC,
            classes=self.MATCH_epcClass,
        )


class PageQuery(BaseModel):
    """A page of a list."""

    model_config = ConfigDict(extra="forbid")

    perPage: Annotated[int, Field(ge=1, le=1000)] = 30
    nextPageToken: Name | None = None


class CaptureOut(BaseModel):
    """What became of a document, in the words of the standard."""

    captureID: str
    createdAt: datetime
    finishedAt: datetime
    running: bool = False
    success: bool
    captureErrorBehaviour: Literal["rollback", "proceed"]
    taken: int
    known: int
    errors: list[dict[str, Any]]


class MembersOut(BaseModel):
    """A page of what there is."""

    member: list[str]


def query_document(events: list[dict[str, Any]], *, at: str) -> dict[str, Any]:
    """The answer to a question for events, as a document of the standard."""
    return {
        "@context": [CONTEXT],
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": at,
        "epcisBody": {
            "queryResults": {
                "queryName": "SimpleEventQuery",
                "resultsBody": {"eventList": events},
            }
        },
    }
