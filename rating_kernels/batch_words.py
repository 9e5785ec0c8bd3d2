"""Pure. A batch as kernels read and write it: one row of words an event, an impact, a notice.

The named columns of `batch_columns` are what the rest of the system sees; here they lie side by side, so
that an event costs a cache line or two and a kernel call a handful of arguments.
"""

import numpy as np

from rating_kernels.batch_columns import DecisionColumns, EventColumns
from rating_kernels.tariff_table import FIELDS_MAX, Ints

# Events on the way in.
(
    OUTCOME,
    PARTITION,
    OFFSET,
    EVENT_INDEX,
    MESSAGE_TIME_US,
    EVENT_TYPE,
    TIME_US,
    QUANTITY,
    ID_HASH,
    PROFILE_AT,
    IDENTIFIER_NO,
) = range(11)
FIELD_AT = 11
FIELD_LENGTH = FIELD_AT + FIELDS_MAX
FIELD_NUMBER = FIELD_LENGTH + FIELDS_MAX
EVENT_WORDS = FIELD_NUMBER + FIELDS_MAX

# Decisions on the way out.
(
    DECIDED,
    FLAGS,
    CUSTOMER_ID,
    SUBSCRIPTION_ID,
    USER_GROUP_ID,
    PRODUCT_ID,
    PRICE_ID,
    DUPLICATE_OF,
    IMPACT_FIRST,
    IMPACT_COUNT,
    NOTICE_FIRST,
    NOTICE_COUNT,
) = range(12)
DECISION_WORDS = 12

KIND, GROUP_ID, BALANCE_ID, RESOURCE_ID, ITEM_ID, IMPACT_QUANTITY, AMOUNT = range(7)
IMPACT_WORDS = 7

NOTICE_GROUP_ID, NOTICE_RESOURCE_ID, NOTICE_DIRECTION, NOTICE_THRESHOLD, NOTICE_BEFORE, NOTICE_AFTER = range(
    6
)
NOTICE_WORDS = 6


def event_words(events: EventColumns) -> Ints:
    """The columns side by side."""
    words = np.empty((len(events.outcome), EVENT_WORDS), np.int64)
    for number, column in enumerate(events[:FIELD_AT]):
        words[:, number] = column
    for first, cells in (
        (FIELD_AT, events.field_at),
        (FIELD_LENGTH, events.field_length),
        (FIELD_NUMBER, events.field_number),
    ):
        words[:, first : first + FIELDS_MAX] = cells.reshape(-1, FIELDS_MAX)
    return words


class DecisionWords:
    """Room for a batch's decisions, and the same as named columns."""

    def __init__(self, events: int, impacts: int, notices: int, touched: int) -> None:
        self.rows: Ints = np.zeros((events, DECISION_WORDS), np.int64)
        self.impacts: Ints = np.zeros((impacts, IMPACT_WORDS), np.int64)
        self.notices: Ints = np.zeros((notices, NOTICE_WORDS), np.int64)
        self.touched: Ints = np.zeros(touched, np.int64)
        self.used: Ints = np.zeros(3, np.int64)

    def grown(self) -> "DecisionWords":
        """The same decisions with twice the room for impacts, notices and touched groups."""
        larger = DecisionWords(
            len(self.rows), 2 * len(self.impacts) + 64, 2 * len(self.notices) + 64, 2 * len(self.touched) + 64
        )
        larger.rows = self.rows
        larger.impacts[: len(self.impacts)] = self.impacts
        larger.notices[: len(self.notices)] = self.notices
        larger.touched[: len(self.touched)] = self.touched
        larger.used[:] = self.used
        return larger

    def columns(self) -> DecisionColumns:
        """Views, not copies."""
        columns = [*self.rows.T, *self.impacts.T, *self.notices.T, self.touched, self.used]
        return DecisionColumns(*columns)
