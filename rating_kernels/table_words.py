"""Pure. A compiled catalogue as one array of words: the form in which kernels read it.

Sixty arrays as arguments cost a kernel call more than the work it does, and its compilation minutes. So
the columns of a TariffTable lie one behind the other in one array, headed by their offsets: entry i of
column X is `table[table[t.X] + i]`, with this module imported as `t`; a column's length is the distance
to the next offset.
"""

import numpy as np

from rating_kernels.tariff_table import CalendarTable, Ints, TariffTable

(
    EVENT_TYPE_SERVICE_TYPE,
    EVENT_TYPE_QUANTITY_MAX,
    RESOURCE_ID,
    RESOURCE_ORDER,
    RESOURCE_ROUNDING,
    RESOURCE_STEP,
    PLAN_ID,
    PLAN_VERSION_FIRST,
    VERSION_VALID_FROM_US,
    VERSION_ZONE,
    VERSION_BAND_MODE,
    VERSION_UNIT_US,
    VERSION_SPECIAL_FIRST,
    SPECIAL_DAY,
    SPECIAL_KIND,
    VERSION_DETAIL_FIRST,
    DETAIL_RESOURCE,
    DETAIL_ITEM_ID,
    DETAIL_CHARGE_TAG_ID,
    DETAIL_RESOURCE_TAG_ID,
    DETAIL_ROUNDING,
    DETAIL_STEP,
    DETAIL_DENOMINATOR,
    DETAIL_PREFIX_FIELD,
    DETAIL_ROOT,
    DETAIL_PRICE,
    DETAIL_BREAK_FIRST,
    BREAK_SECOND,
    DETAIL_TAX,
    DETAIL_TAX_ITEM_ID,
    DETAIL_ALLOWANCE_FIRST,
    ALLOWANCE_RESOURCE,
    ALLOWANCE_NUM,
    ALLOWANCE_DEN,
    NODE_EDGE_FIRST,
    EDGE_BYTE,
    EDGE_NODE,
    NODE_RULE_FIRST,
    RULE_WEIGHT,
    RULE_BAND,
    RULE_PRICE,
    RULE_CONDITION_FIRST,
    CONDITION_FIELD,
    CONDITION_KIND,
    CONDITION_LOW,
    CONDITION_HIGH,
    TEXT,
    BAND_SLOT_FIRST,
    BAND_SLOT_START,
    PRICE_ID,
    PRICE_CONNECT_NUM,
    PRICE_FLAT_NUM,
    PRICE_MINIMUM_NUM,
    PRICE_MAXIMUM_NUM,
    PRICE_CAP,
    PRICE_MODEL,
    PRICE_SCOPE,
    PRICE_FREE_EVENTS,
    PRICE_FREE_QUANTITY,
    PRICE_PERIOD_FIRST,
    PERIOD_FROM,
    PERIOD_INCREMENT,
    PERIOD_INCREMENT_NUM,
    PERIOD_FLAT_NUM,
    DISCOUNT_ID,
    DISCOUNT_RESOURCE,
    DISCOUNT_NUM,
    DISCOUNT_DEN,
    DISCOUNT_CHARGE_TAG_FIRST,
    DISCOUNT_CHARGE_TAG_ID,
    DISCOUNT_RESOURCE_TAG_FIRST,
    DISCOUNT_RESOURCE_TAG_ID,
    TAX_RATE_FIRST,
    TAX_FROM_US,
    TAX_TO_US,
    TAX_NUM,
    TAX_DEN,
    ZONE_FIRST,
    ZONE_FROM_US,
    ZONE_OFFSET_S,
    CREDIT_ID,
    CREDIT_LIMIT_FIRST,
    LIMIT_RESOURCE,
    LIMIT_FLOOR,
    LIMIT_AMOUNT,
    LIMIT_BREACH,
    LIMIT_THRESHOLD_FIRST,
    THRESHOLD_KIND,
    THRESHOLD_VALUE,
    POLICY_ID,
    POLICY_SERVICE_TYPES,
    POLICY_RESOURCES,
    POLICY_TAG_FIRST,
    POLICY_TAG_ID,
    POLICY_PERCENT,
    POLICY_STRATEGY,
    POLICY_EXHAUSTED,
    POLICY_CAP_MEMBER,
    POLICY_CAP_GROUP,
    POLICY_SHARED_TIERS,
    ROOM_ROWS,
) = range(101)

_COLUMN_NUMBERS = {
    name.lower(): number
    for name, number in list(globals().items())
    if name.isupper() and isinstance(number, int)
}
assert sorted(_COLUMN_NUMBERS, key=lambda name: _COLUMN_NUMBERS[name]) == list(TariffTable._fields)


def table_words(table: TariffTable) -> Ints:
    """The columns in one array; made once per catalogue version."""
    lengths = np.array([0, *(len(column) for column in table)], np.int64)
    offsets = len(table) + 1 + np.cumsum(lengths)
    return np.concatenate([offsets, *(np.asarray(column, np.int64) for column in table)])


def calendar_words(calendars: CalendarTable) -> Ints:
    """Boundaries of calendar i are words[words[i] : words[i + 1]]."""
    offsets = calendars.boundary_first + len(calendars.boundary_first)
    return np.concatenate([offsets, calendars.boundary_us])
