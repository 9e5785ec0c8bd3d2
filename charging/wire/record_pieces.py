"""Pure. What rated records say the same way again and again, encoded once: members with their names and values.

A kernel finds a piece by kind and id in an open-addressing table. What the table does not have, it leaves to
`output_records`, which builds the same bytes one object at a time.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from charging.decoded_batch import CODEC_JSON, CODEC_MSGPACK
from charging.usage_event import UsageEvent
from config.compiled_catalogue import ItemKey, ResourceInfo
from rating_kernels.kernel import kernel
from rating_kernels.tariff_table import Bytes, Ints

# Words of a piece in the table; kind 0 is an empty place.
P_KIND, P_ID, P_AT, P_LENGTH, P_NUMBER = range(5)
PIECE_WORDS = 5
(
    OUTCOME,
    PRODUCT,
    PRICE,
    MONEY,  # a currency's code as a name in `amounts`
    IMPACT_KIND,
    RESOURCE,  # P_NUMBER: its stored decimals
    DISCOUNT,
    ITEM,  # P_NUMBER: how many members it has
    FLAGS,
) = range(1, 10)
NO_PIECE = -1
# Pieces that do not depend on the catalogue, by their place in `fixed`.
(
    F_ID,
    F_TOPIC,  # the beginning of every id, without its quote
    F_EVENT,  # and six more: the names of an event's parts
    F_NO_QUANTITY,
    F_NO_FIELDS,
    F_CUSTOMER,
    F_SUBSCRIPTION,
    F_GROUP,
    F_CATALOGUE,
    F_AMOUNTS,
    F_IMPACTS,
    F_BALANCE,
    F_QUANTITY,
    F_DUPLICATE_OF,
) = (0, 1, 2, *range(9, 20))
AT, LENGTH = range(2)
_GOLDEN = 0x9E3779B97F4A7C15  # 2**64 / the golden ratio: spreads what differs in few bits


class RecordPieces(NamedTuple):
    """The pieces of one writer; `table` has rows of P_*, `fixed` rows of (at, length)."""

    form: int  # CODEC_JSON or CODEC_MSGPACK
    bytes_max: int  # of the longest piece
    text: Bytes
    fixed: Ints
    table: Ints
    quantity_decimals: Ints  # of each event type, by its index


@kernel
def _home(table: Ints, kind: int, number: int) -> int:
    mixed = (np.uint64(number) ^ (np.uint64(kind) << np.uint64(56))) * np.uint64(_GOLDEN)
    return np.int64(mixed >> np.uint64(32)) & (len(table) - 1)  # type: ignore[return-value]  # numba: an int64


@kernel
def place_of(table: Ints, kind: int, number: int) -> int:
    """The row of a piece, or the empty one where it belongs; the table is never full."""
    row = _home(table, kind, number)
    while table[row, P_KIND] != 0 and (table[row, P_KIND] != kind or table[row, P_ID] != number):
        row = (row + 1) & (len(table) - 1)
    return row


@kernel
def find_piece(table: Ints, kind: int, number: int) -> int:
    """The row of a piece; NO_PIECE where there is none."""
    row = place_of(table, kind, number)
    return row if table[row, P_KIND] != 0 else NO_PIECE


class _Piece(NamedTuple):
    kind: int
    number: int
    encoded: bytes
    note: int = 0


class PieceEncoder:
    """Members of an object as bytes, in one format: JSON with the comma before, MessagePack one after the other."""

    def __init__(self, output_format: str) -> None:
        self.is_json = output_format == "json"
        self.encode = msgspec.json.encode if self.is_json else msgspec.msgpack.encode

    def name(self, name: str, before: bytes = b",") -> bytes:
        """A member's name and what stands around it."""
        return before + self.encode(name) + b":" if self.is_json else self.encode(name)

    def member(self, name: str, value: Any, before: bytes = b",") -> bytes:
        """A member whole."""
        return self.name(name, before) + self.encode(value)

    def opening(self, name: str, members: int) -> bytes:
        """The first name of an object of so many members."""
        return self.name(name, b"{") if self.is_json else bytes((0x80 + members,)) + self.name(name)


