"""A plain and slow reader of a compiled table: one event's price, increment by increment, in fractions."""

import math
from fractions import Fraction

import numpy as np

from rating_kernels.tariff_table import (
    CAP_FREE,
    DOWN,
    FLOOR,
    HALF_EVEN,
    HALF_UP,
    MATCH_RANGE,
    MATCH_TEXT,
    PRICE_AT_START,
    SECONDS_PER_DAY,
    SECONDS_PER_WEEK,
    UP,
    TariffTable,
)

EPOCH_SECOND_OF_WEEK = 3 * SECONDS_PER_DAY  # 1970-01-01 was a Thursday


def price_event(table: TariffTable, plan: int, time_us: int, quantity: int, fields: list) -> int | None:
    """Stored units of the plan's first detail; seconds are the quantity. None = no rate."""
    versions = range(table.plan_version_first[plan], table.plan_version_first[plan + 1])
    version = max((v for v in versions if table.version_valid_from_us[v] <= time_us), default=None)
    if version is None:
        return None
    detail = int(table.version_detail_first[version])
    split = table.version_band_mode[version] != PRICE_AT_START
    first, elapsed, total = None, 0, Fraction(0)
    while elapsed < quantity:
        at_us = time_us + (elapsed * 1_000_000 if split else 0)
        price = price_at(table, version, detail, at_us, fields)
        if price is None:
            return None
        first = price if first is None else first
        periods = range(table.price_period_first[price], table.price_period_first[price + 1])
        period = max(p for p in periods if table.period_from[p] <= elapsed)
        total += int(table.period_increment_num[period])
        elapsed += int(table.period_increment[period])
    if first is None:
        first = price_at(table, version, detail, time_us, fields)
    if first is None:
        return None
    total += int(table.price_connect_num[first]) + int(table.price_flat_num[first])
    if quantity and table.price_minimum_num[first] >= 0:
        total = max(total, Fraction(int(table.price_minimum_num[first])))
    if table.price_cap[first] == CAP_FREE:
        total = min(total, Fraction(int(table.price_maximum_num[first])))
    exact = total / int(table.detail_denominator[detail])
    return rounded(exact, int(table.detail_rounding[detail]), int(table.detail_step[detail]))


def price_at(table: TariffTable, version: int, detail: int, time_us: int, fields: list) -> int | None:
    zone = table.version_zone[version]
    rows = slice(table.zone_first[zone], table.zone_first[zone + 1])
    offset = table.zone_offset_s[rows][np.searchsorted(table.zone_from_us[rows], time_us, side="right") - 1]
    second = (time_us // 1_000_000 + int(offset) + EPOCH_SECOND_OF_WEEK) % SECONDS_PER_WEEK
    breaks = table.break_second[table.detail_break_first[detail] : table.detail_break_first[detail + 1]]
    slot = int(np.searchsorted(breaks, second, side="right")) - 1
    for node in reversed(nodes_on_path(table, detail, fields)):
        best = None
        for rule in range(table.node_rule_first[node], table.node_rule_first[node + 1]):
            if not fits(table, rule, fields):
                continue
            band, start = table.rule_band[rule], -1
            if band >= 0:
                start = int(table.band_slot_start[table.band_slot_first[band] + slot])
                if start < 0:
                    continue
            key = (int(table.rule_weight[rule]), start)
            if best is None or key > best[0]:
                best = (key, int(table.rule_price[rule]))
        if best is not None:
            return best[1]
    return None


def nodes_on_path(table: TariffTable, detail: int, fields: list) -> list[int]:
    node = int(table.detail_root[detail])
    path, field = [node], table.detail_prefix_field[detail]
    for byte in fields[field].encode() if field >= 0 else b"":
        edges = range(table.node_edge_first[node], table.node_edge_first[node + 1])
        node = next((int(table.edge_node[e]) for e in edges if table.edge_byte[e] == byte), -1)
        if node < 0:
            break
        path.append(node)
    return path


def fits(table: TariffTable, rule: int, fields: list) -> bool:
    for c in range(table.rule_condition_first[rule], table.rule_condition_first[rule + 1]):
        value, low, high = (
            fields[table.condition_field[c]],
            int(table.condition_low[c]),
            int(table.condition_high[c]),
        )
        if table.condition_kind[c] == MATCH_TEXT:
            if not isinstance(value, str) or bytes(table.text[low : low + high]) != value.encode():
                return False
        elif table.condition_kind[c] == MATCH_RANGE:
            if not isinstance(value, int) or not low <= value < high:
                return False
        elif value != low:
            return False
    return True


def rounded(amount: Fraction, mode: int, step: int) -> int:
    steps = amount / step
    whole = {
        HALF_UP: lambda: math.floor(abs(steps) + Fraction(1, 2)) * (1 if steps >= 0 else -1),
        HALF_EVEN: lambda: round(steps),
        UP: lambda: math.ceil(abs(steps)) * (1 if steps >= 0 else -1),
        DOWN: lambda: math.floor(abs(steps)) * (1 if steps >= 0 else -1),
        FLOOR: lambda: math.floor(steps),
    }[mode]()
    return whole * step
