"""Pure. From a bill and what is known around it to the invoice document."""

import datetime
from typing import NamedTuple

from billing_batch.bill_parts import AT_RATING, Bill
from billing_batch.due_bill import DueBill
from billing_batch.invoice import Invoice, Party, invoice_lines, invoice_taxes, last_day, minor_text
from billing_batch.tax_lines import rates_between
from config.civil_time import civil_date, local_midnight_us
from config.compiled_catalogue import CompiledCatalogue
from config.settings import Settings


class Dates(NamedTuple):
    """When a bill is issued, and until when it can be paid: the end of a day in the site's zone."""

    issued: datetime.date
    issued_at_us: int
    due: datetime.date
    due_at_us: int

    @classmethod
    def of(cls, issued_at_us: int, terms_days: int, zone: str) -> "Dates":
        """Due at the end of the N-th day after the bill (DECISIONS 27)."""
        issued = civil_date(issued_at_us, zone)
        due = issued + datetime.timedelta(days=terms_days)
        end_us = local_midnight_us(due + datetime.timedelta(days=1), zone)
        return cls(issued, issued_at_us, due, end_us)


def invoice_of(
    due: DueBill,
    bill: Bill,
    number: int,
    due_minor: int,
    customer: Party,
    method: str,
    dates: Dates,
    digits: int,
    settings: Settings,
    catalogue: CompiledCatalogue,
) -> Invoice:
    """The document of a bill; `due_minor` is what is left to pay after credits."""
    zone = catalogue.site.time_zone
    names = {code: tax.name for code, tax in catalogue.catalogue.taxes.items()}
    return Invoice(
        number=number,
        bill=due.bill_id,
        site=catalogue.site.name,
        seller=Party(settings.sepa.creditor_name or catalogue.site.name),
        customer=customer,
        customer_code=due.customer,
        currency=due.currency,
        period_start=civil_date(due.period_start_us, zone),
        period_end=last_day(due.period_end_us, zone),
        issued=dates.issued,
        due=dates.due if due_minor else None,
        lines=invoice_lines(bill, digits),
        taxes=invoice_taxes(bill, names, _mixed(due, bill, catalogue), digits),
        net=minor_text(bill.net_minor, digits),
        tax=minor_text(bill.tax_minor, digits),
        total=minor_text(bill.total_minor, digits),
        due_amount=minor_text(due_minor, digits),
        payment_note=_note(due_minor, method, dates),
    )


def _mixed(due: DueBill, bill: Bill, catalogue: CompiledCatalogue) -> frozenset[str]:
    """Taxes charged with events whose rate changed within the cycle: no one rate would be true."""
    period = (due.period_start_us, due.period_end_us)
    return frozenset(
        tax.tax
        for tax in bill.taxes
        if tax.at == AT_RATING
        and len({rate.percent_micro for rate in rates_between(catalogue.tax_rates[tax.tax], *period)}) > 1
    )


def _note(due_minor: int, method: str, dates: Dates) -> str:
    if due_minor == 0:
        return "Nothing is left to pay."
    if method == "direct_debit":
        return "The amount is collected from your account by SEPA direct debit."
    return f"Please pay until {dates.due.isoformat()}."
