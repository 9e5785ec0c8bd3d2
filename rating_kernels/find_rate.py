"""Pure. From an event to its service, and from the service to the product and rate plan that price it."""

from rating_kernels import batch_words as e
from rating_kernels import table_words as t
from rating_kernels.batch_columns import L_AHEAD_US, L_HORIZON_US
from rating_kernels.kernel import kernel
from rating_kernels.outcomes import Outcome
from rating_kernels.price_event import first_price
from rating_kernels.profile_image import (
    CANDIDATE_WORDS,
    K_PLAN,
    K_PRODUCT_ID,
    K_VALID_FROM_US,
    K_VALID_TO_US,
    P_CANDIDATES_AT,
    P_SERVICES,
    P_SERVICES_AT,
    SERVICE_WORDS,
    V_CANDIDATE_FIRST,
    V_CANDIDATES,
    V_GROUP_SLOT,
    V_IDENTIFIER_NO,
    V_SERVICE_TYPE,
    V_SUBSCRIPTION_ID,
    V_VALID_FROM_US,
    V_VALID_TO_US,
)
from rating_kernels.select_price import NO_PRICE, walk_prefix
from rating_kernels.tariff_table import Bytes, Ints
from rating_kernels.trace import (
    PRODUCT_CHOSEN,
    PRODUCT_NO_PRICE,
    PRODUCT_NO_VERSION,
    PRODUCT_NOT_VALID,
    SERVICE_FOUND,
    SERVICE_NOT_VALID,
    SERVICE_OTHER_TYPE,
    TRACE_PRODUCT,
    TRACE_SERVICE,
    trace,
)
from rating_kernels.workspace import W_LIMITS, W_PRICES, W_TRACE_ON

CHARGED = int(Outcome.CHARGED)
UNKNOWN_EVENT_TYPE, UNKNOWN_IDENTIFIER = int(Outcome.UNKNOWN_EVENT_TYPE), int(Outcome.UNKNOWN_IDENTIFIER)
NO_SERVICE = int(Outcome.NO_SERVICE)
TOO_OLD, IN_FUTURE = int(Outcome.TOO_OLD), int(Outcome.IN_FUTURE)
QUANTITY_OUT_OF_RANGE = int(Outcome.QUANTITY_OUT_OF_RANGE)
NONE = -1


@kernel
def find_service(
    table: Ints, events: Ints, row: int, slot_at: Ints, profiles: Ints, work: Ints
) -> tuple[int, int]:
    """(CHARGED, offset of the service row) or (why the event is refused, NONE)."""
    event_type = events[row, e.EVENT_TYPE]
    if event_type < 0:
        return UNKNOWN_EVENT_TYPE, NONE
    time_us = events[row, e.TIME_US]
    horizon_us, ahead_us = work[W_LIMITS + L_HORIZON_US], work[W_LIMITS + L_AHEAD_US]
    if horizon_us > 0 and time_us < events[row, e.MESSAGE_TIME_US] - horizon_us:
        return TOO_OLD, NONE
    if ahead_us > 0 and time_us > events[row, e.MESSAGE_TIME_US] + ahead_us:
        return IN_FUTURE, NONE
    if not 0 <= events[row, e.QUANTITY] <= table[table[t.EVENT_TYPE_QUANTITY_MAX] + event_type]:
        return QUANTITY_OUT_OF_RANGE, NONE
    profile_at = events[row, e.PROFILE_AT]
    if profile_at < 0:
        return UNKNOWN_IDENTIFIER, NONE
    service_type = table[table[t.EVENT_TYPE_SERVICE_TYPE] + event_type]
    service = profile_at + profiles[profile_at + P_SERVICES_AT]
    for _ in range(profiles[profile_at + P_SERVICES]):
        if (
            profiles[service + V_SERVICE_TYPE] == service_type
            and profiles[service + V_IDENTIFIER_NO] == events[row, e.IDENTIFIER_NO]
            and profiles[service + V_VALID_FROM_US] <= time_us < profiles[service + V_VALID_TO_US]
            and slot_at[profiles[service + V_GROUP_SLOT]] >= 0
        ):
            _note_service(profiles, service, SERVICE_FOUND, work)
            return CHARGED, service
        if work[W_TRACE_ON] == 1 and profiles[service + V_IDENTIFIER_NO] == events[row, e.IDENTIFIER_NO]:
            other = profiles[service + V_SERVICE_TYPE] != service_type
            _note_service(profiles, service, SERVICE_OTHER_TYPE if other else SERVICE_NOT_VALID, work)
        service += SERVICE_WORDS
    return NO_SERVICE, NONE


