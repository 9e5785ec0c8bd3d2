"""Pure. Which price of a detail holds for an event at an instant, and until when.

The longest prefix wins, then the weight, then the latest band start (no band counts as the earliest),
then the catalogue's order. Where no rule of the longest prefix fits, the next shorter one is tried.
"""

from rating_kernels import batch_words as e
from rating_kernels import table_words as t
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import MATCH_NUMBER, MATCH_TEXT, Bytes, Ints
from rating_kernels.trace import TRACE_RULE, trace
from rating_kernels.workspace import PATH_MAX, W_PATH, W_ZONE_ROW

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
WEEK_US = 7 * DAY_US
# 1970-01-01 was a Thursday; weeks here begin on Monday.
EPOCH_IN_WEEK_US = 3 * 86_400 * SECOND_US
NO_PRICE = -1


@kernel
def walk_prefix(table: Ints, detail: int, events: Ints, text: Bytes, row: int, work: Ints) -> int:
    """List in the workspace the trie nodes that the event's prefix field passes; returns how many."""
    node = table[table[t.DETAIL_ROOT] + detail]
    work[W_PATH] = node
    depth = 1
    slot = table[table[t.DETAIL_PREFIX_FIELD] + detail]
    if slot < 0:
        return depth
    at = events[row, e.FIELD_AT + slot]
    length = events[row, e.FIELD_LENGTH + slot]
    if at < 0:
        return depth
    for i in range(length):
        if depth == PATH_MAX:
            break
        byte = text[at + i]
        child = -1
        for edge in range(table[table[t.NODE_EDGE_FIRST] + node], table[table[t.NODE_EDGE_FIRST] + node + 1]):
            if table[table[t.EDGE_BYTE] + edge] == byte:
                child = table[table[t.EDGE_NODE] + edge]
                break
        if child < 0:
            break
        node = child
        work[W_PATH + depth] = node
        depth += 1
    return depth


@kernel
def conditions_hold(table: Ints, rule: int, events: Ints, text: Bytes, row: int) -> bool:
    """Whether every condition of a rule fits the event's fields; an absent field fits none."""
    for condition in range(
        table[table[t.RULE_CONDITION_FIRST] + rule], table[table[t.RULE_CONDITION_FIRST] + rule + 1]
    ):
        field = table[table[t.CONDITION_FIELD] + condition]
        length = events[row, e.FIELD_LENGTH + field]
        kind = table[table[t.CONDITION_KIND] + condition]
        low = table[table[t.CONDITION_LOW] + condition]
        high = table[table[t.CONDITION_HIGH] + condition]
        at = events[row, e.FIELD_AT + field]
        if length < 0:
            return False
        if kind == MATCH_TEXT:
            if at < 0 or length != high:
                return False
            for i in range(length):
                if text[at + i] != table[table[t.TEXT] + low + i]:
                    return False
        else:
            if at >= 0:
                return False
            number = events[row, e.FIELD_NUMBER + field]
            if kind == MATCH_NUMBER:
                if number != low:
                    return False
            elif not low <= number < high:
                return False
    return True


@kernel
def zone_at(table: Ints, zone: int, time_us: int, work: Ints) -> int:
    """Row of the zone's offset in force at an instant; most often that of the event before."""
    low = table[table[t.ZONE_FIRST] + zone]
    high = table[table[t.ZONE_FIRST] + zone + 1] - 1
    last = work[W_ZONE_ROW]
    if (
        low <= last < high
        and table[table[t.ZONE_FROM_US] + last] <= time_us < table[table[t.ZONE_FROM_US] + last + 1]
    ):
        return last
    while low < high:
        middle = (low + high + 1) // 2
        if table[table[t.ZONE_FROM_US] + middle] <= time_us:
            low = middle
        else:
            high = middle - 1
    work[W_ZONE_ROW] = low
    return low


