"""Pure. What differs between two catalogues as written, and what must not differ within one deployment.

Rows of a list are matched in order by what names them (`ROW_NAMES`) where that is unique, otherwise by
content, so that one row put in between is one change and not a change of all that follow.
"""

import difflib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from config.catalogue import PLURALS, Catalogue, Resource
from config.exact_amounts import MONEY_DECIMALS
from config.faults import Fault
from config.rate_plan import RatePlan

# Field that holds a list of tables -> the fields that name a row of it.
ROW_NAMES = {
    "version": ("valid_from",),
    "detail": ("resource",),
    "rule": ("prefix", "match", "within", "band", "weight"),
    "periods": ("from",),
    "field": ("name",),
    "allowances": ("resource",),
    "limit": ("payment_type", "resource"),
    "rate": ("valid_from",),
}
# Records, stored balances and profiles hold ids of these for years.
KEPT_TABLES = ("resource", "event_type", "rate_plan", "product", "bill_item", "general_ledger", "tax")
# Tables whose `at` says whether charging or billing does it, and what a change would do to open cycles.
CHARGED_AT = {
    "tax": "changed: what is charged already would be taxed twice, or not at all",
    "discount": "changed: it would come off twice, or not at all for whoever has it",
}
SHOWN_VALUE_MAX = 160


class Change(NamedTuple):
    """One difference; None = not there. `path` is within the table's row, empty for the row as a whole."""

    table: str
    code: str
    path: str
    before: Any
    after: Any


def catalogue_changes(before: Catalogue, after: Catalogue) -> list[Change]:
    """Every difference, by table and code in the order of the files; values are plain, as in TOML."""
    changes = []
    if before.version != after.version:
        changes.append(Change("version", "", "", before.version, after.version))
    changes += _row_changes("site", "", before.site, after.site)
    for table, plural in PLURALS.items():
        old, new = getattr(before, plural), getattr(after, plural)
        for code in {**old, **new}:
            changes += _row_changes(table, code, old.get(code), new.get(code))
    return changes


def same_content(before: Catalogue, after: Catalogue) -> bool:
    """Whether both say the same, whatever their version and their files."""
    return msgspec.structs.replace(after, version=before.version, files=before.files) == before


def forbidden_changes(before: Catalogue, after: Catalogue) -> list[Fault]:
    """What must not be done between two versions of one deployment; both are without faults."""
    faults = []
    grows = after.version > before.version
    if not grows and (after.version < before.version or not same_content(before, after)):
        message = f"{after.version} does not grow, the version before is {before.version}"
        faults.append(Fault("catalogue", "version", message, f"write {before.version + 1}"))
    for table in KEPT_TABLES:
        old, new = getattr(before, PLURALS[table]), getattr(after, PLURALS[table])
        faults += [_gone(before, table, code, "") for code in old if code not in new]
    for code in before.rate_plans.keys() & after.rate_plans.keys():
        gone = _price_names(before.rate_plans[code]) - _price_names(after.rate_plans[code])
        faults += [_gone(before, "rate_plan", code, f".price.{name}") for name in sorted(gone)]
    return faults + _changed_units(before, after)


def describe_changes(changes: list[Change]) -> str:
    """The changes as people read them: a row as a whole on one line, else its changed fields below it."""
    lines = []
    last = ("", "")
    for change in changes:
        name = f'{change.table} "{change.code}"' if change.code else change.table
        if change.path:
            if (change.table, change.code) != last:
                lines.append(f"~ {name}")
            last = (change.table, change.code)
            name = f"    {change.path}"
        if change.before is None:
            lines.append(f"{_marked('+', name)}: {_shown(change.after)}")
        elif change.after is None:
            lines.append(f"{_marked('-', name)}: {_shown(change.before)}")
        else:
            lines.append(f"{_marked('~', name)}: {_shown(change.before)} -> {_shown(change.after)}")
    return "".join(f"{line}\n" for line in lines)


def _marked(mark: str, name: str) -> str:
    """The mark in front of a name, behind its indentation."""
    bare = name.lstrip()
    return f"{' ' * (len(name) - len(bare))}{mark} {bare}"


def _row_changes(table: str, code: str, before: Any, after: Any) -> list[Change]:
    if before == after:
        return []
    old, new = (None if row is None else msgspec.to_builtins(row) for row in (before, after))
    if old is None or new is None:
        return [Change(table, code, "", old, new)]
    return [Change(table, code, *difference) for difference in _differences("", "", old, new)]


