"""Pure. Rate plans: versions, their details, and what belongs to each detail."""

from collections.abc import Iterable

from config.compilation import Compilation, Place
from config.compile_bands import Pieces, band_pieces, special_kinds, week_slots
from config.compile_prices import (
    ExactPrice,
    add_price,
    check_room,
    common_denominator,
    counts_use,
    exact_price,
)
from config.compile_rules import ANY_TIME, Entry, add_trie, check_overlaps, check_reach, rule_entries
from config.compile_services import ROUNDING_MODES, UNITS_US, ServiceEvents
from config.compile_tiers import Quantities
from config.compiled_catalogue import FieldInfo, ResourceInfo
from config.exact_amounts import positive
from config.rate_plan import AllowanceUse, Detail, Price, RatePlan, RatePlanVersion, Rule
from config.special_days import special_dates
from rating_kernels.tariff_table import BY_PERIOD, PRICE_AT_START, SPLIT_AT_BANDS
from rating_kernels.workspace import DETAILS_MAX

# Ten years: kernels look at each band in turn, and add what has passed to the event's time.
SPLIT_US_MAX = 10 * 366 * 86_400 * 1_000_000
NO_FIELD = -1
NO_TAX = -1
NO_PRICE = -1


def compile_rate_plans(compilation: Compilation, events: dict[str, ServiceEvents]) -> dict[str, int]:
    """Append every rate plan; returns the index of each."""
    for plan in compilation.catalogue.rate_plans.values():
        place = compilation.place("rate_plan", plan.code)
        compilation.columns.add(plan_id=compilation.name("rate_plan", plan.code, place))
        compilation.columns.open("plan_version_first")
        known = place.refer("service_type", plan.service_type)
        if known and plan.service_type not in events and not _some_event_is_broken(compilation):
            cure = f"add an [[event_type]] with service_type = {plan.service_type!r}"
            place.at("service_type").fault(f"{plan.service_type!r} has no events", cure)
        _RatePlanCompiler(compilation, plan, events.get(plan.service_type), place).run()
    return {code: index for index, code in enumerate(compilation.catalogue.rate_plans)}


def _some_event_is_broken(compilation: Compilation) -> bool:
    return any(table == "event_type" for table, _ in compilation.catalogue.broken)


