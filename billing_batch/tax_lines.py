"""Pure. The taxes of a bill: computed on its lines, or charged with the events and only added up.

A tax of the bill is computed per code and rate on the summed base and rounded once (EN 16931, BR-CO-17;
DECISIONS 15). A tax that was charged with the events is never computed again (DECISIONS 46).
"""

from billing_batch.bill_parts import AT_RATING, Item, Line, TaxLine, UnknownItemError, to_minor
from config.compiled_catalogue import CompiledCatalogue, TaxRateInfo
from rating_kernels.quantities import round_div
from rating_kernels.tariff_table import HALF_UP

PERCENT_MICRO = 100 * 10**6


def tax_lines(
    lines: list[Line], charged: list[Item], catalogue: CompiledCatalogue, digits: int, end_us: int
) -> tuple[TaxLine, ...]:
    """One a tax, by code; `charged` are the totals of taxes charged with events."""
    codes = {line.tax for line in lines if line.tax} | {item.tax for item in charged}
    made = []
    for code in sorted(codes):
        base_minor = sum(line.net_minor for line in lines if line.tax == code)
        if catalogue.catalogue.taxes[code].at == AT_RATING:
            mine = [item for item in charged if item.tax == code]
            made.append(_charged_line(code, base_minor, mine, catalogue, digits, end_us))
        else:
            made.append(_computed_line(code, base_minor, catalogue, end_us))
    return tuple(made)


def rates_between(rates: tuple[TaxRateInfo, ...], start_us: int, end_us: int) -> list[TaxRateInfo]:
    """The rates that were in force at some time of an interval."""
    return [rate for rate in rates if rate.valid_from_us < end_us and start_us < rate.valid_to_us]


def _computed_line(code: str, base_minor: int, catalogue: CompiledCatalogue, end_us: int) -> TaxLine:
    """The rate in force in the cycle's last instant."""
    in_force = rates_between(catalogue.tax_rates[code], end_us - 1, end_us)
    if not in_force:
        raise UnknownItemError(f"tax {code} has no rate at the end of the cycle: add one to the catalogue")
    percent_micro = in_force[0].percent_micro
    amount = int(round_div(base_minor * percent_micro, PERCENT_MICRO, HALF_UP))
    return TaxLine(code, catalogue.catalogue.taxes[code].category, percent_micro, base_minor, amount)


def _charged_line(
    code: str, base_minor: int, charged: list[Item], catalogue: CompiledCatalogue, digits: int, end_us: int
) -> TaxLine:
    """What is owed of it, converted once; the newest rate goes with it, each event had that of its time."""
    owed = sum(item.total.owed for item in charged)
    tax_minor, residue_micro = to_minor(owed, digits)
    begun = [rate.percent_micro for rate in catalogue.tax_rates[code] if rate.valid_from_us < end_us]
    return TaxLine(
        code,
        catalogue.catalogue.taxes[code].category,
        begun[-1] if begun else 0,
        base_minor,
        tax_minor,
        AT_RATING,
        residue_micro,
        sum(item.total.amount for item in charged),
        owed,
    )
