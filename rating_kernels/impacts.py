"""Pure. What an event did, one row each: to balances, and for information (discounts, tax)."""

from rating_kernels import batch_words as d
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Ints
from rating_kernels.workspace import W_IMPACTS


@kernel
def note_impact(
    impacts: Ints,
    work: Ints,
    kind: int,
    group_id: int,
    balance_id: int,
    resource_id: int,
    item_id: int,
    quantity: int,
    amount: int,
) -> None:
    """Write one impact; the batch kernel has made room."""
    n = work[W_IMPACTS]
    impacts[n, d.KIND] = kind
    impacts[n, d.GROUP_ID] = group_id
    impacts[n, d.BALANCE_ID] = balance_id
    impacts[n, d.RESOURCE_ID] = resource_id
    impacts[n, d.ITEM_ID] = item_id
    impacts[n, d.IMPACT_QUANTITY] = quantity
    impacts[n, d.AMOUNT] = amount
    work[W_IMPACTS] = n + 1
