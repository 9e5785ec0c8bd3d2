"""Pure. The batch kernel: events in order of arrival, each decided whole or not at all.

A denied event leaves no trace but its id in the ring. An event is not begun before every group it may
change has room for the worst it can do; one that has not is laid out again behind the others, and where their
memory has no room for that, the kernel returns and asks.
"""

from rating_kernels import batch_words as e
from rating_kernels.batch_columns import (
    BATCH_DONE,
    BATCH_GROW_OUTPUT,
    BATCH_GROW_WORDS,
    FLAG_RING_EVICTED,
    L_BATCH_NO,
    L_RING_MAX,
    L_RING_WINDOW_US,
    L_SNAPSHOTS_MAX,
    LIMITS,
)
from rating_kernels.batch_words import DecisionWords
from rating_kernels.charge_event import NO_RATE, PARTLY_CHARGED, charge_event
from rating_kernels.event_room import (
    GROUP_FULL,
    NONE,
    OUTPUT_FULL,
    TOO_MANY,
    event_room,
    membership_row,
)
from rating_kernels.find_rate import find_rate, find_service
from rating_kernels.group_image import (
    FORGOTTEN,
    H_CLOSED_AT_US,
    H_CUSTOMER_ID,
    H_GROUP_ID,
    H_TOUCHED,
    POSITION_PARTITION_SHIFT,
)
from rating_kernels.grow_group import grow_group
from rating_kernels.kernel import batch_kernel, kernel
from rating_kernels.look_ahead import BLOCK, look_ahead
from rating_kernels.outcomes import REJECTED_FROM, Outcome
from rating_kernels.profile_image import (
    G_OWNER_SLOT,
    MEMBERSHIP_WORDS,
    V_GROUP_SLOT,
    V_MEMBERSHIPS,
    V_SUBSCRIPTION_ID,
)
from rating_kernels.recent_events import find_recent, remember
from rating_kernels.rotate_cycle import cycles_over, rotate_group
from rating_kernels.sharing import find_payers
from rating_kernels.tariff_table import Bytes, Ints
from rating_kernels.thresholds import notify
from rating_kernels.undo_log import undo
from rating_kernels.workspace import (
    PAYER_WORDS,
    W_IMPACTS,
    W_LIMITS,
    W_LOG,
    W_NOTICES,
    W_PAYER_ROWS,
    W_PAYERS,
    W_TOUCHED,
    W_TRACE,
    W_WATCHES,
    Y_CHANGED,
    Y_SLOT,
)

CHARGED, DUPLICATE = int(Outcome.CHARGED), int(Outcome.DUPLICATE)
ACCOUNT_CLOSED, TOO_MANY_BALANCES = int(Outcome.ACCOUNT_CLOSED), int(Outcome.TOO_MANY_BALANCES)


def decide_events(
    table: Ints,
    calendars: Ints,
    limits: Ints,
    events: Ints,
    text: Bytes,
    rows: Ints,
    start: int,
    words: Ints,
    words_used: Ints,
    slot_at: Ints,
    profiles: Ints,
    out: DecisionWords,
    work: Ints,
) -> tuple[int, int, int]:
    """Decide rows[start:]; (next position in rows, BATCH_*, words that are lacking behind the groups).

    `table` and `calendars` are made by `table_words`, `events` by `batch_words`. Rows whose outcome is
    set are passed on as they are. `words_used[0]` of `words` are in use. After BATCH_GROW_WORDS give `words` so
    many more, after BATCH_GROW_OUTPUT take `out.grown()`; then call again from the next position. `work` is made by
    `new_workspace`; where it notes steps, those of the last row stay in it.
    """
    work[W_LIMITS : W_LIMITS + LIMITS] = limits
    work[W_IMPACTS], work[W_NOTICES], work[W_TOUCHED] = out.used
    answer = decide_rows(
        table,
        calendars,
        events,
        text,
        rows,
        start,
        words,
        words_used,
        slot_at,
        profiles,
        out.rows,
        out.impacts,
        out.notices,
        out.touched,
        work,
    )
    out.used[:] = work[W_IMPACTS], work[W_NOTICES], work[W_TOUCHED]
    return answer


