"""Pure. Rules into prefix tries: which price an event's fields, and the time of day, lead to.

A list in a rule fits each of its values, so a rule becomes one entry for each combination. Two entries
that an event could fit equally well are a fault.
"""

import itertools
from typing import Any, NamedTuple

from config.compilation import Columns, Place
from config.compiled_catalogue import FieldInfo
from config.rate_plan import Range, Rule
from rating_kernels.tariff_table import MATCH_NUMBER, MATCH_RANGE, MATCH_TEXT
from rating_kernels.workspace import PATH_MAX

ANY_TIME = -1
# The path of a look-up begins with the empty prefix.
PREFIX_BYTES_MAX = PATH_MAX - 1


class Condition(NamedTuple):
    """What one field must be: a text, a number, or a number of a half-open range."""

    slot: int
    kind: int
    value: str
    low: int
    high: int


class Entry(NamedTuple):
    """A rule for one prefix and one combination of values."""

    rule: int  # its place in the detail
    prefix: bytes
    weight: int
    band: int  # of the detail's bands, or ANY_TIME
    price: int  # of the detail's prices
    conditions: tuple[Condition, ...]


def rule_entries(
    rule: tuple[int, Rule], fields: dict[str, FieldInfo], band: int, price: int, place: Place
) -> list[Entry]:
    """The entries of a rule; `fields` are those that rules can test."""
    number, written = rule
    prefixes = (written.prefix,) if isinstance(written.prefix, str) else written.prefix or ("",)
    for prefix in prefixes:
        if len(prefix.encode()) > PREFIX_BYTES_MAX:
            message = f"{prefix!r} is longer than events are looked up by"
            place.at("prefix").fault(message, f"use at most {PREFIX_BYTES_MAX} bytes")
    choices: list[list[Condition]] = []
    for name, value in written.match.items():
        values = value if isinstance(value, tuple) else (value,)
        choices.append([_equal(name, one, fields, place.at(f"match.{name}")) for one in values])
    for name, bounds in written.within.items():
        choices.append([_inside(name, bounds, fields, place.at(f"within.{name}"))])
        if name in written.match:
            place.at(f"within.{name}").fault("is tested by `match` too", "keep one of them")
    return [
        Entry(number, prefix.encode(), written.weight, band, price, conditions)
        for prefix in prefixes
        for conditions in itertools.product(*choices)
    ]


def check_overlaps(entries: list[Entry], slots: list[list[int]], place: Place) -> None:
    """A fault for each two rules that the same event can fit at the same time with nothing to choose by."""
    alike: dict[Any, list[Entry]] = {}
    for entry in entries:
        tested = tuple(sorted(condition.slot for condition in entry.conditions))
        alike.setdefault((entry.prefix, entry.weight, tested), []).append(entry)
    reported: set[tuple[int, int]] = set()
    for group in alike.values():
        for one, other in itertools.combinations(group, 2):
            pair = (one.rule, other.rule)
            if pair in reported or not _same_start(one.band, other.band, slots) or not _both_fit(one, other):
                continue
            reported.add(pair)
            what = "names it twice" if one.rule == other.rule else f"is not told from rule[{one.rule}]"
            message = f"prefix {one.prefix.decode()!r}, weight {one.weight}: {what}"
            place.at(f"rule[{other.rule}]").fault(message, "give one another weight, band or condition")


def check_reach(entries: list[Entry], place: Place) -> None:
    """A fault for each rule that never holds: whatever fits it fits a rule written before it, which goes first."""
    alike: dict[Any, list[Entry]] = {}
    for entry in entries:
        alike.setdefault((entry.prefix, entry.weight, entry.band), []).append(entry)
    hidden_by: dict[int, int] = {}
    reached: set[int] = set()
    for group in alike.values():
        for number, entry in enumerate(group):
            above = next((one for one in group[:number] if _hides(one, entry)), None)
            if above is None:
                reached.add(entry.rule)
            else:
                hidden_by.setdefault(entry.rule, above.rule)
    for rule in sorted(hidden_by.keys() - reached):
        message = f"never holds: rule[{hidden_by[rule]}] fits whatever it fits, and stands before it"
        place.at(f"rule[{rule}]").fault(message, "move it up, or give it a higher weight")


