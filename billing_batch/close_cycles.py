"""Shell. `billing run`: close every cycle that is due, children before owners, each exactly once.

For each level and shard: cut through the one door (idempotent), then bill, numbers, status moves and the
invoice in one SQL transaction, then the billed cycle is dropped from the store. A crash leaves the cycle
sealed in the store and the bill either active, or complete and marked `in_store`; running again finishes it.
"""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from balance_store.group_change import Changed
from balance_store.one_door import CustomersApartError, change_groups
from balance_store.profile_record import Profile
from balance_store.requests import Store
from billing_batch.bill import NO_DISCOUNTS, balanced, build_bill, child_line
from billing_batch.bill_parts import KIND_CHILD, Bill
from billing_batch.bill_records import (
    BILL_SEQUENCE,
    INVOICE_SEQUENCE,
    active_bill_of,
    add_child_line,
    billed_in_store,
    child_lines,
    discounts_bought,
    due_bills,
    forgotten_in_store,
    keep_credit,
    keep_invoice,
    move_to_next_bill,
    next_numbers,
    owners,
    still_active,
    use_credits,
    write_bill,
)
from billing_batch.billing_order import billing_levels
from billing_batch.customer_parties import customer_party
from billing_batch.cut_cycle import CutTools, ItemTotal, drop_cycles
from billing_batch.due_bill import DueBill
from billing_batch.invoice import as_json
from billing_batch.invoice_of_bill import Dates, invoice_of
from config.civil_time import cycle_at
from config.compiled_catalogue import CompiledCatalogue
from config.settings import Settings
from customer_care.currencies import minor_digits
from customer_care.records import reading, writing
from rating_kernels.tariff_table import Ints

CALLER = b"billing"
# Bills of one transaction and groups of one commit: large enough to be quick, small enough to be short.
BATCH_BILLS = 200
MINUTE_US = 60_000_000


class RunReport(NamedTuple):
    """What a run did, and what it left for later."""

    closed: int
    total_minor: int
    moved: int  # bills of children that went to their owners
    waiting: int  # cycles that are over, but whose grace is not
    grace_minutes: int


