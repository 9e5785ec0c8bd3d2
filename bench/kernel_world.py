"""Pure. A full cache of balance groups, and events that use them: what the bench of the kernels runs on.

Two families are made as care makes them, by catalogue and lines, and use their services for a while. The
rest are copies: whatever differs between the two (numbers, slots, places) goes on in steps of the difference.
"""

import json
from typing import Any, NamedTuple

import msgspec
import numpy as np

from balance_store.directory_record import pack_entries
from balance_store.requests import Records
from charging.balance_cache import BalanceCache
from charging.decide_batch import decide_rows, decision_limits, room_for
from charging.decode_events import decode_messages
from charging.messages import Message, message_columns
from charging.resolve_events import ReadNow, resolve
from config.compile_catalogue import compile_catalogue
from config.read_catalogue import catalogue_from_tables
from config.settings import Charging
from customer_care.onboarding import onboard_lines
from customer_care.publication import publication_of
from rating_kernels import batch_words as e
from rating_kernels.batch_columns import L_BATCH_NO
from rating_kernels.group_layout import image_words
from rating_kernels.line_memory import zeroed_lines
from rating_kernels.tariff_table import Bytes, Ints

NO_HORIZON = Charging(horizon_hours=0, ahead_seconds=0)
# Rings are full and every balance, item and counter is there before the families are copied.
EVENTS_BEFORE = 40
MESSAGE_BYTES_MAX = 1 << 20
FAMILIES = 2


class KernelWorld(NamedTuple):
    """Arguments of the batch kernel, and what events are made from: one row for each customer of a family."""

    table: Ints
    calendars: Ints
    limits: Ints
    words: Ints
    slot_at: Ints
    profiles: Ints
    templates: Ints
    texts: list[Bytes]
    profile_step: int
    groups: int


class Batch(NamedTuple):
    """Events of one call."""

    events: Ints
    text: Bytes


def kernel_world(
    tables: dict[str, Any], families: list[list[dict[str, Any]]], events: list[dict[str, Any]], groups: int
) -> KernelWorld:
    """`groups` groups, copied from two families that had the same events; an event of each customer."""
    assert len(families) == FAMILIES
    size = len(families[0])
    catalogue, faults = catalogue_from_tables({"bench.toml": tables})
    assert not faults, faults
    compiled = compile_catalogue(catalogue)
    lines = [json.dumps(line).encode() for family in families for line in family]
    customers, line_faults = onboard_lines(lines, compiled, 1)
    assert not line_faults, line_faults
    cache = BalanceCache(compiled, 1 << 20)
    for publication in (publication_of(one) for one in customers):
        records = Records(dict(publication.groups), {publication.customer_id: publication.profile})
        cache.install(0, records)
        for identifier, entries in publication.directory:
            cache.learn([identifier], [pack_entries(entries)])
    limits = decision_limits(NO_HORIZON)
    for number in range(EVENTS_BEFORE):
        rows, text = _event_rows(cache, events, f"before{number}")
        limits[L_BATCH_NO] = number + 1
        decide_rows(cache, limits, rows, text, np.arange(len(rows), dtype=np.int64), room_for(len(rows)))
    rows, text = _event_rows(cache, events[:size], "template")
    images = [cache.words[at : at + image_words(cache.words, at)] for at in cache.slot_at[: 2 * size]]
    copies = -(-groups // size)
    first_words, second_words = np.concatenate(images[:size]), np.concatenate(images[size:])
    places = np.cumsum([0, *(len(image) for image in images[: size - 1])])
    first, second = (cache.profile_at(customers[n].numbers.customer_id) for n in (0, size))
    step = second - first
    slots = (places[None, :] + np.arange(copies)[:, None] * len(first_words)).ravel()
    return KernelWorld(
        table=cache.table,
        calendars=cache.calendars.words,
        limits=limits,
        words=_copied(first_words, second_words, copies),
        slot_at=slots.astype(np.int64),
        profiles=_copied(cache.profile_arena[:step], cache.profile_arena[step : 2 * step], copies),
        templates=rows,
        texts=_texts(rows, text),
        profile_step=step,
        groups=copies * size,
    )


def batch_of(world: KernelWorld, customers: Ints, quantity: int, dice: np.random.Generator) -> Batch:
    """One event of each of these customers, in this order, with ids and texts of its own."""
    size = len(world.templates)
    kind = customers % size
    events = world.templates[kind]
    events[:, e.PROFILE_AT] += customers // size * world.profile_step
    events[:, e.ID_HASH] = dice.integers(-(2**63), 2**63 - 1, len(customers))
    events[:, e.QUANTITY] = quantity
    events[:, e.OFFSET] = np.arange(len(customers))
    lengths = np.array([len(text) for text in world.texts])[kind]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    fields = events[:, e.FIELD_AT : e.FIELD_LENGTH]
    fields[fields >= 0] += np.broadcast_to(starts[:, None], fields.shape)[fields >= 0]
    # As decoding gives it: read only, which is another type to the compiler.
    text = np.frombuffer(b"".join(world.texts[one].tobytes() for one in kind) + b"\0", np.uint8)
    return Batch(events, text)


def _event_rows(cache: BalanceCache, events: list[dict[str, Any]], prefix: str) -> tuple[Ints, Bytes]:
    messages = [
        Message(0, number, 0, msgspec.json.encode(event | {"id": f"{prefix}/{number}"}), ())
        for number, event in enumerate(events)
    ]
    decoded = decode_messages(message_columns(messages), cache.catalogue, MESSAGE_BYTES_MAX)
    rows = np.arange(len(decoded.words), dtype=np.int64)
    read = ReadNow(set(decoded.identifiers()))
    wanted = resolve(cache, decoded, rows, np.zeros_like(rows), read, {})
    assert not wanted, "everything is in the cache"
    return decoded.words, decoded.text


def _texts(rows: Ints, text: Bytes) -> list[Bytes]:
    """The text of each row by itself; its fields then count from its beginning."""
    texts = []
    for row in rows:
        at, length = row[e.FIELD_AT : e.FIELD_LENGTH], row[e.FIELD_LENGTH : e.FIELD_NUMBER]
        used = at >= 0
        if not used.any():
            texts.append(np.zeros(0, np.uint8))
            continue
        first, end = int(at[used].min()), int((at + length)[used].max())
        texts.append(text[first:end].copy())
        row[e.FIELD_AT : e.FIELD_LENGTH][used] -= first
    return texts


def _copied(first: Ints, second: Ints, copies: int) -> Ints:
    """first, first + step, first + 2 * step, ... with step = second - first, word by word."""
    assert len(first) == len(second)
    step = second - first
    out = zeroed_lines(copies * len(first)).reshape(copies, len(first))
    for number in range(copies):
        np.multiply(step, number, out=out[number])
        out[number] += first
    return out.ravel()
