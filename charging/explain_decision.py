"""Pure. Why an event was decided as it was, from the steps that the kernels noted while they decided it.

Nothing is computed a second time: every number here was noted, or stands in the catalogue.
"""

from collections.abc import Iterator
from typing import NamedTuple

from balance_store.decision_record import DecidedEvent
from charging import explain_payers, explain_price
from charging.charged_batch import ChargedBatch
from charging.decide_batch import Steps
from charging.explain_names import Names
from charging.explain_reading import Handler, Reading
from charging.explanation import (
    CycleStep,
    DetailStep,
    EndedCycles,
    Explanation,
    MembershipStep,
    ProductStep,
    ServiceStep,
    ThresholdStep,
)
from charging.output_records import DIRECTIONS, FLAG_NAMES
from charging.usage_event import UsageEvent, epoch_us
from rating_kernels import trace as k
from rating_kernels.batch_words import PARTITION
from rating_kernels.group_image import POSITION_PARTITION_SHIFT
from rating_kernels.outcomes import Outcome

OUTCOMES = {int(outcome): outcome for outcome in Outcome}
SERVICE_WHY = {
    k.SERVICE_FOUND: "found",
    k.SERVICE_OTHER_TYPE: "other_service_type",
    k.SERVICE_NOT_VALID: "not_valid_then",
}
PRODUCT_WHY = {
    k.PRODUCT_CHOSEN: "chosen",
    k.PRODUCT_NOT_VALID: "not_valid_then",
    k.PRODUCT_NO_VERSION: "no_version_yet",
    k.PRODUCT_NO_PRICE: "no_price",
}
MEMBER_WHY = {
    k.MEMBER_HOLDS: "holds",
    k.MEMBER_NOT_VALID: "not_valid_then",
    k.MEMBER_NO_OWNER: "owner_not_here",
    k.MEMBER_ONE_TOO_MANY: "one_too_many",
}


class Decision(NamedTuple):
    """One event with what was decided, and where it stood; `event` is None where the bytes are none."""

    topic: str
    partition: int
    event: UsageEvent | None
    decided: DecidedEvent
    detail: str  # what exactly is wrong with a refused event


def explain_batch(batch: ChargedBatch, topic: str, names: Names) -> Iterator[Explanation]:
    """Why each event of a batch was decided as it was; the batch was told to keep the steps."""
    assert batch.steps is not None, "a batch keeps the steps of its decisions only if told to"
    decoded = batch.decoded
    for row, (_, decided) in enumerate(batch.decided()):
        partition = int(batch.events[row, PARTITION])
        detail = decoded.details.get(row, "")
        yield explain(
            Decision(topic, partition, decoded.event(row), decided, detail), batch.steps[row], names
        )


def explain(decision: Decision, steps: Steps, names: Names) -> Explanation:
    """The explanation of one decision."""
    event, decided = decision.event, decision.decided
    info = None if event is None else names.catalogue.event_types.get(event.type)
    reading = Reading(names, event, info)
    for kind, *row in steps.rows.tolist():
        HANDLERS[kind](reading, row)
    outcome = OUTCOMES[decided.outcome]
    time_us = None if event is None else epoch_us(event.time)
    return Explanation(
        id=f"{decision.topic}/{decision.partition}/{decided.offset}/{decided.event_index}",
        outcome=decided.outcome,
        outcome_name=outcome.name,
        text=outcome.text,
        catalogue=names.catalogue.version,
        detail=decision.detail,
        event=event,
        local_time="" if time_us is None else names.local(time_us),
        customer=names.people.customers.get(decided.customer_id, decided.customer_id or ""),
        subscription=names.people.subscriptions.get(decided.subscription_id, decided.subscription_id or ""),
        group=decided.group_id,
        product=names.name("product", decided.product_id),
        rate=names.name("price", decided.price_id),
        flags=[name for flag, name in FLAG_NAMES.items() if decided.flags & flag],
        duplicate_of=_first_position(decision),
        services=reading.services,
        ended_cycles=reading.ended_cycles,
        products=reading.products,
        memberships=reading.memberships,
        cycle=reading.cycle,
        details=reading.details,
        thresholds=_thresholds(decided, names),
        steps_left_out=steps.left_out,
    )


