"""Pure. All records of a charged batch, in order of its events."""

from charging.charged_batch import ChargedBatch
from charging.output_records import RecordWriter
from charging.ports import Output
from rating_kernels.batch_words import PARTITION, TIME_US
from rating_kernels.outcomes import REJECTED_FROM


def batch_outputs(batch: ChargedBatch, writer: RecordWriter) -> tuple[list[Output], dict[int, int]]:
    """(records with their topic, partition and key; how many events had each outcome)."""
    outputs: list[Output] = []
    counts: dict[int, int] = {}
    decoded = batch.decoded
    for row, (catalogue_version, decided) in enumerate(batch.decided()):
        counts[decided.outcome] = counts.get(decided.outcome, 0) + 1
        partition = int(batch.events[row, PARTITION])
        event = decoded.event(row)
        key = decoded.identifier(row).encode()
        if decided.outcome >= REJECTED_FROM or event is None:
            message = decoded.message(row)
            value = writer.rejected(message, decoded.parts.get(row), decided, decoded.details.get(row, ""))
            outputs.append(Output("rejected", partition, key, value))
            continue
        outputs.append(
            Output("rated", partition, key, writer.rated(partition, event, decided, catalogue_version))
        )
        for number, notice in enumerate(decided.notices):
            time_us = int(batch.events[row, TIME_US])
            value = writer.notification(partition, decided, notice, number, time_us)
            outputs.append(Output("notifications", partition, key, value))
    return outputs, counts
