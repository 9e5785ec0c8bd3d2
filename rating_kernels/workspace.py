"""Pure. One array for all that a call of the batch kernel keeps beside its state: nothing is made per event.

Limits come in with it; counts of what was filled go out with it. The rest is scratch of one event.
"""

import numpy as np

from rating_kernels.batch_columns import LIMITS
from rating_kernels.group_image import SECTIONS
from rating_kernels.tariff_table import BITS_MAX, Ints

# Filled so far of impacts, notices and touched groups.
W_IMPACTS, W_NOTICES, W_TOUCHED = range(3)
# Settings of the decision, in the order of batch_columns.L_*.
W_LIMITS = 3

# Details of a rate plan version; the catalogue's compiler refuses more.
DETAILS_MAX = 8

# What the event has changed: count, then (offset, old value) for each write. Balances burnt plus a few
# per detail; the batch kernel does not begin an event whose groups hold more than this leaves room for.
LOG_MAX = 8_192
W_LOG = W_LIMITS + LIMITS
W_LOG_ENTRIES = W_LOG + 1

# Memberships that hold for the event; a customer with more uses the best.
PAYERS_MAX = 16

# Totals whose thresholds are watched: count, then the rows of `thresholds`. One for each of the payers, the
# user and each resource of a catalogue, so there is always room.
WATCHES_MAX = (PAYERS_MAX + 1) * BITS_MAX
WATCH_WORDS = 4
W_WATCHES = W_LOG_ENTRIES + 2 * LOG_MAX
W_WATCH_ROWS = W_WATCHES + 1

# Those memberships: count, then rows: offset of the owner's image, policy, sharing id,
# the owner's slot, whether the event changed the owner's group.
PAYER_WORDS = 5
Y_AT, Y_POLICY, Y_SHARING_ID, Y_SLOT, Y_CHANGED = range(PAYER_WORDS)
W_PAYERS = W_WATCH_ROWS + WATCH_WORDS * WATCHES_MAX
W_PAYER_ROWS = W_PAYERS + 1

# Trie nodes that a prefix lookup passed: prefixes are at most 63 bytes.
PATH_MAX = 64
W_PATH = W_PAYER_ROWS + PAYER_WORDS * PAYERS_MAX

# Tax that is charged with the amount at hand: what is left of it, of the gross amount, and its item.
W_TAX_LEFT, W_GROSS_LEFT, W_TAX_ITEM = range(W_PATH + PATH_MAX, W_PATH + PATH_MAX + 3)

# Row of the zone's offset that was looked up last.
W_ZONE_ROW = W_TAX_ITEM + 1

# Room of each section of a group that is laid out again.
W_CAPACITIES = W_ZONE_ROW + 1

# Price at the event's start of each detail of the rate plan version that was chosen.
W_PRICES = W_CAPACITIES + SECTIONS

# Steps of a decision, for who asks why: whether to note them, count (of those that did not fit too), then
# the rows of `trace`.
TRACE_MAX = 1_024
TRACE_WORDS = 8
W_TRACE_ON = W_PRICES + DETAILS_MAX
W_TRACE = W_TRACE_ON + 1
W_TRACE_ROWS = W_TRACE + 1
WORKSPACE_WORDS = W_TRACE_ROWS + TRACE_MAX * TRACE_WORDS


def new_workspace(limits: Ints, *, traced: bool = False) -> Ints:
    """An empty workspace with these limits; `traced`: steps of the event decided last are noted in it."""
    assert len(limits) == LIMITS
    work = np.zeros(WORKSPACE_WORDS, np.int64)
    work[W_LIMITS : W_LIMITS + LIMITS] = limits
    work[W_TRACE_ON] = int(traced)
    return work
