"""Pure. Thresholds that an event crosses, each once per crossing (DECISIONS 6-7).

A watch is (offset of the image, resource, total before), taken before the first change of that total.
work[W_WATCHES] counts them.
"""

from rating_kernels import batch_words as d
from rating_kernels import table_words as t
from rating_kernels.balances import granted_valid
from rating_kernels.charge_group import NO_LIMIT, limit_and_total, total_booked
from rating_kernels.group_image import H_GROUP_ID
from rating_kernels.kernel import kernel
from rating_kernels.quantities import round_div
from rating_kernels.tariff_table import DOWN, THRESHOLD_PERCENT, Ints
from rating_kernels.workspace import W_NOTICES, W_WATCH_ROWS, W_WATCHES, WATCH_WORDS


@kernel
def watch(table: Ints, at: int, resource: int, limit: int, total: int, work: Ints) -> None:
    """Note the total before it changes, where the group's limit for the resource has thresholds."""
    if (
        limit == NO_LIMIT
        or table[table[t.LIMIT_THRESHOLD_FIRST] + limit] == table[table[t.LIMIT_THRESHOLD_FIRST] + limit + 1]
    ):
        return
    for n in range(work[W_WATCHES]):
        if (
            work[W_WATCH_ROWS + n * WATCH_WORDS] == at
            and work[W_WATCH_ROWS + 1 + n * WATCH_WORDS] == resource
        ):
            return
    entry = W_WATCH_ROWS + work[W_WATCHES] * WATCH_WORDS
    work[entry] = at
    work[entry + 1] = resource
    work[entry + 2] = limit
    work[entry + 3] = total
    work[W_WATCHES] += 1


@kernel
def find_and_watch(table: Ints, words: Ints, at: int, resource: int, time_us: int, work: Ints) -> None:
    """Watch a total whose limit nobody else asks for."""
    limit, total = limit_and_total(table, words, at, resource, time_us)
    watch(table, at, resource, limit, total, work)


@kernel
def threshold_amount(table: Ints, words: Ints, at: int, limit: int, threshold: int, time_us: int) -> int:
    """The amount at which a threshold stands. A percent is of free units, and goes from what was granted."""
    value = table[table[t.THRESHOLD_VALUE] + threshold]
    if table[table[t.THRESHOLD_KIND] + threshold] != THRESHOLD_PERCENT:
        return value
    resource = table[table[t.LIMIT_RESOURCE] + limit]
    floor = -granted_valid(words, at, table[table[t.RESOURCE_ID] + resource], time_us)
    return floor + round_div((table[table[t.LIMIT_AMOUNT] + limit] - floor) * value, 100, DOWN)


@kernel
def notify(table: Ints, words: Ints, time_us: int, work: Ints, notices: Ints) -> None:
    """Write a notice for each threshold between the totals before and after."""
    for n in range(work[W_WATCHES]):
        entry = W_WATCH_ROWS + n * WATCH_WORDS
        at, resource, limit, before = work[entry], work[entry + 1], work[entry + 2], work[entry + 3]
        resource_id = table[table[t.RESOURCE_ID] + resource]
        after = total_booked(words, at, resource_id, time_us)
        if after == before:
            continue
        for threshold in range(
            table[table[t.LIMIT_THRESHOLD_FIRST] + limit], table[table[t.LIMIT_THRESHOLD_FIRST] + limit + 1]
        ):
            amount = threshold_amount(table, words, at, limit, threshold, time_us)
            if before < amount <= after:
                _add_notice(notices, work, words[at + H_GROUP_ID], resource_id, 1, amount, before, after)
            elif after < amount <= before:
                _add_notice(notices, work, words[at + H_GROUP_ID], resource_id, -1, amount, before, after)


@kernel
def _add_notice(
    notices: Ints,
    work: Ints,
    group_id: int,
    resource_id: int,
    direction: int,
    amount: int,
    before: int,
    after: int,
) -> None:
    n = work[W_NOTICES]
    notices[n, d.NOTICE_GROUP_ID] = group_id
    notices[n, d.NOTICE_RESOURCE_ID] = resource_id
    notices[n, d.NOTICE_DIRECTION] = direction
    notices[n, d.NOTICE_THRESHOLD] = amount
    notices[n, d.NOTICE_BEFORE] = before
    notices[n, d.NOTICE_AFTER] = after
    work[W_NOTICES] = n + 1
