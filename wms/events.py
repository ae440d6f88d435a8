"""The events that systems outside may subscribe to: every type of topic "order", with its fields.

What happened, in the past tense. `OrderChanged` and `PromiseChanged` always say why. No event
carries personal data: who wants to know whose order it is asks for the order.

An event is recorded where it happens (`wms.outbox.record`); a test reads all those places and
compares. Fields: `id` and `number` are the order's, ids are UUIDs, times ISO 8601, amounts in
minor units.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventKind:
    """A type of event: what has happened, and what its body says."""

    says: str
    fields: Mapping[str, str]


_ORDER = {"id": "the order", "number": "its number"}
_SITES = {"from": "the site that it comes from", "to": "the site that it goes to"}
_WHY = {"reason": "a code: why"}
_ASN = {
    "id": "the delivery",
    "number": "its supplier's number",
    "supplier": "who sends it",
    "site": "where it comes to",
}
_KEPT = {"site": "where it is kept", "until": "until when"}
_WAIT = {"wait": "the place on the waiting list", "sku": "of what", "units": "how many"}
_RETURN = {"id": "the return", "number": "its number", "order": "the order"}
_REFUND = {
    "order": "the order",
    "refund": "the refund",
    "tender": "its kind",
    "amount_minor": "how much",
    "currency": "of what",
}

EVENTS: Mapping[str, EventKind] = {
    "OrderPlaced": EventKind("An order was taken", _ORDER),
    "OrderChanged": EventKind(
        "Something of an order changed",
        _ORDER | _WHY | {"lines": "numbers of lines", "backordered": "those that wait"},
    ),
    "PromiseChanged": EventKind(
        "A customer was told another time",
        _ORDER | _WHY | {"was": "the time before, or null", "by": "the time now, or null: unknown"},
    ),
    "KitIncomplete": EventKind(
        "A part of a kit is missing and its other parts leave all the same",
        _ORDER | {"line_no": "the kit's line"},
    ),
    "CancelWanted": EventKind(
        "Goods that hands are at were taken back: they go to a shelf first",
        _ORDER | _WHY | {"lines": "numbers of lines"},
    ),
    "OrderCancelled": EventKind("An order was taken back", _ORDER | _WHY),
    "OrderShipped": EventKind("All of an order is on its way", _ORDER | {"lines": "their states"}),
    "OrderClosed": EventKind("An order ended without a parcel", _ORDER | {"lines": "their states"}),
    "ReserveReminder": EventKind(
        "What is kept for a customer will not be much longer", _ORDER | _KEPT
    ),
    "ReserveExtended": EventKind("It is kept longer", _ORDER | _KEPT),
    "ReserveExpired": EventKind("Nobody came for it", _ORDER | {"site": "where it was kept"}),
    "WaitlistOffered": EventKind("Who waits for goods is offered them", _WAIT | _KEPT),
    "WaitlistLapsed": EventKind("Who was offered goods did not come", _WAIT),
    "CollectReady": EventKind(
        "An order can be fetched at its store",
        _ORDER
        | {
            "site": "the store",
            "keep_until": "how long it is kept",
            "missing": "numbers of lines of which something will not come",
        },
    ),
    "CollectReminder": EventKind(
        "It will not be kept much longer",
        _ORDER | {"site": "the store", "keep_until": "how long it is kept"},
    ),
    "CollectHandedOver": EventKind(
        "The customer has it", _ORDER | {"site": "the store", "at": "when"}
    ),
    "CollectReturned": EventKind(
        "Nobody has fetched it in time: it ends, and goes back to the floor",
        _ORDER | _WHY | {"site": "the store"},
    ),
    "CollectRejected": EventKind(
        "A store cannot give something of it",
        _ORDER | _WHY | {"site": "the store", "lines": "numbers of lines"},
    ),
    "TransferShipped": EventKind(
        "Parcels left for another site of ours",
        _ORDER | _SITES | {"parcels": "their SSCCs", "lines": "units by line"},
    ),
    "TransferArrived": EventKind(
        "A parcel has come to that site, or was given up",
        _ORDER
        | _SITES
        | {
            "sscc": "the parcel",
            "state": "ARRIVED or LOST",
            "differences": "lines that were not as sent: units sent, received, damaged, short,"
            " surplus",
        },
    ),
    "AsnArrived": EventKind(
        "A truck with an announced delivery is at its door",
        _ASN | {"door": "which", "late": "whether it was late"},
    ),
    "AsnReceived": EventKind(
        "Something of a delivery was counted",
        _ASN
        | {
            "receipts": "units by line: GOOD, DAMAGED or HELD, and why",
            "refused": "units that were sent back",
        },
    ),
    "AsnReversed": EventKind(
        "What was counted was wrong: it counts no more",
        _ASN | {"receipt": "which", "line_no": "its line", "units": "how many"},
    ),
    "AsnClosed": EventKind(
        "Nothing more of a delivery comes",
        _ASN | {"lines": "units announced, received, damaged, held and short"},
    ),
    "AsnCancelled": EventKind("A delivery does not come", _ASN),
    "InspectionFailed": EventKind(
        "A sample of a delivery was bad: it is not for sale, its lot is blocked",
        _ASN
        | {
            "receipt": "which",
            "sku": "of what",
            "units": "how many wait",
            "lot": "of which lot",
            "sample": "units looked at",
            "bad": "bad ones of them",
        },
    ),
    "ParcelShipped": EventKind(
        "A parcel left", {"order": "the order", "sscc": "the parcel", "service": "the service"}
    ),
    "ParcelDelivered": EventKind(
        "A parcel is with its customer", {"order": "the order", "sscc": "the parcel", "at": "when"}
    ),
    "ParcelTracked": EventKind(
        "A carrier said something of a parcel that is under way",
        {
            "order": "the order",
            "sscc": "the parcel",
            "direction": "OUT, or RETURN",
            "status": "OUT_FOR_DELIVERY, ATTEMPTED, REFUSED or RETURNED",
            "at": "when",
        },
    ),
    "RefundWanted": EventKind("Money shall go back", _REFUND | _WHY),
    "RefundDone": EventKind("Money went back", _REFUND | {"reference": "the provider's"}),
    "RefundRefused": EventKind("Money did not go back: a person must look", _REFUND | _WHY),
    "ReturnRequested": EventKind(
        "Goods shall come back", _RETURN | {"way": "BENCH, PARCEL (with a label) or COUNTER"}
    ),
    "ReturnLabelled": EventKind("Its parcel has a label", _RETURN | {"tracking": "its number"}),
    "ReturnInTransit": EventKind("A carrier has what comes back", _RETURN),
    "ReturnReceived": EventKind(
        "Goods came back",
        {
            "id": "the return",
            "number": "its number",
            "order": "the order, if one is known",
            "lines": "units, grades, dispositions",
        },
    ),
    "ReturnCancelled": EventKind("The customer keeps the goods", _RETURN),
    "ReturnExpired": EventKind("Nothing came back in time", _RETURN),
    "ExchangeOverdue": EventKind(
        "Goods that were replaced are not back in time; nothing is charged",
        _RETURN | {"exchange": "the order that replaced them", "amount_minor": "its worth"},
    ),
}