@kernel
def week_position_us(table: Ints, version: int, zone_row: int, time_us: int) -> int:
    """Microseconds since Monday 00:00 of the local week; special days of the version follow Sunday."""
    local_us = time_us + table[table[t.ZONE_OFFSET_S] + zone_row] * SECOND_US
    low = table[table[t.VERSION_SPECIAL_FIRST] + version]
    high = table[table[t.VERSION_SPECIAL_FIRST] + version + 1]
    if low < high:
        day = local_us // DAY_US
        end = high
        while low < high:
            middle = (low + high) // 2
            if table[table[t.SPECIAL_DAY] + middle] < day:
                low = middle + 1
            else:
                high = middle
        if low < end and table[table[t.SPECIAL_DAY] + low] == day:
            return WEEK_US + table[table[t.SPECIAL_KIND] + low] * DAY_US + local_us % DAY_US
    return (local_us + EPOCH_IN_WEEK_US) % WEEK_US


@kernel
def band_slot(table: Ints, detail: int, position_us: int) -> int:
    """Slot of the detail's week in which a position lies."""
    first = table[table[t.DETAIL_BREAK_FIRST] + detail]
    low, high = first, table[table[t.DETAIL_BREAK_FIRST] + detail + 1] - 1
    second = position_us // SECOND_US
    while low < high:
        middle = (low + high + 1) // 2
        if table[table[t.BREAK_SECOND] + middle] <= second:
            low = middle
        else:
            high = middle - 1
    return low - first


@kernel
def holds_until_us(
    table: Ints, version: int, zone_row: int, detail: int, slot: int, position_us: int, time_us: int
) -> int:
    """The first instant at which another band, or another offset of the zone, may be in force."""
    next_break = table[table[t.DETAIL_BREAK_FIRST] + detail] + slot + 1
    end_us = WEEK_US
    if table[table[t.VERSION_SPECIAL_FIRST] + version] < table[table[t.VERSION_SPECIAL_FIRST] + version + 1]:
        # Any next day may be a special one, and after one comes an ordinary week's day.
        end_us = position_us - position_us % DAY_US + DAY_US
    if next_break < table[table[t.DETAIL_BREAK_FIRST] + detail + 1]:
        end_us = min(end_us, table[table[t.BREAK_SECOND] + next_break] * SECOND_US)
    zone = table[table[t.VERSION_ZONE] + version]
    until_us = time_us + end_us - position_us
    if (
        zone_row + 1 < table[table[t.ZONE_FIRST] + zone + 1]
        and table[table[t.ZONE_FROM_US] + zone_row + 1] < until_us
    ):
        until_us = table[table[t.ZONE_FROM_US] + zone_row + 1]
    return until_us


@kernel
def select_price(table: Ints, slot: int, events: Ints, text: Bytes, row: int, work: Ints, depth: int) -> int:
    """The price in force in a slot of the detail's week, or NO_PRICE."""
    for level in range(depth - 1, -1, -1):
        node = work[W_PATH + level]
        best = NO_PRICE
        best_rule = 0
        best_weight = 0
        best_start = -2
        for rule in range(table[table[t.NODE_RULE_FIRST] + node], table[table[t.NODE_RULE_FIRST] + node + 1]):
            weight = table[table[t.RULE_WEIGHT] + rule]
            # Rules stand by weight descending: a lighter one cannot win any more.
            if best != NO_PRICE and weight < best_weight:
                break
            start = -1
            band = table[table[t.RULE_BAND] + rule]
            if band >= 0:
                start = table[table[t.BAND_SLOT_START] + table[table[t.BAND_SLOT_FIRST] + band] + slot]
                if start < 0:
                    continue
            if start <= best_start or not conditions_hold(table, rule, events, text, row):
                continue
            best, best_weight, best_start = table[table[t.RULE_PRICE] + rule], weight, start
            best_rule = rule
        if best != NO_PRICE:
            trace(work, TRACE_RULE, best_rule, level, table[table[t.RULE_BAND] + best_rule], best_start)
            return best
    return NO_PRICE
