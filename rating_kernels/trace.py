"""Pure. What a decision looked at, for `--explain`: the kernels note it while they decide, if asked to.

One decision, one implementation: an explanation is what was noted on the way, never a second computation.
Each row is a kind and what the comment beside it says.
"""

from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Ints
from rating_kernels.workspace import TRACE_MAX, TRACE_WORDS, W_TRACE, W_TRACE_ON, W_TRACE_ROWS

(
    TRACE_PRODUCT,  # product id, rate plan index, version or -1, why (PRODUCT_*)
    TRACE_DETAIL,  # detail, resource index
    TRACE_COVERED,  # quantity covered by allowances so far
    TRACE_FREE,  # quantity that the cycle gives for nothing, events before, quantity before
    TRACE_PRICE,  # price index or -1, bytes of prefix matched at most, detail, elapsed, instant in us
    TRACE_PERIOD,  # period index, elapsed, increments, sum in 1/denominator
    TRACE_TIERS,  # price index, quantity before, quantity after, sum before, sum after (1/denominator)
    TRACE_TOTAL,  # connect and flat in 1/denominator, total in 1/denominator, capped or not
    TRACE_ROUNDED,  # amount in stored units
    TRACE_DISCOUNT,  # discount id, amount off, net after
    TRACE_TAX,  # tax index, tax amount, gross
    TRACE_POLICY,  # sharing id, policy index, owner's group id, why (POLICY_*)
    TRACE_BALANCE,  # group id, balance id, amount before, used, why (BALANCE_*)
    TRACE_LIMIT,  # group id, resource index, limit amount, total before, allowed amount
    TRACE_THRESHOLD,  # group id, resource id, threshold, before, after
) = range(15)

PRODUCT_CHOSEN, PRODUCT_NOT_VALID, PRODUCT_NO_VERSION, PRODUCT_NO_PRICE = range(4)
POLICY_APPLIES, POLICY_NOT_VALID, POLICY_NOT_HERE, POLICY_OTHER_USE = range(4)
BALANCE_USED, BALANCE_OTHER_RESOURCE, BALANCE_NOT_VALID, BALANCE_EMPTY, BALANCE_OWED, BALANCE_NOT_NEEDED = (
    range(6)
)


@kernel
def trace(work: Ints, kind: int, a: int, b: int, c: int, d: int, e: int) -> None:
    """Note a step of the decision, where somebody asked for it; what does not fit is left out."""
    if work[W_TRACE_ON] == 0 or work[W_TRACE] == TRACE_MAX:
        return
    row = W_TRACE_ROWS + work[W_TRACE] * TRACE_WORDS
    work[row] = kind
    work[row + 1] = a
    work[row + 2] = b
    work[row + 3] = c
    work[row + 4] = d
    work[row + 5] = e
    work[W_TRACE] += 1