def add_trie(columns: Columns, entries: list[Entry], first_band: int, first_price: int) -> int:
    """Append the trie of a detail; returns its root. Bands and prices of the detail are numbered from the firsts."""
    nodes: dict[bytes, set[int]] = {b"": set()}
    rules: dict[bytes, list[Entry]] = {}
    for entry in entries:
        rules.setdefault(entry.prefix, []).append(entry)
        for length in range(len(entry.prefix)):
            nodes.setdefault(entry.prefix[:length], set()).add(entry.prefix[length])
        nodes.setdefault(entry.prefix, set())
    root = columns.rows("node_edge_first")
    numbers = {prefix: root + number for number, prefix in enumerate(nodes)}
    for prefix, following in nodes.items():
        columns.open("node_edge_first")
        for byte in sorted(following):
            columns.add(edge_byte=byte, edge_node=numbers[prefix + bytes([byte])])
        columns.open("node_rule_first")
        for entry in sorted(rules.get(prefix, []), key=lambda entry: -entry.weight):
            columns.add(
                rule_weight=entry.weight,
                rule_band=ANY_TIME if entry.band == ANY_TIME else first_band + entry.band,
                rule_price=first_price + entry.price,
            )
            columns.open("rule_condition_first")
            for condition in entry.conditions:
                _add_condition(columns, condition)
    return numbers[b""]


def _add_condition(columns: Columns, condition: Condition) -> None:
    low, high = condition.low, condition.high
    if condition.kind == MATCH_TEXT:
        text = condition.value.encode()
        low, high = len(columns.text), len(text)
        columns.text += text
    columns.add(
        condition_field=condition.slot, condition_kind=condition.kind, condition_low=low, condition_high=high
    )


def _equal(name: str, value: str | int, fields: dict[str, FieldInfo], place: Place) -> Condition:
    slot = _slot(name, "text" if isinstance(value, str) else "number", fields, place)
    if isinstance(value, str):
        return Condition(slot, MATCH_TEXT, value, 0, 0)
    return Condition(slot, MATCH_NUMBER, "", value, value + 1)


def _inside(name: str, bounds: Range, fields: dict[str, FieldInfo], place: Place) -> Condition:
    if bounds.from_ >= bounds.to:
        place.fault(
            f"no number is in {bounds.from_}..{bounds.to}", "`to` is exclusive: make it larger than `from`"
        )
    return Condition(_slot(name, "number", fields, place), MATCH_RANGE, "", bounds.from_, bounds.to)


def _slot(name: str, kind: str, fields: dict[str, FieldInfo], place: Place) -> int:
    if name not in fields:
        known = ", ".join(fields) or "none"
        place.fault("events have no such rating field", f"rating fields of the service type: {known}")
        return 0
    if fields[name].kind != kind:
        place.fault(
            f"the field is a {fields[name].kind}, the value a {kind}", "write the value as the field is"
        )
    return fields[name].slot


def _same_start(one: int, other: int, slots: list[list[int]]) -> bool:
    """Whether two bands can be in force together without one having started later."""
    if ANY_TIME in (one, other):
        return one == other
    return any(a == b >= 0 for a, b in zip(slots[one], slots[other], strict=True))


def _hides(above: Entry, below: Entry) -> bool:
    """Whether an entry with fewer conditions fits all that another fits; with the same ones they overlap."""
    theirs = {condition.slot: condition for condition in below.conditions}
    return len(above.conditions) < len(theirs) and all(
        mine.slot in theirs and _within(theirs[mine.slot], mine) for mine in above.conditions
    )


def _within(narrow: Condition, wide: Condition) -> bool:
    if MATCH_TEXT in (narrow.kind, wide.kind):
        return (narrow.kind, narrow.value) == (wide.kind, wide.value)
    return wide.low <= narrow.low and narrow.high <= wide.high


def _both_fit(one: Entry, other: Entry) -> bool:
    theirs = {condition.slot: condition for condition in other.conditions}
    return all(
        mine.value == theirs[mine.slot].value
        if mine.kind == MATCH_TEXT
        else mine.low < theirs[mine.slot].high and theirs[mine.slot].low < mine.high
        for mine in one.conditions
    )
