"""Pure. From the ids that stored profiles name to the rows of one catalogue version, for kernels."""

import numpy as np

from config.compiled_catalogue import CompiledCatalogue
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Ints

SERVICE_TYPES, PLANS, POLICIES, DISCOUNTS, RESOURCES = range(5)
KINDS = 5
# What the catalogue no longer knows has no index, and no kernel row ever equals this.
NOT_IN_CATALOGUE = -1
_PAIR = 2


def catalogue_indexes(catalogue: CompiledCatalogue) -> Ints:
    """Where each kind's pairs begin and where the last ends, then (id, index) by rising ids, kind by kind."""
    kinds = (
        catalogue.service_type_index,
        catalogue.plan_index,
        catalogue.policy_index,
        catalogue.discount_index,
        catalogue.resource_index,
    )
    first = KINDS + 1 + _PAIR * np.cumsum([0, *(len(one) for one in kinds)])
    pairs = [pair for one in kinds for pair in sorted(one.items())]
    return np.concatenate([first, np.array(pairs, np.int64).ravel()]).astype(np.int64)


@kernel
def index_in_catalogue(indexes: Ints, kind: int, code_id: int) -> int:
    """The row of an id, or NOT_IN_CATALOGUE."""
    low, high = 0, (indexes[kind + 1] - indexes[kind]) // _PAIR
    while low < high:
        middle = (low + high) // 2
        if indexes[indexes[kind] + _PAIR * middle] < code_id:
            low = middle + 1
        else:
            high = middle
    pair = indexes[kind] + _PAIR * low
    if pair < indexes[kind + 1] and indexes[pair] == code_id:
        return indexes[pair + 1]
    return NOT_IN_CATALOGUE