class _RatePlanCompiler:
    """One rate plan on its way to its columns."""

    def __init__(
        self, compilation: Compilation, plan: RatePlan, events: ServiceEvents | None, place: Place
    ) -> None:
        self.compilation, self.columns = compilation, compilation.columns
        self.plan, self.place = plan, place
        # With events that could not be read, the plan is still checked as far as that is possible.
        self.quantities = events.quantities if events else Quantities(0, 1)
        self.fields: dict[str, FieldInfo] | None = events.fields if events else None

    def run(self) -> None:
        """All versions, by the instant from which they hold."""
        if not self.plan.version:
            self.place.at("version").fault("there is none", "add [[rate_plan.version]]")
        starts: dict[int, int] = {}
        for number, version in enumerate(self.plan.version):
            there = self.place.at(f"version[{number}]")
            zone = version.time_zone or self.compilation.catalogue.site.time_zone
            starts[number] = there.at("valid_from").instant_us(version.valid_from, zone)
            twin = next((n for n in range(number) if starts[n] == starts[number]), None)
            if twin is not None:
                there.at("valid_from").fault(f"is that of version[{twin}] too", "let one of them begin later")
        for number in sorted(starts, key=starts.__getitem__):
            self._version(self.plan.version[number], starts[number], self.place.at(f"version[{number}]"))

    def _version(self, version: RatePlanVersion, valid_from_us: int, place: Place) -> None:
        zone = self.compilation.site_zone
        if version.time_zone:
            zone = self.compilation.zone(version.time_zone, place.at("time_zone"))
        self.columns.add(
            version_valid_from_us=valid_from_us,
            version_zone=zone,
            version_band_mode=SPLIT_AT_BANDS if self._splits(version) else PRICE_AT_START,
            version_unit_us=self.quantities.unit_us,
        )
        self.columns.open("version_detail_first")
        if not version.detail:
            place.at("detail").fault("there is none", "add [[rate_plan.version.detail]]")
        if version.bands == "split" and self.fields is not None and not self.quantities.unit_us:
            cure = f'set bands = "start", or the event type\'s unit to one of {", ".join(UNITS_US)}'
            place.at("bands").fault("only a quantity of time can be split at bands", cure)
        if self._splits(version) and version.band and self._lasts_us() > SPLIT_US_MAX:
            cure = 'lower the event type\'s quantity_max to ten years, or set bands = "start"'
            place.at("bands").fault("the largest event lasts too long to be split at bands", cure)
        if len(version.detail) > DETAILS_MAX:
            place.at("detail").fault(f"{len(version.detail)} are too many", f"use at most {DETAILS_MAX}")
        kinds = special_kinds(version.band)
        self.columns.open("version_special_first")
        for day, kind in special_dates(self.compilation, kinds, place.at("band")):
            self.columns.add(special_day=day, special_kind=kind)
        self._special_days = len(kinds)
        self._counting: set[str] = set()
        self.compilation.special_codes.append(tuple(kinds))
        bands = {
            name: band_pieces(windows, kinds, place.at(f"band.{name}"))
            for name, windows in version.band.items()
        }
        for number, detail in enumerate(version.detail):
            self._detail(version, detail, bands, place.at(f"detail[{number}]"), place)
        rules = [rule for detail in version.detail for rule in detail.rule]
        _refuse_unused("price", version.price, {rule.price for rule in rules}, place)
        _refuse_unused("band", version.band, {rule.band for rule in rules}, place)

    def _lasts_us(self) -> int:
        """How long the largest event lasts, where its quantity is time."""
        return self.quantities.maximum * self.quantities.unit_us

    def _splits(self, version: RatePlanVersion) -> bool:
        """Whether an event that lasts into another band changes its price there."""
        return version.bands != "start" and self.quantities.unit_us > 0

    def _detail(
        self, version: RatePlanVersion, detail: Detail, bands: dict[str, Pieces], place: Place, above: Place
    ) -> None:
        if not detail.rule:
            place.at("rule").fault("there is none", "add [[rate_plan.version.detail.rule]]")
        resource = _resource(self.compilation, detail.resource, place)
        prices = self._prices(version.price, detail.rule, resource, above)
        self._refuse_counted_twice(prices, above)
        used = _in_order(rule.band for rule in detail.rule if rule.band in bands)
        breaks, slots = week_slots([bands[name] for name in used], self._special_days)
        if self._splits(version) and used:
            _refuse_split_tiers(prices, above)
        denominator = common_denominator(list(prices.values()))
        rounding = _rounding(detail, resource, place)
        if detail.resource in self.compilation.resources:
            step = rounding["detail_step"]
            check_room(list(prices.values()), denominator, step, self.quantities, place)
        entries = self._entries(detail, used, list(prices), version, place)
        check_overlaps(entries, slots, place)
        check_reach(entries, place)
        first_price, first_band = self.columns.rows("price_id"), self.columns.rows("band_slot_first")
        for name, price in prices.items():
            number = self.compilation.name("price", f"{self.plan.code}/{name}", above.at(f"price.{name}"))
            add_price(self.columns, price, number, denominator)
        self.compilation.band_codes += used
        for starts in slots:
            self.columns.open("band_slot_first")
            for start in starts:
                self.columns.add(band_slot_start=start)
        self.columns.open("detail_break_first")
        for second in breaks:
            self.columns.add(break_second=second)
        self.columns.add(
            **self._booking(detail, resource, place),
            **rounding,
            **self._tax(detail, place),
            detail_resource=resource.index,
            detail_denominator=denominator,
            detail_prefix_field=self._prefix_slot(detail, place),
            detail_root=add_trie(self.columns, entries, first_band, first_price),
            detail_price=_only_price(entries, first_price),
        )
        self._allowances(detail.allowances, place)

    def _refuse_counted_twice(self, prices: dict[str, ExactPrice], above: Place) -> None:
        """A price counts what was used of it, so two details of a version would count an event twice."""
        for name, price in prices.items():
            if counts_use(price):
                if name in self._counting:
                    above.at(f"price.{name}").fault(
                        "counts what was used, and two details name it", "give each detail a price of its own"
                    )
                self._counting.add(name)

    def _prices(
        self, written: dict[str, Price], rules: tuple[Rule, ...], resource: ResourceInfo, above: Place
    ) -> dict[str, ExactPrice]:
        """The prices that a detail's rules name, read once each."""
        return {
            name: exact_price(
                written[name], resource.stored_decimals, self.quantities, above.at(f"price.{name}")
            )
            for name in _in_order(rule.price for rule in rules if rule.price in written)
        }

    def _entries(
        self, detail: Detail, bands: list[str], prices: list[str], version: RatePlanVersion, place: Place
    ) -> list[Entry]:
        entries: list[Entry] = []
        for number, rule in enumerate(detail.rule):
            there = place.at(f"rule[{number}]")
            if rule.price not in prices:
                cure = f"add a price of that name to the version; it has {', '.join(version.price) or 'none'}"
                there.at("price").fault(f"there is no price {rule.price!r}", cure)
            if rule.band and rule.band not in bands:
                cure = f"add a band of that name to the version; it has {', '.join(version.band) or 'none'}"
                there.at("band").fault(f"there is no band {rule.band!r}", cure)
            if rule.prefix and not detail.prefix_field:
                there.at("prefix").fault("the detail has no prefix_field", "name the field the prefix is of")
            if rule.price not in prices or (rule.band and rule.band not in bands) or self.fields is None:
                continue
            band = bands.index(rule.band) if rule.band else ANY_TIME
            price = prices.index(rule.price)
            entries += rule_entries((number, rule), self.fields, band, price, there)
        return entries

    def _booking(self, detail: Detail, resource: ResourceInfo, place: Place) -> dict[str, int]:
        """Where the impact is booked, and its tags."""
        if resource.is_money and not detail.bill_item:
            place.at("bill_item").fault("is missing, and money without one is on no bill", "name a bill item")
        if not resource.is_money and (detail.bill_item or detail.tax):
            place.at("bill_item").fault(
                f"books {detail.resource!r}, and bills hold money only", "leave bill_item and tax out"
            )
        item = 0
        if detail.bill_item:
            booking = (detail.bill_item, detail.general_ledger, detail.tax)
            tags = (detail.charge_tag, detail.resource_tag)
            item = self.compilation.item(*booking, detail.resource, tags, place)
        return {
            "detail_item_id": item,
            "detail_charge_tag_id": self._tag(detail.charge_tag, "charge", place),
            "detail_resource_tag_id": self._tag(detail.resource_tag, "resource", place),
        }

    def _tag(self, code: str, kind: str, place: Place) -> int:
        return self.compilation.tag(code, kind, f"{kind}_tag", place) if code else 0

    def _tax(self, detail: Detail, place: Place) -> dict[str, int]:
        """The tax charged with each event, where its code says so, and the item it is booked to."""
        tax = self.compilation.catalogue.taxes.get(detail.tax)
        if tax is None or tax.at != "rating":
            return {"detail_tax": NO_TAX, "detail_tax_item_id": 0}
        booking = (detail.bill_item, detail.general_ledger, detail.tax)
        item = self.compilation.tax_item(*booking, detail.resource, place)
        return {
            "detail_tax": self.compilation.rating_taxes.index(detail.tax),
            "detail_tax_item_id": item,
        }

    def _prefix_slot(self, detail: Detail, place: Place) -> int:
        if not detail.prefix_field or self.fields is None:
            return NO_FIELD
        field = self.fields.get(detail.prefix_field)
        if field is None or field.kind != "text":
            known = ", ".join(f.name for f in self.fields.values() if f.kind == "text") or "none"
            place.at("prefix_field").fault(
                f"{detail.prefix_field!r} is no text field that rules can test", f"text fields are: {known}"
            )
            return NO_FIELD
        return field.slot

    def _allowances(self, uses: tuple[AllowanceUse, ...], place: Place) -> None:
        self.columns.open("detail_allowance_first")
        for number, use in enumerate(uses):
            there = place.at(f"allowances[{number}]")
            resource = _resource(self.compilation, use.resource, there)
            units = positive(use.units, there.at("units")) * 10**resource.stored_decimals
            ratio = units / (positive(use.per, there.at("per")) * 10**self.quantities.decimals)
            if resource.is_money:
                there.at("resource").fault("is money, which is no allowance", "name a resource that is not")
            known = use.resource in self.compilation.resources
            if known and (ratio.numerator * self.quantities.maximum >= 2**61 or ratio.denominator >= 2**53):
                there.fault("its conversion has too many digits", "use rounder numbers for `units` and `per`")
            self.columns.add(
                allowance_resource=resource.index,
                allowance_num=ratio.numerator,
                allowance_den=ratio.denominator,
            )


