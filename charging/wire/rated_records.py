"""Pure. Rated records of a whole batch, written by a kernel from where the events lie and from their decisions.

The bytes are those of `output_records.RecordWriter.rated`, which is the reference. A row with anything
unusual is refused and left to it.
"""

import numpy as np

from charging import decoded_batch as d
from charging.wire import record_pieces as p
from charging.wire.copy_bytes import put_bytes
from charging.wire.plain_values import (
    CLOSE_BRACE,
    CLOSE_BRACKET,
    COMMA,
    FIELDS_MAX,
    FIXARRAY,
    FIXMAP,
    KEY_WORDS,
    NUMBER_MAX,
    QUOTE,
    REFUSED,
    SLASH,
    close_with,
    copy_map,
    copy_value,
    digits_of,
    open_list,
    open_text,
    put_decimal,
    put_digits,
    put_number,
)
from charging.wire.record_pieces import RecordPieces, find_piece
from rating_kernels import batch_words as e
from rating_kernels.batch_columns import IMPACT_DISCOUNT, IMPACT_OWED
from rating_kernels.batch_words import DecisionWords
from rating_kernels.group_image import AMOUNT_MAX, POSITION_PARTITION_SHIFT
from rating_kernels.kernel import kernel, standing_kernel
from rating_kernels.tariff_table import Bytes, Ints

# The sum of so many amounts is still a number that is written here.
IMPACTS_MAX = 64
assert IMPACTS_MAX * AMOUNT_MAX <= NUMBER_MAX, "sums of amounts are written in up to 18 digits"
# Where an impact's pieces are, and what the event cost in its currency (only with the first of a currency).
X_KIND, X_RESOURCE, X_MONEY, X_DISCOUNT, X_ITEM, X_SUM = range(6)
IMPACT_PIECES = 6
PARTS = 7
PART_QUANTITY, PART_FIELDS = 5, 6
PART_SPAN_WORDS = d.S_SOURCE_AT - d.S_ID_AT
# Members that every record has, and every impact.
RECORD_MEMBERS, IMPACT_MEMBERS = 8, 4
# Room for a record's numbers and marks, and for those of an impact.
NUMBERS_BYTES, IMPACT_BYTES = 400, 128
# JSON takes at most this many bytes for what MessagePack says in one.
WIDER = 4
# Pieces of a record outside its event and impacts, and of an impact.
RECORD_PIECES, PIECES_OF_IMPACT = 28, 8
# Where a record is, in the array of them.
R_AT, R_LENGTH = range(2)
PLACE_WORDS = 2
# First guess of a record's length.
RECORD_BYTES = 640


@kernel
def _room(spans: Ints, row: int, impacts: int, bytes_max: int) -> int:
    """More than the row's record can take."""
    parts = 0
    for part in range(PARTS):
        parts += max(spans[row, d.S_ID_LENGTH + PART_SPAN_WORDS * part], 0)
    pieces = (RECORD_PIECES + PIECES_OF_IMPACT * impacts) * bytes_max
    return NUMBERS_BYTES + WIDER * parts + impacts * IMPACT_BYTES + pieces


@kernel
def _put_piece(out: Bytes, at: int, text: Bytes, table: Ints, row: int) -> int:
    """A piece of the table, or nothing where there is none."""
    if row == p.NO_PIECE:
        return at
    return put_bytes(out, at, text, table[row, p.P_AT], table[row, p.P_LENGTH])


@kernel
def _put_fixed(out: Bytes, at: int, text: Bytes, fixed: Ints, piece: int) -> int:
    return put_bytes(out, at, text, fixed[piece, p.AT], fixed[piece, p.LENGTH])