@batch_kernel
def decide_rows(
    table: Ints,
    calendars: Ints,
    events: Ints,
    text: Bytes,
    rows: Ints,
    start: int,
    words: Ints,
    words_used: Ints,
    slot_at: Ints,
    profiles: Ints,
    decided: Ints,
    impacts: Ints,
    notices: Ints,
    touched: Ints,
    work: Ints,
) -> tuple[int, int, int]:
    """The loop of `decide_events`."""
    for position in range(start, len(rows)):
        if position % BLOCK == 0:
            look_ahead(events, rows, position, words, slot_at, profiles)
        row = rows[position]
        _clear(decided, row, work)
        outcome, service = events[row, e.OUTCOME], NONE
        if outcome == CHARGED:
            outcome, service = find_service(table, events, row, slot_at, profiles, work)
        if outcome == CHARGED:
            call = (table, calendars, events, row, words, words_used, slot_at, profiles, service)
            room, lacking = _make_room(*call, impacts, notices, touched, work)
            if room == GROUP_FULL:
                return position, BATCH_GROW_WORDS, lacking
            if room == OUTPUT_FULL:
                return position, BATCH_GROW_OUTPUT, NONE
            if room == TOO_MANY:
                outcome = TOO_MANY_BALANCES
        if outcome == CHARGED:
            outcome = _begin(
                calendars, table, events, row, words, slot_at, profiles, service, decided, touched, work
            )
        if outcome == CHARGED:
            outcome = _decide(
                table,
                events,
                text,
                row,
                words,
                slot_at,
                profiles,
                service,
                decided,
                impacts,
                notices,
                touched,
                work,
            )
        decided[row, e.DECIDED] = outcome
    return len(rows), BATCH_DONE, NONE


@kernel
def _make_room(
    table: Ints,
    calendars: Ints,
    events: Ints,
    row: int,
    words: Ints,
    words_used: Ints,
    slot_at: Ints,
    profiles: Ints,
    service: int,
    impacts: Ints,
    notices: Ints,
    touched: Ints,
    work: Ints,
) -> tuple[int, int]:
    """What `event_room` says once every group has room; or (GROUP_FULL, the words that are lacking for that)."""
    while True:
        room, place = event_room(
            table, calendars, events, row, words, slot_at, profiles, service, impacts, notices, touched, work
        )
        if room != GROUP_FULL:
            return room, 0
        lacking = grow_group(words, words_used, slot_at, place, work)
        if lacking > 0:
            return GROUP_FULL, lacking


@kernel
def _clear(decided: Ints, row: int, work: Ints) -> None:
    work[W_TRACE] = 0
    for column in range(e.DECISION_WORDS):
        decided[row, column] = 0
    decided[row, e.DUPLICATE_OF] = NONE
    decided[row, e.IMPACT_FIRST] = work[W_IMPACTS]
    decided[row, e.NOTICE_FIRST] = work[W_NOTICES]


@kernel
def _touch(words: Ints, slot_at: Ints, slot: int, touched: Ints, work: Ints) -> None:
    """Note that this call changed the group."""
    at = slot_at[slot]
    if words[at + H_TOUCHED] != work[W_LIMITS + L_BATCH_NO]:
        words[at + H_TOUCHED] = work[W_LIMITS + L_BATCH_NO]
        touched[work[W_TOUCHED]] = slot
        work[W_TOUCHED] += 1


