"""Pure. A batch in columns: events on the way in, decisions on the way out.

Rows are events in arrival order. Strings of the events lie in one blob of bytes.
"""

from typing import NamedTuple

from rating_kernels.tariff_table import Bytes, Ints


class EventColumns(NamedTuple):
    """What decoding hands on. A row whose outcome is not 0 was rejected before it came to a decision."""

    outcome: Ints  # Outcome; 0 = to be decided
    partition: Ints
    offset: Ints
    event_index: Ints  # place of the event within its message
    message_time_us: Ints
    event_type: Ints  # index in the catalogue; -1 = unknown
    time_us: Ints
    quantity: Ints  # in the event type's smallest unit
    id_hash: Ints  # 64-bit hash of (source, id)
    profile_at: Ints  # offset of the profile image; -1 = no such identifier
    identifier_no: Ints  # which identifier of that customer
    field_at: Ints  # FIELDS_MAX per row, row after row: offset in text; -1 = absent or a number
    field_length: Ints  # in bytes; -1 = absent
    field_number: Ints  # value of a number field
    text: Bytes


# What one impact does to its balance. The last three are for information: what came off the amount (balance =
# the discount's id), how much of an item (balance = its id) is tax and counts in the tax's, and what the
# credit limit left uncharged.
IMPACT_ALLOWANCE, IMPACT_CREDIT, IMPACT_OWED, IMPACT_DISCOUNT, IMPACT_TAX, IMPACT_UNRATED = range(6)

# Flags of a decided event.
FLAG_LATE = 1  # its cycle was sealed: charged to the open cycle
FLAG_SHARED = 2  # somebody else paid, at least in part
FLAG_CAPPED = 4  # the price's maximum held it back
FLAG_RING_EVICTED = 8  # an event id younger than the window left the ring


class DecisionColumns(NamedTuple):
    """What the kernel writes. Event columns have a row per event; the others are filled from the front."""

    outcome: Ints
    flags: Ints
    customer_id: Ints
    subscription_id: Ints
    group_id: Ints  # the user's balance group
    product_id: Ints
    price_id: Ints
    duplicate_of: Ints  # position of the first one, for DUPLICATE; -1 otherwise
    impact_first: Ints
    impact_count: Ints
    notice_first: Ints
    notice_count: Ints

    impact_kind: Ints
    impact_group_id: Ints  # whose balance: the payer
    impact_balance_id: Ints
    impact_resource_id: Ints
    impact_item_id: Ints
    impact_quantity: Ints  # quantity of the event that this impact covers
    impact_amount: Ints  # signed, in the resource's stored unit

    notice_group_id: Ints
    notice_resource_id: Ints
    notice_direction: Ints  # +1 upward, -1 downward
    notice_threshold: Ints
    notice_before: Ints
    notice_after: Ints

    touched_slot: Ints  # slots of the groups changed by the call, each once
    used: Ints  # [impacts, notices, touched] filled so far


# What a call of the batch kernel ends with.
BATCH_DONE, BATCH_GROW_WORDS, BATCH_GROW_OUTPUT = range(3)

# Settings of a decision, in one array so that they are one argument.
L_HORIZON_US, L_AHEAD_US, L_RING_MAX, L_RING_WINDOW_US, L_SNAPSHOTS_MAX, L_BATCH_NO = range(6)
LIMITS = 6