@kernel
def _put_event(
    out: Bytes,
    at: int,
    text: Bytes,
    spans: Ints,
    row: int,
    pieces: Bytes,
    fixed: Ints,
    form: int,
    keys: Ints,
) -> int:
    """The event as it came, its parts in our order and format; the next place or REFUSED."""
    codec = spans[row, d.S_CODEC]
    for part in range(PARTS):
        at = _put_fixed(out, at, pieces, fixed, p.F_EVENT + part)
        first = spans[row, d.S_ID_AT + PART_SPAN_WORDS * part]
        length = spans[row, d.S_ID_LENGTH + PART_SPAN_WORDS * part]
        if length == d.ABSENT:
            if part < PART_QUANTITY:
                return REFUSED
            at = _put_fixed(out, at, pieces, fixed, p.F_NO_QUANTITY + part - PART_QUANTITY)
        elif part == PART_FIELDS:
            at = copy_map(out, at, text, first, length, codec, form, keys)
        else:
            at = copy_value(out, at, text, first, length, codec, form)
        if at == REFUSED:
            return REFUSED
    return close_with(out, at, CLOSE_BRACE, form)


@kernel
def _find_impacts(impacts: Ints, first: int, count: int, table: Ints, found: Ints) -> int:
    """Look up the pieces of an event's impacts and add up its currencies: how many of them, or REFUSED."""
    currencies = 0
    for place in range(count):
        impact = first + place
        kind, resource = impacts[impact, e.KIND], impacts[impact, e.RESOURCE_ID]
        amount, balance = impacts[impact, e.AMOUNT], impacts[impact, e.BALANCE_ID]
        found[place, X_KIND] = find_piece(table, p.IMPACT_KIND, kind)
        found[place, X_RESOURCE] = find_piece(table, p.RESOURCE, resource)
        found[place, X_ITEM] = find_piece(table, p.ITEM, impacts[impact, e.ITEM_ID])
        found[place, X_MONEY] = p.NO_PIECE
        found[place, X_DISCOUNT] = p.NO_PIECE
        named = found[place, X_KIND] != p.NO_PIECE and found[place, X_RESOURCE] != p.NO_PIECE
        if kind == IMPACT_DISCOUNT and balance != 0:
            found[place, X_DISCOUNT] = find_piece(table, p.DISCOUNT, balance)
            named = named and found[place, X_DISCOUNT] != p.NO_PIECE
        quantity = impacts[impact, e.IMPACT_QUANTITY]
        if not (named and -AMOUNT_MAX <= amount <= AMOUNT_MAX and -NUMBER_MAX <= quantity <= NUMBER_MAX):
            return REFUSED
        if kind > IMPACT_OWED:
            continue
        money = find_piece(table, p.MONEY, resource)
        if money == p.NO_PIECE:
            continue
        earlier = 0
        while earlier < place and found[earlier, X_MONEY] != money:
            earlier += 1
        if earlier == place:
            found[place, X_MONEY], found[place, X_SUM] = money, 0
            currencies += 1
        found[earlier, X_SUM] += amount
    return currencies


@kernel
def _put_amounts(
    out: Bytes,
    at: int,
    count: int,
    pieces: RecordPieces,
    found: Ints,
    currencies: int,
) -> int:
    """What the event cost in each currency, in the order in which its impacts name them."""
    if currencies == 0:
        return at
    at = _put_fixed(out, at, pieces.text, pieces.fixed, p.F_AMOUNTS)
    at = open_list(out, at, currencies, FIXMAP, pieces.form)
    for place in range(count):
        if found[place, X_MONEY] != p.NO_PIECE:
            at = _put_piece(out, at, pieces.text, pieces.table, found[place, X_MONEY])
            decimals = pieces.table[found[place, X_RESOURCE], p.P_NUMBER]
            at = put_decimal(out, at, found[place, X_SUM], decimals, pieces.form)
            at = close_with(out, at, COMMA, pieces.form)
    # The brace takes the place of the last comma.
    return close_with(out, at - (pieces.form == d.CODEC_JSON), CLOSE_BRACE, pieces.form)


