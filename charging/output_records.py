"""Pure. What is published: rated records, notifications and rejected records (DECISIONS 38-39).

A record is built from the event and its decision alone, whether that was made a moment ago or read back
from the store after a crash; so it has the same bytes whoever writes it, however often.
"""

import base64
import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import msgspec

from balance_store.decision_record import DecidedEvent, Impact, Notice
from charging.messages import Message
from charging.usage_event import UsageEvent, rfc3339
from charging.wire.record_pieces import RecordPieces, record_pieces
from config.compiled_catalogue import CompiledCatalogue
from rating_kernels.batch_columns import (
    FLAG_CAPPED,
    FLAG_LATE,
    FLAG_RING_EVICTED,
    FLAG_SHARED,
    IMPACT_ALLOWANCE,
    IMPACT_CREDIT,
    IMPACT_DISCOUNT,
    IMPACT_OWED,
    IMPACT_TAX,
    IMPACT_UNRATED,
)
from rating_kernels.group_image import POSITION_PARTITION_SHIFT
from rating_kernels.outcomes import REJECTED_FROM, Outcome

IMPACT_NAMES = {
    IMPACT_ALLOWANCE: "allowance",
    IMPACT_CREDIT: "credit",
    IMPACT_OWED: "owed",
    IMPACT_DISCOUNT: "discount",
    IMPACT_TAX: "tax",
    IMPACT_UNRATED: "unrated",
}
# The other kinds tell of an amount and change no balance.
CHANGES_BALANCE = (IMPACT_ALLOWANCE, IMPACT_CREDIT, IMPACT_OWED)
FLAG_NAMES = {
    FLAG_LATE: "late",
    FLAG_SHARED: "shared",
    FLAG_CAPPED: "capped",
    FLAG_RING_EVICTED: "ring_evicted",
}
DIRECTIONS = {1: "up", -1: "down"}
# A record batch of the broker holds 1 MiB; what would pass this is cut, and says so.
RECORD_BYTES_MAX = 800_000
ORIGINAL_CUT_BYTES = 100_000

Encode = Callable[[Any], bytes]
ENCODERS: dict[str, Encode] = {
    "json": msgspec.json.Encoder().encode,
    "msgpack": msgspec.msgpack.Encoder().encode,
}


class ImpactRecord(msgspec.Struct, gc=False, omit_defaults=True):
    """One change of one balance; or, without a `balance`, what came off the price, is tax in it, or was not charged."""

    kind: str
    group: int  # whose balance: the payer
    resource: str
    amount: str
    balance: int = 0  # 1, 2, ... within the group
    discount: str | int = ""
    quantity: str = ""  # of the event, that it covers; none is not written
    bill_item: str = ""
    general_ledger: str = ""
    tax: str = ""


class RatedRecord(msgspec.Struct, gc=False, omit_defaults=True):
    """One decided event: charged, denied or recognised as a duplicate."""

    id: str
    outcome: int
    outcome_name: str
    event: UsageEvent
    customer: int
    subscription: int
    group: int  # the user's balance group
    catalogue: int
    product: str | int = ""
    rate: str | int = ""
    amounts: dict[str, str] = {}  # msgspec copies an empty default for each record
    impacts: list[ImpactRecord] = []
    flags: list[str] = []
    duplicate_of: str = ""


class NotificationRecord(msgspec.Struct, gc=False):
    """A threshold that an event crossed."""

    id: str
    time: str
    type: str
    customer: int
    group: int
    resource: str | int
    direction: str
    threshold: str
    before: str
    after: str
    event: str  # id of the event's record


class RejectedRecord(msgspec.Struct, gc=False, omit_defaults=True):
    """An event that was refused; it changed nothing and can be sent again after a correction."""

    id: str
    reason: int
    reason_name: str
    text: str
    detail: str
    partition: int
    offset: int
    index: int
    encoding: str  # of `message`: "text" or "base64"
    message: str
    content_type: str = ""
    cut_from_bytes: int = 0  # the whole message's length, where `message` is only its beginning
    sha256: str = ""  # of the whole message, where it was cut
    customer: int = 0