def _refuse_split_tiers(prices: dict[str, ExactPrice], above: Place) -> None:
    """Tiers count an event whole, so its price cannot change within it."""
    for name, price in prices.items():
        if price.model != BY_PERIOD:
            above.at(f"price.{name}").fault(
                "has tiers, and its version splits events at bands", 'set bands = "start" in the version'
            )


def _refuse_unused(kind: str, written: Iterable[str], used: set[str], place: Place) -> None:
    for name in written:
        if name not in used:
            place.at(f"{kind}.{name}").fault("is named by no rule", "name it in a rule, or delete it")


def _rounding(detail: Detail, resource: ResourceInfo, place: Place) -> dict[str, int]:
    """Mode and step of the detail, or the resource's."""
    if detail.rounding is None:
        written = place.compilation.catalogue.resources.get(resource.code)
        return {
            "detail_rounding": ROUNDING_MODES[written.rounding if written else "half_up"],
            "detail_step": 1,
        }
    decimals = detail.rounding.decimals
    if not 0 <= decimals <= resource.stored_decimals:
        there = place.at("rounding.decimals")
        there.fault(f"{decimals} is out of bounds", f"write 0 to {resource.stored_decimals}")
        decimals = 0
    step: int = 10 ** (resource.stored_decimals - decimals)
    return {"detail_rounding": ROUNDING_MODES[detail.rounding.mode], "detail_step": step}


def _resource(compilation: Compilation, code: str, place: Place) -> ResourceInfo:
    """A resource by code; one that stands for it, and a fault, if there is none."""
    place.refer("resource", code)
    return compilation.resources.get(code) or ResourceInfo(
        code=code, id=0, index=0, is_money=False, decimals=0, stored_decimals=12, unit=""
    )


def _only_price(entries: list[Entry], first_price: int) -> int:
    """The price of a detail whose one rule asks for nothing; NO_PRICE where it has to be looked for."""
    for entry in entries:
        if len(entries) == 1 and not entry.prefix and entry.band == ANY_TIME and not entry.conditions:
            return first_price + entry.price
    return NO_PRICE


def _in_order(names: Iterable[str]) -> list[str]:
    """Each name once, in the order of its first use."""
    return list(dict.fromkeys(names))