def _first_position(decision: Decision) -> str:
    first = decision.decided.duplicate_of
    if first < 0:
        return ""
    offset = first & ((1 << POSITION_PARTITION_SHIFT) - 1)
    return f"{decision.topic}/{first >> POSITION_PARTITION_SHIFT}/{offset}"


def _thresholds(decided: DecidedEvent, names: Names) -> list[ThresholdStep]:
    """What the decision says of thresholds; they are part of it, so there is no step for them."""
    found = []
    for notice in decided.notices:
        resource = names.catalogue.resource_index[notice.resource_id]
        found.append(
            ThresholdStep(
                group=notice.group_id,
                customer=names.customer(notice.group_id),
                resource=names.resources[resource].code,
                direction=DIRECTIONS[notice.direction],
                threshold=names.amount(resource, notice.threshold),
                before=names.amount(resource, notice.before),
                after=names.amount(resource, notice.after),
            )
        )
    return found


def _service(reading: Reading, row: list[int]) -> None:
    subscription, service_type, valid_from, valid_to, why = row[:5]
    names = reading.names
    reading.services.append(
        ServiceStep(
            names.people.subscriptions.get(subscription, subscription),
            names.service_types[service_type] if service_type >= 0 else "",
            SERVICE_WHY[why],
            names.local(valid_from),
            names.local(valid_to),
        )
    )


def _rotated(reading: Reading, row: list[int]) -> None:
    reading.ended_cycles.append(EndedCycles(row[0], row[1], reading.names.customer(row[0])))


def _product(reading: Reading, row: list[int]) -> None:
    """A candidate, after the look-ups of its prices; the last of them failed if it has no price."""
    product, plan, version, why = row[:4]
    names, prices = reading.names, reading.prices
    step = ProductStep(
        names.name("product", product),
        names.name("rate_plan", int(names.table.plan_id[plan])),
        PRODUCT_WHY[why],
        prices=prices,
    )
    if version >= 0:
        step.version_from = names.local(int(names.table.version_valid_from_us[version]))
    if why == k.PRODUCT_NO_PRICE and prices:
        detail = int(names.table.version_detail_first[version]) + prices[-1].detail
        step.no_price_for = names.resource_of(detail).code
    reading.products.append(step)
    if why == k.PRODUCT_CHOSEN:
        # They are the prices at the event's start of the details that follow.
        step.prices = []
    else:
        reading.prices = []


def _membership(reading: Reading, row: list[int]) -> None:
    sharing, policy, owner, valid_from, valid_to, why = row[:6]
    names = reading.names
    reading.memberships.append(
        MembershipStep(
            sharing=names.people.sharing.get(sharing, sharing),
            policy=names.policy(policy),
            why=MEMBER_WHY[why],
            owner=names.customer(owner) or owner or "",
            valid_from=names.local(valid_from),
            valid_to=names.local(valid_to),
        )
    )


def _cycle(reading: Reading, row: list[int]) -> None:
    _, number, start, end, late = row[:5]
    reading.cycle = CycleStep(number, reading.names.local(start), reading.names.local(end), late == 1)


def _detail(reading: Reading, row: list[int]) -> None:
    number, resource, detail = row[:3]
    names, info = reading.names, reading.info
    table = names.table
    item = names.catalogue.items.get(int(table.detail_item_id[detail]))
    reading.detail, reading.covering, reading.payer = detail, True, None
    step = DetailStep(
        number=number,
        resource=names.resources[resource].code,
        quantity=reading.quantity(reading.total_quantity),
        unit="" if info is None else info.quantity_unit,
        charge_tag=names.name("tag", int(table.detail_charge_tag_id[detail])),
        prices=[price for price in reading.prices if price.detail == number],
        resource_tag=names.name("tag", int(table.detail_resource_tag_id[detail])),
    )
    if item is not None:
        step.bill_item, step.general_ledger, step.tax_code = item.bill_item, item.general_ledger, item.tax
    reading.details.append(step)


HANDLERS: dict[int, Handler] = {
    k.TRACE_SERVICE: _service,
    k.TRACE_ROTATED: _rotated,
    k.TRACE_PRODUCT: _product,
    k.TRACE_MEMBERSHIP: _membership,
    k.TRACE_CYCLE: _cycle,
    k.TRACE_DETAIL: _detail,
    **explain_price.HANDLERS,
    **explain_payers.HANDLERS,
}
