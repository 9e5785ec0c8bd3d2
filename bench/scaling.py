"""Shell. The plan of docs/SCALING.md: what loads beyond one machine need, from the figures of the other pages.

python -m bench.scaling            print the table
python -m bench.scaling --write    put it into docs/SCALING.md
"""

import re
from pathlib import Path

import cyclopts

from bench.scaling_model import Costs, fitted, plan

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- bench.scaling -->\n", "<!-- end -->\n"
LOADS = (
    (50_000, 1_000_000),
    (100_000, 10_000_000),
    (250_000, 10_000_000),
    (500_000, 50_000_000),
    (1_000_000, 100_000_000),
    (2_000_000, 100_000_000),
)
HEAD = (
    "| events/s | customers | daemons | partitions | masters | shards | cores of brokers | batch | latency, about "
    "| memory a master | full first | at |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n"
)


def measured(performance: str, store: str) -> Costs:
    """The costs in the pages' own tables, of the uniform mix: it is the dearer one. Raises ValueError."""
    daemon, broker = (_uniform_us(performance, f"CPU of the {part}") for part in ("daemon", "broker"))
    call_us, group_us = fitted((10, _commit_us(store, 10)), (600, _commit_us(store, 600)))
    return Costs(
        daemon, broker, call_us, group_us, _number(store, r"memory of a customer in all \| ([\d,]+)")
    )


def _uniform_us(page: str, row: str) -> float:
    return _number(page, rf"\| {row} \|[^|]*\|[^|]*\| ([\d.]+) us")


def _commit_us(page: str, groups: int) -> float:
    return _number(page, rf"\n\| {groups} \|[^|]*\| ([\d.]+) \|")


def _number(page: str, pattern: str) -> float:
    found = re.search(pattern, page)
    if found is None:
        raise ValueError(f"the page has no figure where it should be: {pattern}")
    return float(found[1].replace(",", ""))


def table(costs: Costs) -> str:
    """A row for each load."""
    rows = []
    for events, customers in LOADS:
        one = plan(events, customers, costs)
        rows.append(
            f"| {events:,} | {customers:,} | {one.daemons} | {one.partitions} | {one.masters} | {one.shards} "
            f"| {one.broker_cores} | {one.batch_ms:.0f} ms | {one.latency_ms:.0f} ms "
            f"| {one.master_gib:.1f} GiB | {one.breaks_first} | x{one.at_times:.1f} |\n"
        )
    return HEAD + "".join(rows)


def with_table(page: str, rows: str) -> str:
    """The page with these rows between its marks."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + rows + END + rest.partition(END)[2]


def read_costs() -> Costs:
    """The measured costs, from the pages of this tree."""
    return measured((DOCS / "PERFORMANCE.md").read_text(), (DOCS / "STORE.md").read_text())


def main(*, write: bool = False) -> None:
    """Print the plan, or write it."""
    rows = table(read_costs())
    if write:
        page = DOCS / "SCALING.md"
        page.write_text(with_table(page.read_text(), rows))
    else:
        print(rows, end="")


if __name__ == "__main__":
    cyclopts.run(main)
