"""Pure. What was read from the directory, into the index of identifiers."""

from charging.cache_columns import Customers
from charging.id_index import number_of
from charging.identifier_index import (
    E_CUSTOMER,
    E_FROM_US,
    E_NEXT,
    E_SHARD,
    E_TO_US,
    NO_ENTRY,
    NOBODY,
    Identifiers,
    find_name,
    name_of,
    next_entry,
)
from charging.wire.text_hash import text_hash
from rating_kernels.kernel import standing_kernel
from rating_kernels.tariff_table import Bytes, Ints

# Rows as the directory gave them, identifier by identifier.
L_SHARD, L_CUSTOMER_ID, L_FROM_US, L_TO_US = range(4)


@standing_kernel
def learn_directory(
    text: Bytes, first: Ints, counts: Ints, rows: Ints, identifiers: Identifiers, customers: Customers
) -> None:
    """Take counts[i] rows for the identifier text[first[i] : first[i + 1]], in place of what was known of it."""
    row = 0
    for i in range(len(counts)):
        at, length = first[i], first[i + 1] - first[i]
        if counts[i] == 0:
            # Absences are not kept.
            name = find_name(identifiers, text_hash(text, at, length), text, at, length)
            if name != NO_ENTRY:
                identifiers.words[name + E_CUSTOMER] = NOBODY
            continue
        entry = name_of(identifiers, text, at, length)
        for number in range(counts[i]):
            if number > 0:
                entry = next_entry(identifiers, entry)
            identifiers.words[entry + E_CUSTOMER] = number_of(
                customers.table, customers.ids, customers.used, rows[row, L_CUSTOMER_ID]
            )
            identifiers.words[entry + E_SHARD] = rows[row, L_SHARD]
            identifiers.words[entry + E_FROM_US] = rows[row, L_FROM_US]
            identifiers.words[entry + E_TO_US] = rows[row, L_TO_US]
            row += 1
        identifiers.words[entry + E_NEXT] = NO_ENTRY
