"""Pure. Compile every kernel for the production types, so that no event waits for a compiler.

Compiled code is cached beside the modules: the first time takes about a minute, later ones
less than a second.
"""

import numpy as np

from rating_kernels.batch_columns import LIMITS
from rating_kernels.batch_words import EVENT_WORDS, DecisionWords
from rating_kernels.decide_events import decide_events
from rating_kernels.table_words import table_words
from rating_kernels.tariff_table import TariffTable
from rating_kernels.workspace import new_workspace


def warm_up() -> None:
    """Decide a batch of no events: every kernel is reached from there."""
    none, limits = np.zeros(0, np.int64), np.zeros(LIMITS, np.int64)
    decide_events(
        table_words(TariffTable._make(np.zeros(1, np.int64) for _ in TariffTable._fields)),
        np.zeros(2, np.int64),
        limits,
        np.zeros((0, EVENT_WORDS), np.int64),
        np.frombuffer(b"\0", np.uint8),
        none,
        0,
        np.zeros(1, np.int64),
        none,
        none,
        np.zeros(1, np.int64),
        DecisionWords(0, 1, 1, 1),
        new_workspace(limits),
    )