class Billing:
    """One run: the settings, the catalogue and the two stores it works on."""

    def __init__(
        self, engine: Engine, store: Store, settings: Settings, catalogue: CompiledCatalogue
    ) -> None:
        self._engine = engine
        self._store = store
        self._settings = settings
        self._catalogue = catalogue
        self._tools = CutTools(catalogue, settings.charging.snapshots_max)
        # A statement a bill that most operators do not need.
        self._discounts = any(one.on_bill for one in catalogue.discounts.values())

    async def run(self, as_of_us: int, *, force: bool, progress: Callable[[int, int], None]) -> RunReport:
        """Close what is due at an instant. Raises what store and database raise; run again to finish."""
        grace_minutes = 0 if force else self._settings.billing.grace_minutes
        ripe_us = as_of_us - grace_minutes * MINUTE_US
        done = RunReport(0, 0, 0, 0, grace_minutes)
        await self._finish_earlier_runs()
        # A profile that was not billed for months has several cycles to close, one after the other.
        while True:
            with reading(self._engine) as connection:
                over = due_bills(connection, as_of_us)
                owner_of = owners(connection)
            due = {one.billing_profile_id: one for one in over if one.period_end_us <= ripe_us}
            if not due:
                return done._replace(waiting=len(over))
            for level in billing_levels(list(due), owner_of):
                done = await self._close_level(
                    [due[profile] for profile in level], owner_of, as_of_us, done, progress
                )

    async def _close_level(
        self,
        due: list[DueBill],
        owner_of: dict[int, int],
        as_of_us: int,
        done: RunReport,
        progress: Callable[[int, int], None],
    ) -> RunReport:
        for shard, batch in _batches(due):
            totals = await self._cut(shard, batch)
            with writing(self._engine) as connection:
                for one in batch:
                    if still_active(connection, one.bill_id):
                        done = self._close(connection, one, totals[one.group_id], owner_of, as_of_us, done)
            await self._forget(shard, batch)
            progress(len(batch), done.closed)
        return done

    async def _cut(self, shard: int, batch: list[DueBill]) -> dict[int, list[ItemTotal]]:
        """End and seal the cycles; item totals by group."""
        by_group = {one.group_id: one for one in batch}

        def compute(group_id: int, image: Ints, profile: Profile) -> Changed:
            one = by_group[group_id]
            return self._tools.cut(image, profile, one.cycle_no, one.period_end_us)

        answers = await self._change(shard, batch, compute)
        return {group_id: totals for group_id, totals in answers.items() if isinstance(totals, list)}

    async def _finish_earlier_runs(self) -> None:
        """Take out of the store what a run that died had billed."""
        with reading(self._engine) as connection:
            left = _batches(billed_in_store(connection))
        for shard, batch in left:
            await self._forget(shard, batch)

    async def _forget(self, shard: int, batch: list[DueBill]) -> None:
        """Take billed cycles out of the store, and note that they are."""
        by_group = {one.group_id: one for one in batch}

        def compute(group_id: int, image: Ints, _: Profile) -> Changed:
            dropped = drop_cycles(image, by_group[group_id].cycle_no + 1)
            return Changed(image if dropped else None, None)

        await self._change(shard, batch, compute)
        with writing(self._engine) as connection:
            forgotten_in_store(connection, [one.bill_id for one in batch])

    async def _change(
        self, shard: int, batch: list[DueBill], compute: Callable[[int, Ints, Profile], Changed]
    ) -> dict[int, object]:
        groups = {one.group_id: one.customer_id for one in batch}
        try:
            return await change_groups(self._store, shard, groups, compute, self._catalogue.version, CALLER)
        except CustomersApartError as error:
            apart: dict[int, list[DueBill]] = {}
            for one in batch:
                apart.setdefault(error.lives.get(one.customer_id, shard), []).append(one)
        answers: dict[int, object] = {}
        for where, some in sorted(apart.items()):
            answers |= await self._change(where, some, compute)
        return answers

    def _close(
        self,
        connection: Connection,
        due: DueBill,
        totals: list[ItemTotal],
        owner_of: dict[int, int],
        as_of_us: int,
        done: RunReport,
    ) -> RunReport:
        """Write one bill and move its profile to the next cycle."""
        digits = minor_digits(due.currency)
        assert digits is not None, "an import checks the currency"
        children = tuple(line for line in child_lines(connection, due.bill_id) if line.kind == KIND_CHILD)
        end_us = due.period_end_us
        bought = discounts_bought(connection, due.group_id, end_us - 1) if self._discounts else NO_DISCOUNTS
        bill = build_bill(totals, children, self._catalogue, digits, end_us, bought)
        number = next_numbers(connection, self._catalogue.site.name, BILL_SEQUENCE, 1)
        owner = owner_of.get(due.billing_profile_id)
        dates = Dates.of(as_of_us, self._settings.billing.payment_terms_days, self._catalogue.site.time_zone)
        values: dict[str, object] = {"number": number, "issued_at_us": as_of_us, "due_at_us": dates.due_at_us}
        moved = owner is not None and bill.total_minor != 0
        if owner is not None and bill.total_minor != 0:
            owner_bill = active_bill_of(connection, owner)
            add_child_line(
                connection, owner_bill, child_line(due.bill_id, number, due.customer, bill.total_minor)
            )
            final = balanced(bill, owner_bill)
            values |= {"status": "closed", "due_minor": 0, "closed_at_us": as_of_us}
        else:
            final = bill
            values |= self._settle(connection, due, bill.total_minor, as_of_us)
        write_bill(connection, due.bill_id, final, values)
        self._write_invoice(connection, due, bill, values, dates, digits, moved=moved)
        move_to_next_bill(connection, due, self._catalogue.site.name, self._period_after_next(due))
        return done._replace(
            closed=done.closed + 1,
            total_minor=done.total_minor + final.total_minor,
            moved=done.moved + moved,
        )

    def _settle(
        self, connection: Connection, due: DueBill, total_minor: int, as_of_us: int
    ) -> dict[str, object]:
        """Status and what is due: credits are used, a bill of zero is closed, one below zero is credit."""
        if total_minor < 0:
            keep_credit(connection, due, -total_minor, as_of_us)
            due_minor = 0
        else:
            due_minor = total_minor - use_credits(connection, due.billing_profile_id, total_minor)
        if due_minor == 0:
            return {"status": "closed", "due_minor": 0, "closed_at_us": as_of_us}
        return {"status": "billing", "due_minor": due_minor}

    def _write_invoice(
        self,
        connection: Connection,
        due: DueBill,
        bill: Bill,
        values: dict[str, object],
        dates: Dates,
        digits: int,
        *,
        moved: bool,
    ) -> None:
        """What the customer gets: nothing for a prepaid account, an empty bill, or one that somebody else pays."""
        if due.payment_type == "prepaid" or not bill.lines or moved:
            return
        party, method = customer_party(connection, due.customer_id, due.billing_profile_id)
        due_minor = values["due_minor"]
        assert isinstance(due_minor, int)
        # Not the bill's number: bills without an invoice would leave gaps (DECISIONS 25).
        number = next_numbers(connection, self._catalogue.site.name, INVOICE_SEQUENCE, 1)
        invoice = invoice_of(
            due, bill, number, due_minor, party, method, dates, digits, self._settings, self._catalogue
        )
        keep_invoice(
            connection, due.bill_id, self._catalogue.site.name, number, as_json(invoice), dates.issued_at_us
        )

    def _period_after_next(self, due: DueBill) -> tuple[int, int]:
        """The cycle after the one that now begins."""
        zone = self._catalogue.site.time_zone
        rhythm = (due.interval_kind, due.interval_count, due.billing_day, due.anchor_days, zone)
        _, next_end_us = cycle_at(*rhythm, due.period_end_us)
        return cycle_at(*rhythm, next_end_us)


def _batches(due: list[DueBill]) -> list[tuple[int, list[DueBill]]]:
    """Bills by shard, in batches; a group is in a batch once, since its cycles are closed one after the other."""
    by_shard: dict[int, list[DueBill]] = {}
    for one in due:
        by_shard.setdefault(one.shard, []).append(one)
    return [
        (shard, some[first : first + BATCH_BILLS])
        for shard, some in sorted(by_shard.items())
        for first in range(0, len(some), BATCH_BILLS)
    ]