@kernel
def _begin(
    calendars: Ints,
    table: Ints,
    events: Ints,
    row: int,
    words: Ints,
    slot_at: Ints,
    profiles: Ints,
    service: int,
    decided: Ints,
    touched: Ints,
    work: Ints,
) -> int:
    """What comes before rating: a repeated id, a closed account, cycles that are over (the owners' too)."""
    slot = profiles[service + V_GROUP_SLOT]
    at = slot_at[slot]
    time_us = events[row, e.TIME_US]
    decided[row, e.CUSTOMER_ID] = words[at + H_CUSTOMER_ID]
    decided[row, e.USER_GROUP_ID] = words[at + H_GROUP_ID]
    decided[row, e.SUBSCRIPTION_ID] = profiles[service + V_SUBSCRIPTION_ID]
    first_position = find_recent(words, at, events[row, e.ID_HASH])
    if first_position >= 0:
        if first_position != FORGOTTEN:
            decided[row, e.DUPLICATE_OF] = first_position
        return DUPLICATE
    if words[at + H_CLOSED_AT_US] <= time_us:
        return ACCOUNT_CLOSED
    snapshots_max = work[W_LIMITS + L_SNAPSHOTS_MAX]
    member = membership_row(profiles, events[row, e.PROFILE_AT], service)
    for _ in range(profiles[service + V_MEMBERSHIPS]):
        owner = profiles[member + G_OWNER_SLOT]
        if slot_at[owner] >= 0 and cycles_over(calendars, words, slot_at[owner], time_us) > 0:
            # An owner whose bills wait too long pays from its last cycle; its own events are refused.
            _touch(words, slot_at, owner, touched, work)
            rotate_group(table, calendars, words, slot_at[owner], profiles, time_us, snapshots_max, work)
        member += MEMBERSHIP_WORDS
    if cycles_over(calendars, words, at, time_us) > 0:
        _touch(words, slot_at, slot, touched, work)
        return rotate_group(table, calendars, words, at, profiles, time_us, snapshots_max, work)
    return CHARGED


@kernel
def _decide(
    table: Ints,
    events: Ints,
    text: Bytes,
    row: int,
    words: Ints,
    slot_at: Ints,
    profiles: Ints,
    service: int,
    decided: Ints,
    impacts: Ints,
    notices: Ints,
    touched: Ints,
    work: Ints,
) -> int:
    """Rate and charge one event whose groups are in their cycle; returns its outcome."""
    version, product_id, price_id = find_rate(table, events, text, row, profiles, service, work)
    if version < 0:
        return NO_RATE
    slot = profiles[service + V_GROUP_SLOT]
    at = slot_at[slot]
    work[W_LOG] = 0
    work[W_WATCHES] = 0
    find_payers(words, profiles, events[row, e.PROFILE_AT], service, slot_at, events[row, e.TIME_US], work)
    outcome, flags = charge_event(
        table, events, text, row, words, at, version, profiles, service, impacts, work
    )
    if outcome > PARTLY_CHARGED:
        undo(words, work)
        work[W_IMPACTS] = decided[row, e.IMPACT_FIRST]
        if outcome >= REJECTED_FROM:
            return outcome
    else:
        notify(table, words, events[row, e.TIME_US], work, notices)
        _touch_owners(words, slot_at, touched, work)
    _touch(words, slot_at, slot, touched, work)
    evicted = remember(
        words,
        at,
        events[row, e.ID_HASH],
        (events[row, e.PARTITION] << POSITION_PARTITION_SHIFT) | events[row, e.OFFSET],
        events[row, e.MESSAGE_TIME_US],
        work[W_LIMITS + L_RING_MAX],
        work[W_LIMITS + L_RING_WINDOW_US],
    )
    decided[row, e.PRODUCT_ID] = product_id
    decided[row, e.PRICE_ID] = price_id
    decided[row, e.FLAGS] = flags | (FLAG_RING_EVICTED if evicted else 0)
    decided[row, e.IMPACT_COUNT] = work[W_IMPACTS] - decided[row, e.IMPACT_FIRST]
    decided[row, e.NOTICE_COUNT] = work[W_NOTICES] - decided[row, e.NOTICE_FIRST]
    return outcome


@kernel
def _touch_owners(words: Ints, slot_at: Ints, touched: Ints, work: Ints) -> None:
    """Mark the owners' groups that paid or counted."""
    for payer in range(work[W_PAYERS]):
        row = W_PAYER_ROWS + payer * PAYER_WORDS
        if work[row + Y_CHANGED] == 1:
            _touch(words, slot_at, work[row + Y_SLOT], touched, work)
