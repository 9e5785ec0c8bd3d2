"""Pure. Whether a running deployment may go on with another catalogue.

What `charging catalog diff` only warns about is refused here: balances, profiles and open cycles that are
in use hold ids and units of the version before.
"""

from typing import NamedTuple

from config.compiled_catalogue import CompiledCatalogue, ItemKey
from config.diff_catalogue import forbidden_changes, same_content
from config.faults import Fault

LOADED, UNCHANGED, REFUSED, FAULTY = "loaded", "unchanged", "refused", "faulty"


class Verdict(NamedTuple):
    """LOADED: go on with it; UNCHANGED: it says the same; REFUSED, FAULTY: keep the one in use, and why."""

    result: str
    faults: tuple[Fault, ...] = ()


def judge(used: CompiledCatalogue, found: CompiledCatalogue) -> Verdict:
    """What to do with a catalogue that compiles."""
    if used.version == found.version and same_content(used.catalogue, found.catalogue):
        return Verdict(UNCHANGED)
    faults = forbidden_changes(used.catalogue, found.catalogue)
    faults += [_not_booked(key) for number, key in used.items.items() if number not in found.items]
    return Verdict(REFUSED, tuple(faults)) if faults else Verdict(LOADED)


def _not_booked(key: ItemKey) -> Fault:
    names = ", ".join(filter(None, (key.bill_item, key.general_ledger, key.tax, key.resource)))
    return Fault(
        "catalogue",
        f"item({names})",
        "nothing is booked to it any more, but open cycles may hold its totals",
        "keep the version that did, and add one with a later valid_from",
    )
