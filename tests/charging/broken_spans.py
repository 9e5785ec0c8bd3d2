"""Pure. Events whose bytes and places are anything, before the kernel of rated records.

Everything it is given lies between bytes that it must neither change nor look at. As a program, with
NUMBA_BOUNDSCHECK=1, a fault of a kernel is an IndexError besides; compiling it so takes some minutes.
"""

import random
import sys

import numpy as np

from charging.decoded_batch import ABSENT, CODEC_JSON, CODEC_MSGPACK, S_CODEC, S_ID_AT, SPAN_WORDS
from charging.output_records import RecordWriter
from charging.wire import rated_records
from charging.wire.plain_values import FIELDS_MAX, KEY_WORDS, REFUSED
from config.load import load_compiled_catalogue
from rating_kernels import batch_words as e
from rating_kernels.batch_words import DecisionWords
from tests.charging.plain_spans import PARTS, json_message, msgpack_message, spans_of

ROWS = 20
GUARD_BYTES = 512


def message(dice: random.Random, codec: int) -> tuple[bytes, list[tuple[str, bytes]]]:
    parts: dict = {name: "x" * dice.choice([0, 1, 31, 40, 256]) for name in PARTS[:4]}
    parts |= {"time": dice.choice([0, -1, 10**15]), "fields": {"a": "b" * dice.randint(0, 40), "c": -5}}
    if codec == CODEC_JSON:
        return json_message(parts, dice.choice(["", " "]))
    return msgpack_message(parts, dice.random() < 1 / 2)


def broken(dice: random.Random, text: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """The same with some bytes and places changed; places stay within the text."""
    text = text.copy()
    for _ in range(dice.randint(0, 8)):
        text[dice.randrange(len(text))] = dice.choice([dice.randrange(256), *b'"\\{}:,-0\xda\xd9\xcf\x8f'])
    for row in range(len(spans)):
        for place in range(S_ID_AT, SPAN_WORDS, 2):
            if dice.random() < 1 / 20:
                at = dice.randint(0, len(text))
                spans[row, place : place + 2] = (
                    at,
                    dice.choice([ABSENT, 0, 1, dice.randint(0, len(text) - at)]),
                )
        if dice.random() < 1 / 20:
            spans[row, S_CODEC] = CODEC_JSON + CODEC_MSGPACK - spans[row, S_CODEC]
    return text


def between(poison: int, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(the array between strange bytes, all of it)."""
    whole = np.full(len(inside) + 2 * GUARD_BYTES, poison, np.uint8)
    whole[GUARD_BYTES:-GUARD_BYTES] = inside
    return whole[GUARD_BYTES:-GUARD_BYTES], whole


def written(poison: int, guess: int, events, spans, text, words, pieces) -> list[bytes | None]:
    """What `write_rated` does, between strange bytes; None for a row that was refused."""
    text, _ = between(poison, text)
    text.setflags(write=False)
    places = np.zeros((ROWS, rated_records.PLACE_WORDS), np.int64)
    found = np.zeros((rated_records.IMPACTS_MAX, rated_records.IMPACT_PIECES), np.int64)
    keys = np.zeros((FIELDS_MAX, KEY_WORDS), np.int64)
    position = at = 0
    out, whole = between(poison, np.zeros(guess, np.uint8))
    while position < ROWS:
        position, at = rated_records._put_rows(
            out,
            at,
            places,
            events,
            spans,
            text,
            words.rows,
            words.impacts,
            np.arange(ROWS),
            position,
            1,
            pieces,
            found,
            keys,
        )
        assert (whole[:GUARD_BYTES] == poison).all(), "written before the beginning"
        assert (whole[-GUARD_BYTES:] == poison).all(), "written behind the end"
        out, whole = between(poison, np.concatenate([out, np.zeros(len(out) + 100, np.uint8)]))
    return [
        None if length == REFUSED else out[first : first + length].tobytes()
        for first, length in places.tolist()
    ]


def decisions(dice: random.Random, writer_ids: list[int]) -> DecisionWords:
    """Decisions of any numbers, known names among them; impacts lie within their array."""
    words = DecisionWords(ROWS, 100, 1, 1)
    any_number = [0, 1, 2, -1, -(2**63), 2**63 - 1, 2**53, *writer_ids]
    for table in (words.rows, words.impacts):
        table[:] = np.array([dice.choice(any_number) for _ in range(table.size)], np.int64).reshape(
            table.shape
        )
    words.rows[:, e.DECIDED] = 0
    words.rows[:, e.FLAGS] = [dice.randrange(16) for _ in range(ROWS)]
    for row in range(ROWS):
        count = dice.choice([0, 1, 2, 4, 70])
        words.rows[row, [e.IMPACT_FIRST, e.IMPACT_COUNT]] = dice.randint(0, 100 - count), count
        if dice.random() < 1 / 2:
            words.rows[row, [e.PRODUCT_ID, e.PRICE_ID]] = 0
            words.impacts[:, e.RESOURCE_ID] = writer_ids[0]
            words.impacts[:, [e.IMPACT_QUANTITY, e.AMOUNT]] %= 2**53 - 1
    words.impacts[:, e.KIND] = [dice.randrange(6) for _ in range(100)]
    return words


def fuzz(rounds: int) -> int:
    """How many of the broken events were still plain, and were written the same whatever lay around them."""
    catalogue = load_compiled_catalogue("")
    writers = [RecordWriter(catalogue, "usage", form) for form in ("json", "msgpack")]
    known = [info.id for info in catalogue.resources.values()] + list(catalogue.items)
    known += [number for kind in ("product", "price") for number in catalogue.names[kind]]
    taken = 0
    for seed in range(rounds):
        dice = random.Random(seed)
        codecs = [dice.choice([CODEC_JSON, CODEC_MSGPACK]) for _ in range(ROWS)]
        text, spans = spans_of([(codec, *message(dice, codec)) for codec in codecs])
        text = broken(dice, text, spans)
        events = np.zeros((ROWS, e.EVENT_WORDS), np.int64)
        events[:, e.EVENT_TYPE] = [dice.choice([-1, 0, 1, 99]) for _ in range(ROWS)]
        words = decisions(dice, known)
        pieces = dice.choice(writers).pieces
        guess = dice.choice([1, 640, 2_000])
        records = written(0, guess, events, spans, text, words, pieces)
        for poison in (ord('"'), ord("9"), ord("}"), 0x81):
            assert written(poison, guess, events, spans, text, words, pieces) == records
        taken += len(records) - records.count(None)
    return taken


if __name__ == "__main__":
    print(fuzz(int(sys.argv[1])))