class RecordWriter:
    """Builds records for one catalogue version and one wire format."""

    def __init__(self, catalogue: CompiledCatalogue, topic: str, output_format: str) -> None:
        self._catalogue = catalogue
        self._topic = topic
        self.encode = ENCODERS[output_format]
        self._format = output_format
        self._resources = {info.id: info for info in catalogue.resources.values()}
        self._names = catalogue.names
        self._items = catalogue.items
        self._outcomes = {int(outcome): outcome for outcome in Outcome}

    @cached_property
    def pieces(self) -> RecordPieces:
        """What the kernel of rated records needs to write the same bytes."""
        event_types = sorted(self._catalogue.event_types.values(), key=lambda info: info.index)
        return record_pieces(
            self._format,
            self._topic,
            {number: outcome.name for number, outcome in self._outcomes.items() if number < REJECTED_FROM},
            self._names,
            self._resources,
            self._items,
            IMPACT_NAMES,
            FLAG_NAMES,
            [info.quantity_decimals for info in event_types],
        )

    def following(self, catalogue: CompiledCatalogue) -> "RecordWriter":
        """A writer by a newer version, which still knows what older decisions name and is gone by now."""
        writer = RecordWriter(catalogue, self._topic, self._format)
        writer._resources = self._resources | writer._resources
        writer._items = self._items | writer._items
        writer._names = {kind: self._names.get(kind, {}) | names for kind, names in catalogue.names.items()}
        return writer

    def record_id(self, partition: int, offset: int, index: int) -> str:
        """topic/partition/offset/index of the message that caused it (DECISIONS 38)."""
        return f"{self._topic}/{partition}/{offset}/{index}"

    def rated(
        self, partition: int, event: UsageEvent, decided: DecidedEvent, catalogue_version: int
    ) -> bytes:
        """The record of an event that was rated or recognised."""
        outcome = self._outcomes[decided.outcome]
        record = RatedRecord(
            id=self.record_id(partition, decided.offset, decided.event_index),
            outcome=decided.outcome,
            outcome_name=outcome.name,
            event=event,
            customer=decided.customer_id,
            subscription=decided.subscription_id,
            group=decided.group_id,
            catalogue=catalogue_version,
            product=self._name("product", decided.product_id),
            rate=self._name("price", decided.price_id),
            amounts=self._amounts(decided.impacts),
            impacts=[self._impact(impact, event.type) for impact in decided.impacts],
            flags=[name for flag, name in FLAG_NAMES.items() if decided.flags & flag]
            if decided.flags
            else [],
        )
        if decided.duplicate_of >= 0:
            first_partition = decided.duplicate_of >> POSITION_PARTITION_SHIFT
            first_offset = decided.duplicate_of & ((1 << POSITION_PARTITION_SHIFT) - 1)
            record.duplicate_of = f"{self._topic}/{first_partition}/{first_offset}"
        return self.encode(record)

    def notification(
        self, partition: int, decided: DecidedEvent, notice: Notice, number: int, time_us: int
    ) -> bytes:
        """The record of one crossed threshold; `number` is its place among the event's notices."""
        cause = self.record_id(partition, decided.offset, decided.event_index)
        return self.encode(
            NotificationRecord(
                id=f"{cause}/{number}",
                time=rfc3339(time_us),
                type="threshold",
                customer=decided.customer_id,
                group=notice.group_id,
                resource=self._name("resource", notice.resource_id),
                direction=DIRECTIONS[notice.direction],
                threshold=self.amount_text(notice.resource_id, notice.threshold),
                before=self.amount_text(notice.resource_id, notice.before),
                after=self.amount_text(notice.resource_id, notice.after),
                event=cause,
            )
        )

    def rejected(self, message: Message, part: bytes | None, decided: DecidedEvent, detail: str) -> bytes:
        """The record of an event that was refused, with its original; cut where it would not fit."""
        original = part if part is not None else message.value or b""
        record = RejectedRecord(
            id=self.record_id(message.partition, decided.offset, decided.event_index),
            reason=decided.outcome,
            reason_name=self._outcomes[decided.outcome].name,
            text=self._outcomes[decided.outcome].text,
            detail=detail,
            partition=message.partition,
            offset=message.offset,
            index=decided.event_index,
            encoding="text",
            message="",
            content_type=_header(message, "content-type"),
            customer=decided.customer_id,
        )
        record.encoding, record.message = _as_text(original)
        encoded = self.encode(record) if len(original) <= RECORD_BYTES_MAX else b""
        if not encoded or len(encoded) > RECORD_BYTES_MAX:
            record.cut_from_bytes = len(original)
            record.sha256 = hashlib.sha256(original).hexdigest()
            record.encoding, record.message = (
                "base64",
                base64.b64encode(original[:ORIGINAL_CUT_BYTES]).decode(),
            )
            encoded = self.encode(record)
        return encoded

    def amount_text(self, resource_id: int, amount: int) -> str:
        """An amount in units of its resource, exact; an unknown resource's in stored units."""
        info = self._resources.get(resource_id)
        return str(amount) if info is None else decimal_text(amount, info.stored_decimals)

    def _amounts(self, impacts: tuple[Impact, ...]) -> dict[str, str]:
        """What the event cost in each money resource, whoever paid."""
        sums: dict[int, int] = {}
        for impact in impacts:
            info = self._resources.get(impact.resource_id)
            if info is not None and info.is_money and impact.kind in CHANGES_BALANCE:
                sums[impact.resource_id] = sums.get(impact.resource_id, 0) + impact.amount
        return {
            self._resources[i].code: decimal_text(s, self._resources[i].stored_decimals)
            for i, s in sums.items()
        }

    def _impact(self, impact: Impact, event_type: str) -> ImpactRecord:
        item = self._items.get(impact.item_id)
        info = self._catalogue.event_types.get(event_type)
        decimals = 0 if info is None else info.quantity_decimals
        return ImpactRecord(
            kind=IMPACT_NAMES[impact.kind],
            group=impact.group_id,
            resource=str(self._name("resource", impact.resource_id)),
            amount=self.amount_text(impact.resource_id, impact.amount),
            balance=impact.balance_id if impact.kind in CHANGES_BALANCE else 0,
            discount=self._name("discount", impact.balance_id) if impact.kind == IMPACT_DISCOUNT else "",
            quantity=decimal_text(impact.quantity, decimals) if impact.quantity else "",
            bill_item="" if item is None else item.bill_item,
            general_ledger="" if item is None else item.general_ledger,
            tax="" if item is None else item.tax,
        )

    def _name(self, kind: str, number: int) -> str | int:
        """The code of an id; an id that this catalogue does not know stays a number."""
        return self._names[kind].get(number, number) if number else ""


def decimal_text(amount: int, decimals: int) -> str:
    """An integer count of 10**-decimals as decimal text, without zeros at the end: 650000, 6 -> 0.65."""
    if decimals == 0:
        return str(amount)
    sign = "-" if amount < 0 else ""
    digits = str(abs(amount)).rjust(decimals + 1, "0")
    fraction = digits[-decimals:].rstrip("0")
    return f"{sign}{digits[:-decimals]}{'.' + fraction if fraction else ''}"


def _as_text(original: bytes) -> tuple[str, str]:
    try:
        return "text", original.decode()
    except UnicodeDecodeError:
        return "base64", base64.b64encode(original).decode()


def _header(message: Message, name: str) -> str:
    for key, value in message.headers:
        if key.lower() == name:
            return (value or b"").decode("latin-1")
    return ""
