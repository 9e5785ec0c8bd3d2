"""Pure. One rated event on its payers: each detail is covered, priced, rounded once, discounted and charged."""

from rating_kernels import batch_words as e
from rating_kernels import table_words as t
from rating_kernels.balances import NO_ROOM, add_to_item, total_holds
from rating_kernels.batch_columns import FLAG_CAPPED, FLAG_LATE, FLAG_SHARED, IMPACT_UNRATED
from rating_kernels.charge_group import (
    BEYOND_LIMIT,
    OVER_LIMIT,
    booking_cycle,
    charge_group,
    chargeable,
    limit_and_total,
    refund,
)
from rating_kernels.counters import NOTHING_COUNTED, count_use, counting_payer
from rating_kernels.discounts import NO_TAX_RATE, discounted, tax_on
from rating_kernels.group_image import H_GROUP_ID, QUANTITY_MAX
from rating_kernels.impacts import note_impact
from rating_kernels.kernel import kernel, rare_kernel
from rating_kernels.outcomes import Outcome
from rating_kernels.price_event import OUT_OF_RANGE, PRICED, TOO_LARGE, price_quantity, rounded, splits
from rating_kernels.profile_image import V_DISCOUNTS
from rating_kernels.select_price import walk_prefix
from rating_kernels.share_allowances import cover_by_allowances
from rating_kernels.share_amounts import charge_owners, refund_owner
from rating_kernels.sharing import member_goes_first
from rating_kernels.tariff_table import BREACH_UP_TO_LIMIT, PER_CYCLE, Bytes, Ints
from rating_kernels.thresholds import find_and_watch, watch
from rating_kernels.tiers import costs_nothing, free_part, price_counts
from rating_kernels.trace import (
    TRACE_COUNTED,
    TRACE_COVERED,
    TRACE_CYCLE,
    TRACE_DETAIL,
    TRACE_FREE,
    TRACE_ROUNDED,
    TRACE_TAX,
    TRACE_UNRATED,
    trace,
)
from rating_kernels.workspace import W_GROSS_LEFT, W_PRICES, W_TAX_ITEM, W_TAX_LEFT, Y_AT

CHARGED, CHARGED_OVER_LIMIT = int(Outcome.CHARGED), int(Outcome.CHARGED_OVER_LIMIT)
PARTLY_CHARGED = int(Outcome.PARTLY_CHARGED)
DENIED_LIMIT, DENIED_SHARING = int(Outcome.DENIED_LIMIT), int(Outcome.DENIED_SHARING)
NO_RATE, AMOUNT_OUT_OF_RANGE = int(Outcome.NO_RATE), int(Outcome.AMOUNT_OUT_OF_RANGE)

# Outcomes up to this one keep what they changed; the caller undoes the others.
assert CHARGED < CHARGED_OVER_LIMIT < PARTLY_CHARGED < DENIED_LIMIT < DENIED_SHARING


@kernel
def charge_event(
    table: Ints,
    events: Ints,
    text: Bytes,
    row: int,
    words: Ints,
    at: int,
    version: int,
    profiles: Ints,
    service: int,
    impacts: Ints,
    work: Ints,
) -> tuple[int, int]:
    """(outcome, flags) of charging every detail; above PARTLY_CHARGED the caller undoes what was done.

    The prices at the event's start are those that `find_rate` left in the workspace.
    """
    time_us = events[row, e.TIME_US]
    quantity = events[row, e.QUANTITY]
    service_type = table[table[t.EVENT_TYPE_SERVICE_TYPE] + events[row, e.EVENT_TYPE]]
    cycle_no, start_us, end_us, late = booking_cycle(words, at, time_us)
    trace(work, TRACE_CYCLE, words[at + H_GROUP_ID], cycle_no, start_us, end_us, 1 if late else 0)
    flags = FLAG_LATE if late else 0
    outcome = CHARGED
    first = table[table[t.VERSION_DETAIL_FIRST] + version]
    for detail in range(first, table[table[t.VERSION_DETAIL_FIRST] + version + 1]):
        trace(work, TRACE_DETAIL, detail - first, table[table[t.DETAIL_RESOURCE] + detail], detail)
        covered, shared, denied = cover_by_allowances(
            table, words, at, detail, service_type, quantity, time_us, impacts, work
        )
        flags |= shared
        if denied:
            return DENIED_SHARING, flags
        trace(work, TRACE_COVERED, covered, quantity)
        amount, refused, capped = _amount(
            table, events, text, row, words, at, version, detail, first, service_type, covered, work
        )
        if refused != CHARGED:
            return refused, flags
        if capped == 1:
            flags |= FLAG_CAPPED
        if profiles[service + V_DISCOUNTS] > 0:
            amount = discounted(
                table,
                profiles,
                events[row, e.PROFILE_AT],
                service,
                detail,
                amount,
                time_us,
                words[at + H_GROUP_ID],
                impacts,
                work,
            )
        amount = _with_tax(table, detail, amount, time_us, work)
        if amount == OUT_OF_RANGE:
            return NO_RATE, flags
        done, shared = charge_amount(
            table, words, at, detail, service_type, amount, quantity, time_us, impacts, work
        )
        flags |= shared
        if done > PARTLY_CHARGED:
            return done, flags
        outcome = max(outcome, done)
    return outcome, flags