def record_pieces(
    output_format: str,
    topic: str,
    outcomes: Mapping[int, str],
    names: Mapping[str, Mapping[int, str]],
    resources: Mapping[int, ResourceInfo],
    items: Mapping[int, ItemKey],
    impact_kinds: Mapping[int, str],
    flags: Mapping[int, str],
    quantity_decimals: list[int],
) -> RecordPieces:
    """All pieces of a writer; `names` by kind and id, `quantity_decimals` by the event type's index."""
    encoder = PieceEncoder(output_format)
    pieces = [
        *_of_outcomes(encoder, outcomes),
        *_of_names(encoder, names),
        *_of_resources(encoder, resources, names["resource"]),
        *_of_impacts(encoder, impact_kinds, items),
        *_of_flags(encoder, flags),
    ]
    fixed = _fixed(encoder, topic)
    text = bytearray()
    places = []
    for encoded in fixed:
        places.append((len(text), len(encoded)))
        text += encoded
    # At most half full.
    table = np.zeros((1 << (2 * len(pieces)).bit_length(), PIECE_WORDS), np.int64)
    for piece in pieces:
        table[place_of(table, piece.kind, piece.number)] = (
            piece.kind,
            piece.number,
            len(text),
            len(piece.encoded),
            piece.note,
        )
        text += piece.encoded
    return RecordPieces(
        CODEC_JSON if encoder.is_json else CODEC_MSGPACK,
        max(len(encoded) for encoded in [*fixed, *(piece.encoded for piece in pieces)]),
        np.array(text, np.uint8),
        np.array(places, np.int64),
        table,
        np.array(quantity_decimals, np.int64),
    )


def _fixed(encoder: PieceEncoder, topic: str) -> list[bytes]:
    """In the order of F_*. The event's id is the first of its parts, and opens it."""
    parts = list(UsageEvent.__struct_fields__)
    defaults = UsageEvent("", "", "", "", 0)
    return [
        encoder.name("id", b""),
        f"{topic}/".encode(),
        encoder.opening(parts[0], len(parts)),
        *(encoder.name(part) for part in parts[1:]),
        encoder.encode(defaults.quantity),
        encoder.encode(defaults.fields),
        *(
            encoder.name(name)
            for name in ("customer", "subscription", "group", "catalogue", "amounts", "impacts")
        ),
        *(encoder.name(name) for name in ("balance", "quantity", "duplicate_of")),
    ]


def _of_outcomes(encoder: PieceEncoder, outcomes: Mapping[int, str]) -> Iterator[_Piece]:
    for number, name in outcomes.items():
        encoded = encoder.member("outcome", number) + encoder.member("outcome_name", name)
        yield _Piece(OUTCOME, number, encoded + encoder.name("event"))


def _of_names(encoder: PieceEncoder, names: Mapping[str, Mapping[int, str]]) -> Iterator[_Piece]:
    for kind, of_kind, member in (
        (PRODUCT, "product", "product"),
        (PRICE, "price", "rate"),
        (DISCOUNT, "discount", "discount"),
    ):
        for number, code in names.get(of_kind, {}).items():
            yield _Piece(kind, number, encoder.member(member, code))


def _of_resources(
    encoder: PieceEncoder, resources: Mapping[int, ResourceInfo], names: Mapping[int, str]
) -> Iterator[_Piece]:
    for number, info in resources.items():
        encoded = encoder.member("resource", names[number]) + encoder.name("amount")
        yield _Piece(RESOURCE, number, encoded, info.stored_decimals)
        if info.is_money:
            yield _Piece(MONEY, number, encoder.name(info.code, b""))


def _of_impacts(
    encoder: PieceEncoder, impact_kinds: Mapping[int, str], items: Mapping[int, ItemKey]
) -> Iterator[_Piece]:
    for number, name in impact_kinds.items():
        yield _Piece(IMPACT_KIND, number, encoder.member("kind", name, b"") + encoder.name("group"))
    for number, item in items.items():
        members = [
            encoder.member(name, code)
            for name, code in (
                ("bill_item", item.bill_item),
                ("general_ledger", item.general_ledger),
                ("tax", item.tax),
            )
            if code
        ]
        yield _Piece(ITEM, number, b"".join(members), len(members))


def _of_flags(encoder: PieceEncoder, flags: Mapping[int, str]) -> Iterator[_Piece]:
    for number in range(1, 2 ** len(flags)):
        names = [name for flag, name in flags.items() if number & flag]
        yield _Piece(FLAGS, number, encoder.member("flags", names))