@kernel
def _note_service(profiles: Ints, service: int, why: int, work: Ints) -> None:
    trace(
        work,
        TRACE_SERVICE,
        profiles[service + V_SUBSCRIPTION_ID],
        profiles[service + V_SERVICE_TYPE],
        profiles[service + V_VALID_FROM_US],
        profiles[service + V_VALID_TO_US],
        why,
    )


@kernel
def find_rate(
    table: Ints, events: Ints, text: Bytes, row: int, profiles: Ints, service: int, work: Ints
) -> tuple[int, int, int]:
    """(rate plan version, product id, price id) of the first product with a price for every detail.

    Candidates stand best first (DECISIONS 9); version NONE where none of them rates the event.
    """
    profile_at = events[row, e.PROFILE_AT]
    time_us = events[row, e.TIME_US]
    first = profiles[service + V_CANDIDATE_FIRST]
    candidate = profile_at + profiles[profile_at + P_CANDIDATES_AT] + first * CANDIDATE_WORDS
    for _ in range(profiles[service + V_CANDIDATES]):
        product_id, plan = profiles[candidate + K_PRODUCT_ID], profiles[candidate + K_PLAN]
        version, why = NONE, PRODUCT_NOT_VALID
        if profiles[candidate + K_VALID_FROM_US] <= time_us < profiles[candidate + K_VALID_TO_US]:
            version, why = version_at(table, plan, time_us), PRODUCT_NO_VERSION
            if version >= 0:
                price_id = prices_all(table, events, text, row, version, work)
                if price_id != NO_PRICE:
                    trace(work, TRACE_PRODUCT, product_id, plan, version, PRODUCT_CHOSEN)
                    return version, product_id, price_id
                why = PRODUCT_NO_PRICE
        trace(work, TRACE_PRODUCT, product_id, plan, version, why)
        candidate += CANDIDATE_WORDS
    return NONE, 0, 0


@kernel
def version_at(table: Ints, plan: int, time_us: int) -> int:
    """The version of a rate plan that is valid at an instant, or NONE before the first."""
    first = table[table[t.PLAN_VERSION_FIRST] + plan]
    version = table[table[t.PLAN_VERSION_FIRST] + plan + 1] - 1
    while version >= first and table[table[t.VERSION_VALID_FROM_US] + version] > time_us:
        version -= 1
    return version if version >= first else NONE


@kernel
def prices_all(table: Ints, events: Ints, text: Bytes, row: int, version: int, work: Ints) -> int:
    """The id of the first detail's price if every detail has one at the event's start, else NO_PRICE.

    Leaves each detail's price in the workspace.
    """
    first = table[table[t.VERSION_DETAIL_FIRST] + version]
    price_id = NO_PRICE
    for detail in range(first, table[table[t.VERSION_DETAIL_FIRST] + version + 1]):
        price = table[table[t.DETAIL_PRICE] + detail]
        if price == NO_PRICE or work[W_TRACE_ON] == 1:
            depth = walk_prefix(table, detail, events, text, row, work)
            price = first_price(table, version, detail, events, text, row, work, depth)
        if price == NO_PRICE:
            return NO_PRICE
        work[W_PRICES + detail - first] = price
        if detail == first:
            price_id = table[table[t.PRICE_ID] + price]
    return price_id