@kernel
def _amount(
    table: Ints,
    events: Ints,
    text: Bytes,
    row: int,
    words: Ints,
    at: int,
    version: int,
    detail: int,
    first: int,
    service_type: int,
    covered: int,
    work: Ints,
) -> tuple[int, int, int]:
    """(the detail's amount, CHARGED or why it has none, 1 if the price's maximum held it back)."""
    price = work[W_PRICES + detail - first]
    uncovered = events[row, e.QUANTITY] - covered
    counted, free = NOTHING_COUNTED, 0
    if price_counts(table, price):
        payer = counting_payer(table, detail, service_type, work)
        counted, events_before = count_use(
            table, words, at, price, payer, uncovered, events[row, e.TIME_US], work
        )
        if max(counted, 0) > QUANTITY_MAX - uncovered:
            return 0, AMOUNT_OUT_OF_RANGE, 0
        free = free_part(table, price, uncovered, events_before, max(counted, 0))
        holder = words[(at if payer == 0 else work[payer + Y_AT]) + H_GROUP_ID]
        trace(work, TRACE_COUNTED, holder, price, max(counted, 0), events_before, uncovered)
        if costs_nothing(table, price, uncovered, free, events_before):
            trace(work, TRACE_FREE, free, 1)
            return 0, CHARGED, 0
        trace(work, TRACE_FREE, free, 0)
        if table[table[t.PRICE_SCOPE] + price] != PER_CYCLE:
            # Counted for what is free alone: its tiers are those of the event.
            counted = NOTHING_COUNTED
    depth = 0
    if splits(table, version, detail):
        depth = walk_prefix(table, detail, events, text, row, work)
    total, said, capped = price_quantity(
        table, version, detail, events, text, row, work, depth, covered + free, price, counted
    )
    if said == TOO_LARGE:
        return 0, AMOUNT_OUT_OF_RANGE, 0
    if said != PRICED:
        return 0, NO_RATE, 0
    amount = rounded(table, detail, total)
    trace(work, TRACE_ROUNDED, amount, total, table[table[t.DETAIL_DENOMINATOR] + detail])
    if amount == OUT_OF_RANGE:
        return 0, AMOUNT_OUT_OF_RANGE, 0
    return amount, CHARGED, capped


@kernel
def _with_tax(table: Ints, detail: int, net: int, time_us: int, work: Ints) -> int:
    """The amount with the tax that is charged with the event; OUT_OF_RANGE where its code has no rate then."""
    work[W_TAX_LEFT] = 0
    if table[table[t.DETAIL_TAX] + detail] < 0:
        return net
    return _taxed(table, detail, net, time_us, work)


@rare_kernel
def _taxed(table: Ints, detail: int, net: int, time_us: int, work: Ints) -> int:
    tax = tax_on(table, detail, abs(net), time_us, work)
    if tax == NO_TAX_RATE:
        return OUT_OF_RANGE
    tax = tax if net >= 0 else -tax
    trace(work, TRACE_TAX, table[table[t.DETAIL_TAX] + detail], net, tax, net + tax)
    work[W_TAX_LEFT] = tax
    work[W_GROSS_LEFT] = net + tax
    work[W_TAX_ITEM] = table[table[t.DETAIL_TAX_ITEM_ID] + detail]
    return net + tax


