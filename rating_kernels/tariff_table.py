"""Pure. A compiled catalogue as columns: what the kernels read to find a price.

Two kinds of number name a thing. An *id* is stable for ever (31 bits derived from its code, see
`config`), and is what records hold. An *index* is its row in the columns of this table, and is valid
for one catalogue version only. `x_first` columns are offsets in the manner of CSR: the rows that
belong to x are `x_first[x] : x_first[x + 1]`, so they have one entry more than x has rows.

Amounts are in the stored unit of their resource: millionths for money, 10**-decimals for the rest.
A price is exact: every `*_num` of a detail's prices counts `1 / detail_denominator` of that unit.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

# Consumption orders in the numbering of Oracle BRM's PinConsumptionRule (1 is the default).
EST, LST, EET, LET, ESTLET, ESTEET, LSTEET, LSTLET, EETEST, EETLST, LETEST, LETLST = range(1, 13)

# Rounding modes.
HALF_UP, HALF_EVEN, UP, DOWN, FLOOR = range(5)

# What ends a price that would pass its maximum: nothing is set, free beyond, or only the use is cut.
CAP_NONE, CAP_FREE, CAP_DISCONNECT = range(3)

# How a price goes by quantity: periods of the event, each part at its tier, or all at the tier reached.
BY_PERIOD, GRADUATED, VOLUME = range(3)

# What tiers count: the event, or everything that the price was used for in the cycle.
PER_EVENT, PER_CYCLE = range(2)

# When a time band is looked up: once at the start of the event, or again at each increment.
PRICE_AT_START, SPLIT_AT_BANDS = range(2)

# How a rule tests a field.
MATCH_TEXT, MATCH_NUMBER, MATCH_RANGE = range(3)

# What happens to an event that would pass the credit limit.
BREACH_DENY, BREACH_UP_TO_LIMIT, BREACH_ALLOW = range(3)

# How a threshold is given: as an amount, or in percent of the way from what was granted to the limit.
THRESHOLD_AMOUNT, THRESHOLD_PERCENT = range(2)

OWNER_FIRST, MEMBER_FIRST = range(2)
SPILL_TO_MEMBER, DENY_WHEN_EXHAUSTED = range(2)

# Resources, and service types, of a catalogue: a policy keeps those it covers as bits of a word.
BITS_MAX = 62

# Text and number fields of an event that rules may test; a wider event type is refused by the catalogue.
FIELDS_MAX = 8

SECONDS_PER_DAY = 86_400
SECONDS_PER_WEEK = 7 * SECONDS_PER_DAY


class TariffTable(NamedTuple):
    """Columns of one catalogue version. All int64 but `text`, which is uint8."""

    # Event types.
    event_type_service_type: Ints  # index of the service type
    event_type_quantity_max: Ints  # in the event type's smallest unit

    # Resources.
    resource_id: Ints
    resource_order: Ints  # EST .. LETLST
    resource_rounding: Ints  # HALF_UP .. FLOOR
    resource_step: Ints  # amounts are rounded to whole multiples of this, in stored units

    # Rate plans -> versions (ascending by valid_from) -> details.
    plan_id: Ints
    plan_version_first: Ints
    version_valid_from_us: Ints
    version_zone: Ints  # index into zone_first
    version_band_mode: Ints  # PRICE_AT_START or SPLIT_AT_BANDS
    version_unit_us: Ints  # time that one of the event's smallest unit lasts; 0 = quantities are no time
    version_special_first: Ints  # CSR: the special days that its bands know
    special_day: Ints  # days since 1970-01-01 of a local date, ascending within the version
    special_kind: Ints  # 0, 1, ...: which of the days after Sunday it is in the version's weeks
    version_detail_first: Ints
    detail_resource: Ints  # index
    detail_item_id: Ints  # the bill item, general ledger, tax and resource it is booked to; 0 = none
    detail_charge_tag_id: Ints  # 0 = none
    detail_resource_tag_id: Ints  # 0 = none
    detail_rounding: Ints
    detail_step: Ints
    detail_denominator: Ints
    detail_prefix_field: Ints  # field slot matched by longest prefix; -1 = none
    detail_root: Ints  # trie node at which the match starts; its own rules are the empty prefix
    detail_price: (
        Ints  # index of the price, where its only rule fits every event at any time; -1 = look for one
    )
    detail_break_first: Ints  # CSR into break_second: where in the local week bands start or end
    break_second: Ints  # second of the local week (Monday 00:00 = 0; special days follow Sunday), ascending
    detail_tax: Ints  # index of the tax charged with the event; -1 = taxed on the bill, or not at all
    detail_tax_item_id: Ints  # item that the tax of its events is booked to
    detail_allowance_first: Ints  # CSR: resources consumed before this detail charges, in order
    allowance_resource: Ints  # index
    allowance_num: Ints  # units of the allowance per quantity = num / den, rounded up
    allowance_den: Ints

    # Prefix tries: nodes with edges sorted by byte, and the rules that stand at each node.
    node_edge_first: Ints
    edge_byte: Ints
    edge_node: Ints
    node_rule_first: Ints  # rules of a node, by weight descending, then in the catalogue's order
    rule_weight: Ints
    rule_band: Ints  # index; -1 = any time, which counts as the earliest start
    rule_price: Ints  # index
    rule_condition_first: Ints
    condition_field: Ints  # field slot
    condition_kind: Ints  # MATCH_*
    condition_low: Ints  # MATCH_TEXT: offset in text; MATCH_NUMBER: value; MATCH_RANGE: low, inclusive
    condition_high: Ints  # MATCH_TEXT: length; MATCH_RANGE: high, exclusive
    text: Bytes

    # Bands: for each slot of its detail (see break_second) the second of day at which the band that
    # is in force there started, or -1 where it is not in force.
    band_slot_first: Ints
    band_slot_start: Ints

    # Prices.
    price_id: Ints
    price_connect_num: Ints  # once per event, if anything is priced
    price_flat_num: Ints  # once per event, whatever the quantity
    price_minimum_num: Ints  # -1 = none
    price_maximum_num: Ints  # -1 = none
    price_cap: Ints  # CAP_*: what the maximum does
    price_model: Ints  # BY_PERIOD, GRADUATED, VOLUME
    price_scope: Ints  # PER_EVENT, PER_CYCLE: what tiers count
    price_free_events: Ints  # events of the cycle that cost nothing; -1 = not set
    price_free_quantity: Ints  # quantity of the cycle that costs nothing, of these events if both are set; -1
    price_period_first: Ints  # CSR: periods, or tiers
    period_from: Ints  # quantity after which the period or tier begins; the first is 0
    period_increment: Ints  # quantity of one increment or block, >= 1
    period_increment_num: Ints  # price of one whole increment
    period_flat_num: Ints  # what entering the tier costs

    # Discounts -> tags they look for (none = any).
    discount_id: Ints
    discount_resource: Ints  # index
    discount_num: Ints  # of the net amount, num / den; den = 0: num stored units off
    discount_den: Ints
    discount_charge_tag_first: Ints
    discount_charge_tag_id: Ints
    discount_resource_tag_first: Ints
    discount_resource_tag_id: Ints

    # Taxes charged with the event -> rates, ascending, half-open.
    tax_rate_first: Ints
    tax_from_us: Ints
    tax_to_us: Ints
    tax_num: Ints  # of the net amount, num / den
    tax_den: Ints

    # Time zones: local = utc + offset; zone_offset_s holds from zone_from_us on; the first is "ever".
    zone_first: Ints
    zone_from_us: Ints
    zone_offset_s: Ints

    # Credit profiles, one row per (credit profile, payment type), ascending by id -> limits -> thresholds.
    credit_id: Ints
    credit_limit_first: Ints
    limit_resource: Ints  # index
    limit_floor: Ints
    limit_amount: Ints  # AMOUNT_MAX = no limit
    limit_breach: Ints  # BREACH_*
    limit_threshold_first: Ints
    threshold_kind: Ints  # THRESHOLD_*; percent only of free units, whose floor is what was granted
    threshold_value: Ints  # amount, or percent

    # Sharing policies.
    policy_id: Ints
    policy_service_types: Ints  # bit per service type index
    policy_resources: Ints  # bit per resource index
    policy_tag_first: Ints  # CSR: charge tag ids it covers; none = all
    policy_tag_id: Ints
    policy_percent: Ints  # 1..100
    policy_strategy: Ints  # OWNER_FIRST, MEMBER_FIRST
    policy_exhausted: Ints  # SPILL_TO_MEMBER, DENY_WHEN_EXHAUSTED
    policy_cap_member: Ints  # per cycle and resource, in stored units; -1 = none
    policy_cap_group: Ints
    policy_shared_tiers: Ints  # 1: tiers of a cycle count the whole group's use

    # What one event can add to a group at the most: rows of balances, items, counters.
    room_rows: Ints


class CalendarTable(NamedTuple):
    """Cycle boundaries of the calendars in use; a group's header holds the index of its calendar."""

    boundary_first: Ints  # CSR
    boundary_us: Ints  # ascending local midnights at which cycles start
