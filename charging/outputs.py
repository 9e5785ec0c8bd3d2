"""Pure. Records on their way out: a row of words each, in order of the events, and the bytes that they point into.

On the fast path no record is an object of its own; `Output` is for whoever looks at one.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rating_kernels.tariff_table import Bytes, Ints

# What is published, as keys of the settings' topics; a record's topic is its place here.
TOPICS = ("rated", "notifications", "rejected")
RATED, NOTIFICATIONS, REJECTED = range(3)
# Words of a record.
(
    O_TOPIC,
    O_PARTITION,  # of the input; the sink folds it onto the partitions the topic has
    O_KEY_AT,
    O_KEY_LENGTH,
    O_VALUE_AT,
    O_VALUE_LENGTH,
) = range(6)
OUTPUT_WORDS = 6


class Output(NamedTuple):
    """One record to publish: `topic` is one of TOPICS, not yet a name."""

    topic: str
    partition: int
    key: bytes
    value: bytes


class Outputs:
    """The records of one batch; iterating makes an `Output` of each."""

    __slots__ = ("keys", "values", "words")

    def __init__(self, words: Ints, keys: Bytes, values: Bytes) -> None:
        self.words = words
        self.keys = keys
        self.values = values

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[Output]:
        for topic, partition, key_at, key_length, value_at, value_length in self.words.tolist():
            yield Output(
                TOPICS[topic],
                partition,
                self.keys[key_at : key_at + key_length].tobytes(),
                self.values[value_at : value_at + value_length].tobytes(),
            )

    def of(self, rows: Ints) -> "Outputs":
        """Some of them only."""
        return Outputs(self.words[rows], self.keys, self.values)

    def rows_by_place(self, partitions: tuple[int, ...]) -> dict[tuple[int, int], Ints]:
        """Rows of each (topic, output partition), in order; `partitions` is how many each of TOPICS has."""
        topic = self.words[:, O_TOPIC]
        partition = self.words[:, O_PARTITION] % np.array(partitions, np.int64)[topic]
        place = topic * max(partitions) + partition
        return {
            divmod(one, max(partitions)): np.flatnonzero(place == one) for one in np.unique(place).tolist()
        }


def outputs_of(records: list[Output]) -> Outputs:
    """Columns of records that came as objects."""
    keys, values = bytearray(), bytearray()
    words = []
    for record in records:
        words.append(
            (
                TOPICS.index(record.topic),
                record.partition,
                len(keys),
                len(record.key),
                len(values),
                len(record.value),
            )
        )
        keys += record.key
        values += record.value
    return Outputs(
        np.array(words, np.int64).reshape(len(words), OUTPUT_WORDS),
        # Read only, as an event's own bytes are: another type to the compiler.
        np.frombuffer(bytes(keys), np.uint8),
        np.array(values, np.uint8),
    )
