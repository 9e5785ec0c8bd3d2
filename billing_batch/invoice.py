"""Pure. An invoice: what the customer is shown of a bill, as one document and the forms rendered from it."""

import datetime

import msgspec
from minijinja import Environment

from billing_batch.bill_parts import AT_BILL, Bill
from config.civil_time import civil_date

QUANTITY_DIGITS_SHOWN = 3


class Party(msgspec.Struct, frozen=True):
    """Somebody with an address; lines as they are written on an envelope."""

    name: str
    lines: tuple[str, ...] = ()


class InvoiceLine(msgspec.Struct, frozen=True):
    """A line; amounts as decimal text in the invoice's currency."""

    text: str
    net: str
    residue: str  # what is left of the line below the smallest coin
    events: int


class InvoiceTax(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tax on its base; `at` bill: computed on it; rating: charged with each event and added up here."""

    name: str
    percent: str  # empty: events had different rates
    base: str
    tax: str
    at: str = AT_BILL
    residue: str = ""  # what is left below the smallest coin


class Invoice(msgspec.Struct, frozen=True):
    """One invoice, complete: every form is rendered from this and nothing else."""

    number: int
    bill: int
    site: str
    seller: Party
    customer: Party
    customer_code: str
    currency: str
    period_start: datetime.date
    period_end: datetime.date  # the last day
    issued: datetime.date
    due: datetime.date | None
    lines: tuple[InvoiceLine, ...]
    taxes: tuple[InvoiceTax, ...]
    net: str
    tax: str
    total: str
    due_amount: str
    payment_note: str


def minor_text(amount_minor: int, digits: int) -> str:
    """An amount in minor units as decimal text with all its digits: 1250, 2 -> 12.50."""
    sign = "-" if amount_minor < 0 else ""
    text = str(abs(amount_minor)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else f"{sign}{text}"


def micro_text(amount_micro: int) -> str:
    """Millionths as decimal text; empty for nothing."""
    return "" if amount_micro == 0 else minor_text(amount_micro, 6)


def percent_text(percent_micro: int) -> str:
    """Millionths of a percent as people write a rate: 20000000 -> 20."""
    text = minor_text(percent_micro, 6).rstrip("0")
    return text.rstrip(".")


def invoice_lines(bill: Bill, digits: int) -> tuple[InvoiceLine, ...]:
    """The lines of a bill as the customer reads them."""
    return tuple(
        InvoiceLine(
            line.text, minor_text(line.net_minor, digits), micro_text(line.residue_micro), line.events
        )
        for line in bill.lines
    )


def invoice_taxes(
    bill: Bill, names: dict[str, str], mixed: frozenset[str], digits: int
) -> tuple[InvoiceTax, ...]:
    """The taxes of a bill; `names` by tax code, `mixed` those whose events had different rates."""
    return tuple(
        InvoiceTax(
            names[tax.tax],
            "" if tax.tax in mixed else percent_text(tax.percent_micro),
            minor_text(tax.base_minor, digits),
            minor_text(tax.tax_minor, digits),
            tax.at,
            micro_text(tax.residue_micro),
        )
        for tax in bill.taxes
    )


def last_day(end_us: int, zone: str) -> datetime.date:
    """The last civil day of an interval that ends, exclusive, at an instant."""
    return civil_date(end_us - 1, zone)


def as_json(invoice: Invoice) -> bytes:
    """The document, for programs; the same invoice gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(invoice), indent=2) + b"\n"


def from_json(document: bytes) -> Invoice:
    """The invoice of a document."""
    return msgspec.json.decode(document, type=Invoice)


def as_html(invoice: Invoice, template: str) -> bytes:
    """A page that looks right in a browser and on A4 paper; values are escaped."""
    environment = Environment(templates={"invoice.html": template})
    text = environment.render_template("invoice.html", **msgspec.to_builtins(invoice))
    return text.encode()