@kernel
def _put_impact(
    out: Bytes,
    at: int,
    impacts: Ints,
    impact: int,
    pieces: RecordPieces,
    found: Ints,
    place: int,
    decimals: int,
) -> int:
    """One impact; `decimals` are those of the event's quantity."""
    text, fixed, table, form = pieces.text, pieces.fixed, pieces.table, pieces.form
    item, discount = found[place, X_ITEM], found[place, X_DISCOUNT]
    balance = impacts[impact, e.BALANCE_ID] if impacts[impact, e.KIND] <= IMPACT_OWED else 0
    quantity = impacts[impact, e.IMPACT_QUANTITY]
    members = IMPACT_MEMBERS + (balance != 0) + (quantity != 0) + (discount != p.NO_PIECE)
    if item != p.NO_PIECE:
        members += table[item, p.P_NUMBER]
    at = open_list(out, at, members, FIXMAP, form)
    at = _put_piece(out, at, text, table, found[place, X_KIND])
    at = put_number(out, at, impacts[impact, e.GROUP_ID], form)
    at = _put_piece(out, at, text, table, found[place, X_RESOURCE])
    at = put_decimal(out, at, impacts[impact, e.AMOUNT], table[found[place, X_RESOURCE], p.P_NUMBER], form)
    if balance != 0:
        at = put_number(out, _put_fixed(out, at, text, fixed, p.F_BALANCE), balance, form)
    at = _put_piece(out, at, text, table, discount)
    if quantity != 0:
        at = put_decimal(out, _put_fixed(out, at, text, fixed, p.F_QUANTITY), quantity, decimals, form)
    at = _put_piece(out, at, text, table, item)
    return close_with(out, at, CLOSE_BRACE, form)


@kernel
def _put_impacts(
    out: Bytes,
    at: int,
    impacts: Ints,
    first: int,
    count: int,
    pieces: RecordPieces,
    found: Ints,
    decimals: int,
) -> int:
    """All impacts, or nothing where there are none."""
    if count == 0:
        return at
    at = _put_fixed(out, at, pieces.text, pieces.fixed, p.F_IMPACTS)
    at = open_list(out, at, count, FIXARRAY, pieces.form)
    for place in range(count):
        if place > 0:
            at = close_with(out, at, COMMA, pieces.form)
        at = _put_impact(out, at, impacts, first + place, pieces, found, place, decimals)
    return close_with(out, at, CLOSE_BRACKET, pieces.form)


@kernel
def _put_position(out: Bytes, at: int, pieces: RecordPieces, partition: int, offset: int, index: int) -> int:
    """topic/partition/offset/index as text; without an index where it is below zero."""
    numbers = digits_of(partition) + 1 + digits_of(offset)
    if index >= 0:
        numbers += 1 + digits_of(index)
    at = open_text(out, at, pieces.fixed[p.F_TOPIC, p.LENGTH] + numbers, pieces.form)
    at = _put_fixed(out, at, pieces.text, pieces.fixed, p.F_TOPIC)
    at = put_digits(out, at, partition, digits_of(partition))
    out[at] = SLASH
    at = put_digits(out, at + 1, offset, digits_of(offset))
    if index >= 0:
        out[at] = SLASH
        at = put_digits(out, at + 1, index, digits_of(index))
    return close_with(out, at, QUOTE, pieces.form)


@kernel
def _put_users(
    out: Bytes, at: int, decided: Ints, row: int, catalogue_version: int, pieces: RecordPieces
) -> int:
    """Who used it, and by which catalogue it was decided."""
    for member in range(4):
        number = catalogue_version
        if member < 3:
            number = decided[row, e.CUSTOMER_ID + member]
        at = _put_fixed(out, at, pieces.text, pieces.fixed, p.F_CUSTOMER + member)
        at = put_number(out, at, number, pieces.form)
    return at


@kernel
def _named(table: Ints, kind: int, number: int) -> tuple[int, bool]:
    """(row of the piece or NO_PIECE, whether it says all); 0 says nothing."""
    row = find_piece(table, kind, number) if number != 0 else p.NO_PIECE
    return row, row != p.NO_PIECE or number == 0


