"""Pure. What was read from the directory, into the index of identifiers."""

from balance_store.directory_record import ENTRY_NUMBERS, MINUTE_US, NOBODY_MOVED, SOMEBODY_MOVED
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
from charging.msgpack_cursor import BAD, get_array, get_int, skip_values
from charging.wire.text_hash import text_hash
from rating_kernels.group_image import INFINITE_US
from rating_kernels.kernel import kernel, standing_kernel
from rating_kernels.tariff_table import Bytes, Ints

# Rows as the directory gave them, identifier by identifier.
L_SHARD, L_CUSTOMER_ID, L_FROM_US, L_TO_US = range(4)
LEARNT_WORDS = 4
# An entry's shard, customer, subscription and times, a byte each at least.
ENTRY_BYTES_MIN = 5
SCHEMA_1_NUMBERS, SCHEMA_2_NUMBERS = ENTRY_NUMBERS[NOBODY_MOVED], ENTRY_NUMBERS[SOMEBODY_MOVED]
_NIL = 0xC0


@standing_kernel
def read_entries(data: Bytes, first: Ints, counts: Ints, rows: Ints) -> tuple[int, int]:
    """Read the records data[first[i] : first[i + 1]] (`directory_record.py`) into rows.

    (records before one that is not of a schema written now, or all; rows used). An empty record has no entry.
    """
    used = 0
    for record in range(len(counts)):
        at, end = first[record], first[record + 1]
        counts[record] = 0
        if at == end:
            continue
        numbers, at = get_array(data, at, end)
        schema, at = get_int(data, at, end)
        width = SCHEMA_1_NUMBERS if schema == NOBODY_MOVED else SCHEMA_2_NUMBERS
        if at == BAD or not NOBODY_MOVED <= schema <= SOMEBODY_MOVED or (numbers - 1) % width != 0:
            return record, used
        for _ in range((numbers - 1) // width):
            at = _read_entry(data, at, end, width, rows[used])
            used += 1
            counts[record] += 1
            if at == BAD:
                return record, used
        if at != end:
            return record, used
    return len(counts), used


@kernel
def _read_entry(data: Bytes, at: int, end: int, width: int, row: Ints) -> int:
    """The offset behind it, or BAD."""
    row[L_SHARD], at = get_int(data, at, end)
    row[L_CUSTOMER_ID], at = get_int(data, at, end)
    at = skip_values(data, at, end, 1)  # the subscription
    row[L_FROM_US], at = _read_time(data, at, end)
    to_us, at = _read_time(data, at, end)
    row[L_TO_US] = INFINITE_US if to_us == 0 else to_us
    return skip_values(data, at, end, width - ENTRY_BYTES_MIN)


@kernel
def _read_time(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """(microseconds, next offset or BAD)."""
    if 0 <= at < end and data[at] == _NIL:
        return INFINITE_US, at + 1
    stored, at = get_int(data, at, end)
    return (-stored if stored < 0 else stored * MINUTE_US), at


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