def _differences(path: str, name: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """(path, before, after) of each difference; `name` is the field that holds the two values."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            inner = f"{path}.{key}" if path else key
            yield from _differences(inner, key, before.get(key), after.get(key))
    elif _is_tables(before) and _is_tables(after):
        for label, old, new in _matched(name, before, after):
            yield from _differences(f"{path}[{label}]", "", old, new)
    else:
        yield path, before, after


def _is_tables(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(row, dict) for row in value)


def _matched(
    name: str, before: tuple[dict[str, Any], ...], after: tuple[dict[str, Any], ...]
) -> Iterator[tuple[str, Any, Any]]:
    """(label, row before, row after); None where a row has no partner."""
    old, new = _labels(name, before), _labels(name, after)
    if old is None or new is None:
        old, new = _contents(before), _contents(after)
        labels = [str(number) for number in range(max(len(before), len(after)))]
        old_labels, new_labels = labels, labels
    else:
        old_labels, new_labels = old, new
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for _, old_at, old_end, new_at, new_end in matcher.get_opcodes():
        for place in range(max(old_end - old_at, new_end - new_at)):
            row = before[old_at + place] if old_at + place < old_end else None
            partner = after[new_at + place] if new_at + place < new_end else None
            # A row goes by what it was called before; a new one by what it is called now.
            yield (
                new_labels[new_at + place] if row is None else old_labels[old_at + place],
                row,
                partner,
            )


def _labels(name: str, rows: tuple[dict[str, Any], ...]) -> list[str] | None:
    """What names each row; None where that does not tell them apart."""
    fields = ROW_NAMES.get(name, ())
    if not fields or not all(field in row for row in rows for field in fields):
        return None
    labels = [_label(fields, row) for row in rows]
    return labels if len(set(labels)) == len(labels) else None


def _contents(rows: tuple[dict[str, Any], ...]) -> list[str]:
    return [msgspec.json.encode(row, order="sorted").decode() for row in rows]


def _label(fields: tuple[str, ...], row: dict[str, Any]) -> str:
    if len(fields) == 1:
        return str(row[fields[0]])
    # 0 is the weight of a rule that says none.
    named = [f"{field}={_text(row[field])}" for field in fields if _is_set(row[field]) and row[field] != 0]
    return ", ".join(named) or "anything"


def _is_set(value: Any) -> bool:
    return value is not None and value not in ("", (), {})


def _shown(value: Any) -> str:
    """A value on one line, without what was left out; cut where nobody would read on."""
    text = _text(value)
    return text if len(text) <= SHOWN_VALUE_MAX else f"{text[:SHOWN_VALUE_MAX]}..."


def _text(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{name} = {_text(one)}" for name, one in value.items() if _is_set(one))
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, tuple):
        return f"[{', '.join(_text(one) for one in value)}]"
    return msgspec.json.encode(value).decode()


def _gone(before: Catalogue, table: str, code: str, inner: str) -> Fault:
    return Fault(
        before.files[table, code],
        f'{table}["{code}"]{inner}',
        "is gone, but records and balances may still name it",
        "keep it, and take it out of what is sold",
    )


def _price_names(plan: RatePlan) -> set[str]:
    """Names of a plan's prices, which records hold without the version they stood in."""
    return {name for version in plan.version for name in version.price}


def _changed_units(before: Catalogue, after: Catalogue) -> list[Fault]:
    """Stored numbers that would mean something else from one version to the next."""
    faults = []
    cure = "put it back, and add one with another code"
    for code in [code for code in before.resources if code in after.resources]:
        old, new = before.resources[code], after.resources[code]
        place = (after.files["resource", code], f'resource["{code}"]')
        if old.monetary != new.monetary:
            faults.append(Fault(place[0], f"{place[1]}.monetary", "changed: balances are kept in it", cure))
        elif _stored_decimals(old) != _stored_decimals(new):
            message = f"changed from {old.decimals} to {new.decimals}: balances are kept in units of it"
            faults.append(Fault(place[0], f"{place[1]}.decimals", message, cure))
    for code in [code for code in before.event_types if code in after.event_types]:
        decimals = before.event_types[code].quantity_decimals, after.event_types[code].quantity_decimals
        if decimals[0] != decimals[1]:
            path = f'event_type["{code}"].quantity_decimals'
            message = f"changed from {decimals[0]} to {decimals[1]}: quantities are kept in units of it"
            faults.append(Fault(after.files["event_type", code], path, message, cure))
    for table, message in CHARGED_AT.items():
        old_rows, new_rows = getattr(before, PLURALS[table]), getattr(after, PLURALS[table])
        faults += [
            Fault(after.files[table, code], f'{table}["{code}"].at', message, cure)
            for code, row in old_rows.items()
            if code in new_rows and row.at != new_rows[code].at
        ]
    return faults


def _stored_decimals(resource: Resource) -> int:
    """Money is kept in millionths; its own decimals are only those that people see."""
    return MONEY_DECIMALS if resource.monetary else resource.decimals