@kernel
def _put_rated(
    out: Bytes,
    at: int,
    events: Ints,
    spans: Ints,
    text: Bytes,
    decided: Ints,
    impacts: Ints,
    row: int,
    catalogue_version: int,
    pieces: RecordPieces,
    found: Ints,
    keys: Ints,
) -> int:
    """One record; the next place or REFUSED."""
    table, form = pieces.table, pieces.form
    first, count = decided[row, e.IMPACT_FIRST], decided[row, e.IMPACT_COUNT]
    outcome = find_piece(table, p.OUTCOME, decided[row, e.DECIDED])
    product, product_known = _named(table, p.PRODUCT, decided[row, e.PRODUCT_ID])
    price, price_known = _named(table, p.PRICE, decided[row, e.PRICE_ID])
    flags, flags_known = _named(table, p.FLAGS, decided[row, e.FLAGS])
    event_type = events[row, e.EVENT_TYPE]
    if outcome == p.NO_PIECE or not (product_known and price_known and flags_known):
        return REFUSED
    if count > IMPACTS_MAX or not 0 <= event_type < len(pieces.quantity_decimals):
        return REFUSED
    currencies = _find_impacts(impacts, first, count, table, found)
    if currencies == REFUSED:
        return REFUSED
    first_position = decided[row, e.DUPLICATE_OF]
    members = RECORD_MEMBERS + (product != p.NO_PIECE) + (price != p.NO_PIECE) + (currencies > 0)
    members += (count > 0) + (flags != p.NO_PIECE) + (first_position >= 0)
    at = open_list(out, at, members, FIXMAP, form)
    at = _put_fixed(out, at, pieces.text, pieces.fixed, p.F_ID)
    at = _put_position(
        out, at, pieces, events[row, e.PARTITION], events[row, e.OFFSET], events[row, e.EVENT_INDEX]
    )
    at = _put_piece(out, at, pieces.text, table, outcome)
    at = _put_event(out, at, text, spans, row, pieces.text, pieces.fixed, form, keys)
    if at == REFUSED:
        return REFUSED
    at = _put_users(out, at, decided, row, catalogue_version, pieces)
    at = _put_piece(out, at, pieces.text, table, product)
    at = _put_piece(out, at, pieces.text, table, price)
    at = _put_amounts(out, at, count, pieces, found, currencies)
    at = _put_impacts(out, at, impacts, first, count, pieces, found, pieces.quantity_decimals[event_type])
    at = _put_piece(out, at, pieces.text, table, flags)
    if first_position >= 0:
        at = _put_fixed(out, at, pieces.text, pieces.fixed, p.F_DUPLICATE_OF)
        partition = first_position >> POSITION_PARTITION_SHIFT
        offset = first_position & ((1 << POSITION_PARTITION_SHIFT) - 1)
        at = _put_position(out, at, pieces, partition, offset, -1)
    return close_with(out, at, CLOSE_BRACE, form)


@standing_kernel
def _put_rows(
    out: Bytes,
    at: int,
    places: Ints,
    events: Ints,
    spans: Ints,
    text: Bytes,
    decided: Ints,
    impacts: Ints,
    rows: Ints,
    position: int,
    catalogue_version: int,
    pieces: RecordPieces,
    found: Ints,
    keys: Ints,
) -> tuple[int, int]:
    """(how many rows are done, next place); fewer than all where the next record might not fit."""
    while position < len(rows):
        row = rows[position]
        if at + _room(spans, row, decided[row, e.IMPACT_COUNT], pieces.bytes_max) > len(out):
            return position, at
        end = _put_rated(
            out, at, events, spans, text, decided, impacts, row, catalogue_version, pieces, found, keys
        )
        places[position, R_AT] = at
        places[position, R_LENGTH] = REFUSED
        if end != REFUSED:
            places[position, R_LENGTH] = end - at
            at = end
        position += 1
    return position, at


def write_rated(
    events: Ints,
    spans: Ints,
    text: Bytes,
    decisions: DecisionWords,
    rows: Ints,
    catalogue_version: int,
    pieces: RecordPieces,
) -> tuple[Bytes, Ints]:
    """(bytes, place of each row's record in them as R_*); REFUSED in place of a length: not written here."""
    out = np.empty(RECORD_BYTES * len(rows), np.uint8)
    places = np.empty((len(rows), PLACE_WORDS), np.int64)
    found = np.empty((IMPACTS_MAX, IMPACT_PIECES), np.int64)
    keys = np.empty((FIELDS_MAX, KEY_WORDS), np.int64)
    position = at = 0
    while True:
        position, at = _put_rows(
            out,
            at,
            places,
            events,
            spans,
            text,
            decisions.rows,
            decisions.impacts,
            rows,
            position,
            catalogue_version,
            pieces,
            found,
            keys,
        )
        if position == len(rows):
            return out[:at], places
        larger = np.empty(2 * len(out) + RECORD_BYTES, np.uint8)
        larger[:at] = out[:at]
        out = larger
