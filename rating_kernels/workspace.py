"""Pure. One array for all that a call of the batch kernel keeps beside its state: nothing is made per event.

Limits come in with it; counts of what was filled go out with it. The rest is scratch of one event.
"""

import numpy as np

from rating_kernels.batch_columns import LIMITS
from rating_kernels.tariff_table import Ints

# Filled so far of impacts, notices and touched groups.
W_IMPACTS, W_NOTICES, W_TOUCHED = range(3)
# Settings of the decision, in the order of batch_columns.L_*.
W_LIMITS = 3

# What the event has changed: count, then (offset, old value) for each write. Balances burnt plus a few
# per detail; the batch kernel does not begin an event whose groups hold more than this leaves room for.
LOG_MAX = 8_192
W_LOG = W_LIMITS + LIMITS
W_LOG_ENTRIES = W_LOG + 1

# Totals whose thresholds are watched: count, then the rows of `thresholds`. One per payer and resource.
WATCHES_MAX = 64
WATCH_WORDS = 4
W_WATCHES = W_LOG_ENTRIES + 2 * LOG_MAX
W_WATCH_ROWS = W_WATCHES + 1

# Memberships that hold for the event: count, then the rows of `sharing`. A customer with more uses the best.
PAYERS_MAX = 16
PAYER_WORDS = 3
W_PAYERS = W_WATCH_ROWS + WATCH_WORDS * WATCHES_MAX
W_PAYER_ROWS = W_PAYERS + 1

# Trie nodes that a prefix lookup passed: prefixes are at most 63 bytes.
PATH_MAX = 64
W_PATH = W_PAYER_ROWS + PAYER_WORDS * PAYERS_MAX
WORKSPACE_WORDS = W_PATH + PATH_MAX


def new_workspace(limits: Ints) -> Ints:
    """An empty workspace with these limits."""
    assert len(limits) == LIMITS
    work = np.zeros(WORKSPACE_WORDS, np.int64)
    work[W_LIMITS : W_LIMITS + LIMITS] = limits
    return work
