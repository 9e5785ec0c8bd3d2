"""Pure. What a decision looked at, for `--explain`: the kernels note it while they decide, if asked to.

One decision, one implementation: an explanation is what was noted on the way, never a second computation.
Each row is a kind and what the comment beside it says. A row that sums up stands after what it sums up
(a product after its prices, a tier's sum after its parts); everything else after the row it belongs to.
"""

from rating_kernels.kernel import kernel, rare_kernel, seldom
from rating_kernels.tariff_table import Ints
from rating_kernels.workspace import TRACE_MAX, TRACE_WORDS, W_TRACE, W_TRACE_ON, W_TRACE_ROWS

(
    TRACE_SERVICE,  # subscription id, service type index, valid from, valid to, why (SERVICE_*)
    TRACE_ROTATED,  # group id, cycles that ended before the event
    TRACE_RULE,  # rule that fits best, bytes of prefix matched, band index or -1, second of day it started
    TRACE_PRICE,  # price index or -1, detail, elapsed, instant in us, position in the version's week in us
    TRACE_PRODUCT,  # product id, rate plan index, version or -1, why (PRODUCT_*); after its details' prices
    TRACE_MEMBERSHIP,  # sharing id, policy index, owner's group id or 0, valid from, valid to, why (MEMBER_*)
    TRACE_CYCLE,  # group id, number, start, end of the cycle the event is booked to, 1 = late
    TRACE_DETAIL,  # place in the version, resource index, detail
    TRACE_POLICY,  # sharing id, policy index, owner's group id, resource index, offered or 0, why (POLICY_*)
    TRACE_CAPS,  # used of the member's cap, that cap or -1, used of the group's cap, that cap or -1
    TRACE_LIMIT,  # group id, resource index, limit or -1, total before, asked, allowed, what it says (*_LIMIT)
    TRACE_ALLOWANCE,  # group id, resource index, quantity to cover, units that takes, units at most
    TRACE_CHARGE,  # group id, resource index, amount; below 0 it is given back
    TRACE_BALANCE,  # group id, balance id, amount before, why (BALANCE_*); first the credits as they go, in order
    TRACE_VALIDITY,  # of the balance before: valid from, valid to, priority, created
    TRACE_USE,  # group id, balance id, amount before, used, after, kind (batch_columns.IMPACT_*)
    TRACE_TAKEN,  # quantity that the allowance covered, units used
    TRACE_SHORT,  # sharing id, what the pool lacks of what was offered, 1 = the policy denies the event for it
    TRACE_COVERED,  # quantity covered by all allowances of the detail, quantity of the event
    TRACE_COUNTED,  # group id, price index, quantity before, events before, quantity added
    TRACE_FREE,  # quantity that the cycle gives for nothing, 1 = the whole event
    TRACE_FEES,  # price index, connect fee that is charged, flat fee, minimum or -1 (1/denominator)
    TRACE_PERIOD,  # period index, elapsed before, elapsed after, increments, sum so far in 1/denominator
    TRACE_TIER,  # tier's index, quantity in it, blocks, what they cost with its flat fee in 1/denominator
    TRACE_TIER_SUM,  # price index, quantity from nothing, sum in 1/denominator; after its tiers
    TRACE_TIERS,  # price index, quantity before, quantity after, sum before, sum after (1/denominator)
    TRACE_TOTAL,  # total in 1/denominator, the same between minimum and maximum, 1 = the maximum held it, price
    TRACE_ROUNDED,  # amount in stored units, total, denominator
    TRACE_DISCOUNT,  # discount id, amount off, net after, why (DISCOUNT_*)
    TRACE_TAX_RATE,  # tax index, rate's row or -1, part of the net amount: numerator, denominator
    TRACE_TAX,  # tax index, net, tax amount, gross
    TRACE_UNRATED,  # group id, resource index, what the credit limit left uncharged
) = range(32)

SERVICE_FOUND, SERVICE_OTHER_TYPE, SERVICE_NOT_VALID = range(3)
PRODUCT_CHOSEN, PRODUCT_NOT_VALID, PRODUCT_NO_VERSION, PRODUCT_NO_PRICE = range(4)
MEMBER_HOLDS, MEMBER_NOT_VALID, MEMBER_NO_OWNER, MEMBER_ONE_TOO_MANY = range(4)
POLICY_APPLIES, POLICY_OTHER_SERVICE, POLICY_OTHER_RESOURCE, POLICY_OTHER_TAG = range(4)
BALANCE_IN_ORDER, BALANCE_NOT_VALID, BALANCE_EMPTY, BALANCE_OWED = range(4)
DISCOUNT_TAKEN, DISCOUNT_NOT_VALID, DISCOUNT_OTHER_USE, DISCOUNT_NOTHING_LEFT = range(4)


@kernel
def trace(
    work: Ints, kind: int, a: int, b: int = 0, c: int = 0, d: int = 0, e: int = 0, f: int = 0, g: int = 0
) -> None:
    """Note a step of the decision, where somebody asked for it; small, so that it costs a branch and no call."""
    if seldom(work[W_TRACE_ON] != 0):
        _note(work, kind, a, b, c, d, e, f, g)


@rare_kernel
def _note(work: Ints, kind: int, a: int, b: int, c: int, d: int, e: int, f: int, g: int) -> None:
    """Add a row; what does not fit is only counted."""
    step = work[W_TRACE]
    work[W_TRACE] = step + 1
    if step >= TRACE_MAX:
        return
    row = W_TRACE_ROWS + step * TRACE_WORDS
    work[row] = kind
    work[row + 1] = a
    work[row + 2] = b
    work[row + 3] = c
    work[row + 4] = d
    work[row + 5] = e
    work[row + 6] = f
    work[row + 7] = g


def noted_steps(work: Ints) -> tuple[Ints, int]:
    """(the rows noted of the event decided last, how many more did not fit)."""
    count = int(work[W_TRACE])
    kept = min(count, TRACE_MAX)
    rows = work[W_TRACE_ROWS : W_TRACE_ROWS + kept * TRACE_WORDS].reshape(kept, TRACE_WORDS)
    return rows.copy(), count - kept
