"""Pure. Which price a rate plan version has for an event at an instant (DECISIONS 10, 12)."""

from fractions import Fraction

from config.code_ids import code_id, item_id, tax_item_id
from tests.rating_kernels.twin.civil import (
    DAY_US,
    QUARTER_US,
    SECOND_US,
    day_and_second,
    instant_us,
    local_us,
)
from tests.rating_kernels.twin.numbers import ceil_div, stored_decimals
from tests.rating_kernels.twin.prices import NOTHING, TwinPrice

UNIT_US = {"ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}


class TwinBand:
    """Windows of the local week; a window over midnight goes on into the next day from its midnight."""

    def __init__(self, windows) -> None:
        self.windows = []
        for window in windows:
            weekdays = window.weekdays
            if weekdays is None:
                weekdays = () if window.special_days else tuple(range(1, 8))
            self.windows.append(
                (frozenset(weekdays), window.special_days, second_of(window.from_), second_of(window.to))
            )

    def start(self, weekday: int, second: int, special: str | None) -> int | None:
        """The second of the day at which the band that holds now started; None = it does not hold."""
        starts = []
        for weekdays, specials, first, end in self.windows:
            over_midnight = first >= end
            if special is not None:
                if special in specials and first <= second < end:
                    starts.append(first)
                continue
            if weekday in weekdays and first <= second and (over_midnight or second < end):
                starts.append(first)
            # Yesterday's weekday counts even if yesterday was a special day: nights go on after a holiday.
            yesterday = 7 if weekday == 1 else weekday - 1
            if over_midnight and yesterday in weekdays and second < end:
                starts.append(0)
        return max(starts, default=None)


def second_of(text: str) -> int:
    parts = [int(part) for part in text.split(":")] + [0]
    return parts[0] * 3600 + parts[1] * 60 + parts[2]


class TwinRule:
    """A rule; everything that is left out fits anything."""

    def __init__(self, rule, price: TwinPrice) -> None:
        self.price, self.band, self.weight = price, rule.band, rule.weight
        prefixes = (rule.prefix,) if isinstance(rule.prefix, str) else rule.prefix or ("",)
        self.prefixes = frozenset(prefix.encode() for prefix in prefixes)
        self.match = {
            name: value if isinstance(value, tuple) else (value,) for name, value in rule.match.items()
        }
        self.within = rule.within

    def fits(self, fields: dict) -> bool:
        return all(fields.get(name) in values for name, values in self.match.items()) and all(
            name in fields and bounds.from_ <= fields[name] < bounds.to
            for name, bounds in self.within.items()
        )


class TwinDetail:
    """A detail with its prices in stored units of its resource."""

    def __init__(self, catalogue, plan: str, written, version: "TwinVersion", quantity_decimals: int) -> None:
        resource = catalogue.resources[written.resource]
        decimals = stored_decimals(resource)
        prices = {
            name: TwinPrice(price, (plan, name), decimals, quantity_decimals)
            for name, price in version.written.price.items()
        }
        self.version = version
        self.written = written
        self.resource = resource.code
        self.rules = [TwinRule(rule, prices[rule.price]) for rule in written.rule]
        self.mode, self.step = resource.rounding, 1
        if written.rounding is not None:
            self.mode, self.step = written.rounding.mode, 10 ** (decimals - written.rounding.decimals)
        booking = (written.bill_item, written.general_ledger, written.tax)
        self.item_id = item_id(*booking, resource.code) if written.bill_item else 0
        tax = catalogue.taxes.get(written.tax)
        self.tax = tax if tax is not None and tax.at == "rating" else None
        self.tax_item_id = tax_item_id(*booking, resource.code)
        self.allowances = [
            (
                use.resource,
                Fraction(use.units)
                * 10 ** stored_decimals(catalogue.resources[use.resource])
                / (Fraction(use.per) * 10**quantity_decimals),
            )
            for use in written.allowances
        ]

    def fitting(self, fields: dict) -> list[list[TwinRule]]:
        """Rules that the fields fit, the longest prefix's first."""
        text = fields.get(self.written.prefix_field, "") if self.written.prefix_field else ""
        encoded = text.encode()
        by_length = []
        for length in range(len(encoded), -1, -1):
            rules = [rule for rule in self.rules if encoded[:length] in rule.prefixes and rule.fits(fields)]
            if rules:
                by_length.append(rules)
        return by_length

    def price_at(self, fitting: list[list[TwinRule]], time_us: int) -> TwinPrice | None:
        starts = self.version.band_starts(time_us)
        for rules in fitting:
            best = None
            for rule in rules:
                start = starts[rule.band] if rule.band else -1
                if start is not None and (best is None or (rule.weight, start) > best[0]):
                    best = ((rule.weight, start), rule.price)
            if best is not None:
                return best[1]
        return None

    def cost_by_periods(
        self, price: TwinPrice, fitting: list, time_us: int, unit_us: int, elapsed: int, quantity: int
    ) -> Fraction | None:
        """From an elapsed quantity on, the price looked up where an increment starts; None = no price then."""
        total = NOTHING
        while elapsed < quantity:
            end = quantity
            if self.version.splits and unit_us:
                now_us = time_us + elapsed * unit_us
                price = self.price_at(fitting, now_us)
                if price is None:
                    return None
                end = min(end, elapsed + ceil_div(self.version.holds_until_us(now_us) - now_us, unit_us))
            if not price.periods:
                # Without periods nothing is charged for the quantity, as long as the price holds.
                elapsed = end
                continue
            period, following = price.period_at(elapsed)
            end = end if following is None else min(end, following)
            count = ceil_div(end - elapsed, period.block)
            total += count * period.amount
            elapsed += count * period.block
        return total


class TwinVersion:
    """A rate plan version: its bands in its zone, its details."""

    def __init__(self, catalogue, plan, written) -> None:
        events = [e for e in catalogue.event_types.values() if e.service_type == plan.service_type]
        decimals = events[0].quantity_decimals
        self.written = written
        self.zone = written.time_zone or catalogue.site.time_zone
        self.from_us = instant_us(written.valid_from, self.zone)
        self.splits = written.bands != "start" and bool(written.band)
        self.bands = {name: TwinBand(windows) for name, windows in written.band.items()}
        named = {
            day for windows in written.band.values() for window in windows for day in window.special_days
        }
        self.special = {text: code for code in named for text in catalogue.special_days[code].dates}
        edges = {second for band in self.bands.values() for w in band.windows for second in (w[2], w[3])}
        self.edges = sorted((edges - {0}) | {86_400})
        self.details = [TwinDetail(catalogue, plan.code, one, self, decimals) for one in written.detail]
        self._starts: dict = {}

    def band_starts(self, time_us: int) -> dict[str, int | None]:
        """For each band when it started today, or None."""
        if not self.bands:
            return {}
        date, second = day_and_second(self.zone, time_us)
        special = self.special.get(str(date)) or self.special.get(str(date)[5:])
        part = sum(edge <= second for edge in self.edges)
        key = (date.isoweekday(), special, part)
        if key not in self._starts:
            self._starts[key] = {
                name: band.start(date.isoweekday(), second, special) for name, band in self.bands.items()
            }
        return self._starts[key]

    def holds_until_us(self, time_us: int) -> int:
        """No band begins or ends, and no clock is changed, before this instant."""
        shown = local_us(self.zone, time_us) % DAY_US
        edge = next(second for second in self.edges if second * SECOND_US > shown)
        return min(time_us + edge * SECOND_US - shown, (time_us // QUARTER_US + 1) * QUARTER_US)


def price_id(price: TwinPrice) -> int:
    return code_id("price", "/".join(price.name))