@kernel
def charge_amount(
    table: Ints,
    words: Ints,
    at: int,
    detail: int,
    service_type: int,
    amount: int,
    quantity: int,
    time_us: int,
    impacts: Ints,
    work: Ints,
) -> tuple[int, int]:
    """(outcome, FLAG_SHARED or 0) of one detail's amount: owners and user in the policy's order."""
    if amount == 0:
        return _charge_nothing(table, words, at, detail, quantity, time_us, work), 0
    if amount < 0:
        return _give_back(table, words, at, detail, service_type, amount, quantity, time_us, impacts, work)
    left, left_quantity = amount, quantity
    outcome = CHARGED
    own_first = member_goes_first(table, work)
    if own_first:
        outcome, own = charge_user(table, words, at, detail, left, left_quantity, time_us, impacts, work)
        if outcome != DENIED_LIMIT and outcome != PARTLY_CHARGED:
            return outcome, 0
        left -= own
        left_quantity = 0 if own > 0 else left_quantity
    paid, paid_quantity, said = charge_owners(
        table, words, at, detail, service_type, left, left_quantity, time_us, impacts, work
    )
    if said > PARTLY_CHARGED:
        return said, 0
    shared = FLAG_SHARED if paid > 0 else 0
    left -= paid
    if left == 0:
        return said, shared
    if not own_first:
        left_quantity -= paid_quantity
        outcome, own = charge_user(table, words, at, detail, left, left_quantity, time_us, impacts, work)
        left -= own
    if outcome == PARTLY_CHARGED:
        resource = table[table[t.DETAIL_RESOURCE] + detail]
        trace(work, TRACE_UNRATED, words[at + H_GROUP_ID], resource, left)
        resource_id = table[table[t.RESOURCE_ID] + resource]
        note_impact(impacts, work, IMPACT_UNRATED, words[at + H_GROUP_ID], 0, resource_id, 0, 0, left)
    return max(outcome, said), shared


@rare_kernel
def _give_back(
    table: Ints,
    words: Ints,
    at: int,
    detail: int,
    service_type: int,
    amount: int,
    quantity: int,
    time_us: int,
    impacts: Ints,
    work: Ints,
) -> tuple[int, int]:
    """An amount below 0 goes back as one above would have been paid: the owner's part to the owner."""
    left, left_quantity = amount, quantity
    shared = 0
    if not member_goes_first(table, work):
        part, part_quantity, given = refund_owner(
            table, words, detail, service_type, amount, quantity, time_us, impacts, work
        )
        if not given:
            return AMOUNT_OUT_OF_RANGE, 0
        left -= part
        left_quantity -= part_quantity
        shared = FLAG_SHARED if part < 0 else 0
    if left == 0:
        return CHARGED, shared
    resource = table[table[t.DETAIL_RESOURCE] + detail]
    item_id = table[table[t.DETAIL_ITEM_ID] + detail]
    find_and_watch(table, words, at, resource, time_us, work)
    given = refund(table, words, at, resource, item_id, left, left_quantity, time_us, impacts, work)
    return (CHARGED, shared) if given else (AMOUNT_OUT_OF_RANGE, 0)


@kernel
def _charge_nothing(
    table: Ints, words: Ints, at: int, detail: int, quantity: int, time_us: int, work: Ints
) -> int:
    """An amount of 0 counts in its item."""
    item_id = table[table[t.DETAIL_ITEM_ID] + detail]
    if item_id != 0:
        cycle_no, _, _, _ = booking_cycle(words, at, time_us)
        row = add_to_item(words, at, cycle_no, item_id, 0, 0, quantity, 1, work)
        if row == NO_ROOM or not total_holds(words, row):
            return AMOUNT_OUT_OF_RANGE
    return CHARGED


@kernel
def charge_user(
    table: Ints,
    words: Ints,
    at: int,
    detail: int,
    amount: int,
    quantity: int,
    time_us: int,
    impacts: Ints,
    work: Ints,
) -> tuple[int, int]:
    """(outcome, amount charged) on the user's own group, as far as the credit limit goes.

    DENIED_LIMIT comes with what fits already charged, so that an owner may pay the rest; where nobody
    does, the caller undoes the event.
    """
    resource = table[table[t.DETAIL_RESOURCE] + detail]
    limit, total = limit_and_total(table, words, at, resource, time_us)
    own, limited = chargeable(table, words[at + H_GROUP_ID], resource, limit, total, amount, work)
    outcome = CHARGED
    if limited == OVER_LIMIT:
        outcome = CHARGED_OVER_LIMIT
    elif limited == BEYOND_LIMIT:
        up_to = table[table[t.LIMIT_BREACH] + limit] == BREACH_UP_TO_LIMIT
        outcome = PARTLY_CHARGED if up_to else DENIED_LIMIT
    if own > 0:
        watch(table, at, resource, limit, total, work)
        item_id = table[table[t.DETAIL_ITEM_ID] + detail]
        if not charge_group(table, words, at, resource, item_id, own, quantity, time_us, impacts, work):
            return AMOUNT_OUT_OF_RANGE, 0
    return outcome, own
