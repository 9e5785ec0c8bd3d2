"""Pure. An explanation as people read it: a receipt, from the service to the balances."""

import textwrap

from charging import explain_words as w
from charging.explanation import (
    DetailStep,
    Explanation,
    MembershipStep,
    PartStep,
    PayerStep,
    PriceStep,
    PricingStep,
    ProductStep,
)
from config.catalogue import Catalogue
from rating_kernels.outcomes import REJECTED_FROM, Outcome

WIDTH = 100
LABEL = 12


class _Receipt:
    """Lines with a label on the left and an amount on the right."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.lines: list[str] = []
        self.indent = 2

    def row(self, label: str, text: str, amount: str = "") -> None:
        """A line; a long text goes on below itself, the amount stands at the last line's end."""
        begin = " " * self.indent + label.ljust(LABEL)
        if len(label) >= LABEL:
            self.lines.append(begin.rstrip())
            begin = " " * (self.indent + LABEL)
        width = WIDTH - len(begin) - (len(amount) + 2 if amount else 0)
        first, *more = textwrap.wrap(text, width, break_on_hyphens=False) or [""]
        texts = [begin + first, *(" " * (self.indent + LABEL) + line for line in more)]
        if amount:
            texts[-1] = texts[-1].ljust(WIDTH - len(amount)) + amount
        self.lines += [line.rstrip() for line in texts]

    def more(self, text: str, amount: str = "") -> None:
        """A line under the same label."""
        self.row("", text, amount)

    def money(self, resource: str, amount: str) -> str:
        """An amount with its resource's unit."""
        return f"{amount} {self.unit(resource)}" if amount else ""

    def unit(self, resource: str) -> str:
        """What people write behind an amount."""
        return self.catalogue.resources[resource].unit or resource

    def named(self, table: str, code: str | int) -> str:
        """A code, with its name where that says more."""
        entry = getattr(self.catalogue, table).get(code)
        return str(code) if entry is None or entry.name == code else f"{code} ({entry.name})"


def explanation_text(explanation: Explanation, catalogue: Catalogue) -> str:
    """The receipt, without an end of line."""
    receipt = _Receipt(catalogue)
    receipt.lines.append(f"{explanation.id}  {explanation.outcome_name}: {explanation.text}")
    _event(receipt, explanation)
    _finding(receipt, explanation)
    for detail in explanation.details:
        _detail(receipt, detail)
    receipt.indent = 2
    for crossed in explanation.thresholds:
        threshold = receipt.money(crossed.resource, crossed.threshold)
        moved = f"{crossed.before} -> {receipt.money(crossed.resource, crossed.after)}"
        text = (
            f"{threshold} of {crossed.resource} of {w.who(crossed)} crossed {crossed.direction}ward: {moved}"
        )
        receipt.row("threshold", text)
    undone = explanation.outcome in (Outcome.DENIED_LIMIT, Outcome.DENIED_SHARING)
    if undone or (explanation.outcome >= REJECTED_FROM and explanation.details):
        receipt.row("undone", "the event changed nothing: what is shown above was taken back")
    if explanation.steps_left_out:
        receipt.row("left out", f"{explanation.steps_left_out} more steps than are kept")
    return "\n".join(receipt.lines)


def _event(receipt: _Receipt, explanation: Explanation) -> None:
    event = explanation.event
    if event is not None:
        info = receipt.catalogue.event_types.get(event.type)
        unit = f" {info.unit}" if info else ""
        fields = "".join(f", {name} = {value}" for name, value in event.fields.items())
        receipt.row("event", f"{event.type} {event.id} of {event.source}: {event.quantity}{unit}{fields}")
        receipt.row("time", f"{w.time(explanation.local_time)} ({receipt.catalogue.site.time_zone})")
        receipt.row("identifier", event.service)
    if explanation.detail:
        receipt.row("why", explanation.detail)
    if explanation.customer:
        receipt.row("customer", f"{explanation.customer}, subscription {explanation.subscription}")
    if explanation.duplicate_of:
        receipt.row("first at", explanation.duplicate_of)
    if explanation.flags:
        receipt.row("flags", ", ".join(explanation.flags))


def _finding(receipt: _Receipt, explanation: Explanation) -> None:
    """The service, what the event ended, products, pools, the cycle."""
    for service in explanation.services:
        span = w.span(service.valid_from, service.valid_to)
        found = f"{receipt.named('service_types', service.service_type)} of {service.subscription}, {span}"
        receipt.row("service", f"{found}: {w.SERVICE[service.why]}")
    for ended in explanation.ended_cycles:
        receipt.row("ended", f"{ended.cycles} cycles of {w.who(ended)}, before the event")
    for product in explanation.products:
        _product(receipt, product)
    for membership in explanation.memberships:
        _membership(receipt, membership)
    cycle = explanation.cycle
    if cycle is not None:
        late = ", late: its own cycle was billed" if cycle.late else ""
        receipt.row("cycle", f"{cycle.number}, {w.span(cycle.start, cycle.end)}{late}")


def _product(receipt: _Receipt, product: ProductStep) -> None:
    plan = f"{receipt.named('products', product.product)} by {product.rate_plan}"
    version = f", version from {w.time(product.version_from)}" if product.version_from else ""
    lacking = ""
    if product.no_price_for:
        lacking = f" for {product.no_price_for} at {w.time(product.prices[-1].at)}"
    receipt.row("product", f"{plan}{version}: {w.PRODUCT[product.why]}{lacking}")


def _membership(receipt: _Receipt, member: MembershipStep) -> None:
    span = w.span(member.valid_from, member.valid_to)
    pool = f"{member.sharing} of {member.owner}, {receipt.named('sharing_policies', member.policy)}, {span}"
    receipt.row("pool", f"{pool}: {w.MEMBER[member.why]}")


def _detail(receipt: _Receipt, detail: DetailStep) -> None:
    receipt.indent = 2
    booked = " / ".join(code for code in (detail.bill_item, detail.general_ledger, detail.tax_code) if code)
    tags = ", ".join(str(tag) for tag in (detail.charge_tag, detail.resource_tag) if tag)
    parts = [f"booked to {booked}" if booked else "", f"tags {tags}" if tags else ""]
    name = receipt.named("resources", detail.resource)
    receipt.lines += ["", f"  {detail.number + 1}. {', '.join([name, *filter(None, parts)])}"]
    receipt.indent = 5
    for payer in detail.allowances:
        _payer(receipt, "allowance", payer, detail)
    if detail.allowances and detail.covered:
        receipt.row("covered", f"{detail.covered} of {detail.quantity} {detail.unit}")
    for before, price in zip([None, *detail.prices], detail.prices, strict=False):
        if before is None or _rule(before) != _rule(price):
            day = f", {receipt.named('special_days', price.special_day)}" if price.special_day else ""
            receipt.row("rule", f"at {price.elapsed} {detail.unit}, {w.time(price.at)}{day}: {_rule(price)}")
    _counted(receipt, detail)
    if detail.pricing is not None:
        _pricing(receipt, detail.pricing, detail)
    _off_and_on(receipt, detail)
    for payer in detail.payers:
        _payer(receipt, "given back" if payer.for_what == "refund" else "payer", payer, detail)
    if detail.unrated:
        receipt.row("unrated", "beyond the credit limit", receipt.money(detail.resource, detail.unrated))


def _counted(receipt: _Receipt, detail: DetailStep) -> None:
    counted = detail.counted
    if counted is None:
        return
    quantity = f"{counted.quantity_before} -> {counted.quantity_after} {detail.unit}"
    events = f"{counted.events_before} -> {counted.events_after} events"
    receipt.row("counted", f"{counted.price} in the cycle of {w.who(counted)}: {quantity}, {events}")
    if counted.whole_event:
        receipt.row("free", "the whole event, by what the cycle gives for nothing", "0")
    elif counted.free not in ("", "0"):
        receipt.row("free", f"{counted.free} {detail.unit}, by what the cycle gives for nothing")


def _rule(price: PriceStep) -> str:
    """What a look-up found; looked up again at every increment that begins something, it is mostly the same."""
    parts = [
        f"prefix {price.prefix}" if price.prefix else "",
        f"band {price.band} since {price.band_since}" if price.band else "",
        *price.conditions,
        f"weight {price.weight}" if price.weight else "",
    ]
    fits = ", ".join(filter(None, parts)) or "fits everything"
    return f"{price.price}: {fits}" if price.price else "no rule fits"


def _pricing(receipt: _Receipt, pricing: PricingStep, detail: DetailStep) -> None:
    def money(amount: str) -> str:
        return receipt.money(detail.resource, amount)

    receipt.row("price", pricing.price)
    for name, fee in (("connect fee", pricing.connect), ("flat fee", pricing.flat)):
        if fee != "0":
            receipt.more(name, money(fee))
    price = pricing.price
    for part in pricing.periods:
        if part.price != price:
            price = part.price
            receipt.more(price)
        receipt.more(_part(part, detail.unit), money(part.amount))
    for number, tiers in enumerate(pricing.tiers):
        for part in tiers.parts:
            receipt.more(_part(part, detail.unit), money(part.amount))
        receipt.more(
            f"{'less what' if number else 'what'} {tiers.quantity} {detail.unit} cost", money(tiers.sum)
        )
    if not pricing.sum:
        return
    receipt.row("sum", "exact", money(pricing.sum))
    if pricing.held_by:
        bound = pricing.minimum if pricing.held_by == "minimum" else pricing.maximum
        receipt.more(f"held by the {pricing.held_by} of {money(bound)}", money(pricing.bounded))
    receipt.row("rounded", f"{pricing.rounding} to {pricing.decimals} decimals", money(pricing.amount))


def _part(part: PartStep, unit: str) -> str:
    begins = "" if part.begins == "0" else f"beyond {part.begins}: "
    flat = "" if part.flat == "0" else f" and {part.flat} for the tier"
    if part.each == "0":
        return f"{begins}{part.quantity} {unit} for nothing{flat}"
    return f"{begins}{part.quantity} {unit} = {part.count} x {part.size} {unit} at {part.each}{flat}"


def _off_and_on(receipt: _Receipt, detail: DetailStep) -> None:
    """Discounts and tax."""
    for discount in detail.discounts:
        name = receipt.named("discounts", discount.discount)
        if discount.why == "taken":
            receipt.row("discount", name, receipt.money(detail.resource, f"-{discount.amount}"))
            receipt.row("net", "", receipt.money(detail.resource, discount.net))
        else:
            receipt.row("discount", f"{name}: {w.DISCOUNT[discount.why]}")
    tax = detail.tax
    if tax is not None and not tax.percent:
        receipt.row("tax", f"{receipt.named('taxes', tax.tax)} has no rate at this time")
    elif tax is not None:
        text = f"{receipt.named('taxes', tax.tax)}, {tax.percent} % of {tax.net}"
        receipt.row("tax", text, receipt.money(detail.resource, tax.amount))
        receipt.row("gross", "", receipt.money(detail.resource, tax.gross))


def _payer(receipt: _Receipt, label: str, payer: PayerStep, detail: DetailStep) -> None:
    _policy(receipt, payer, label, detail)
    if payer.limit is not None:
        receipt.more(w.limit(payer.limit, receipt.unit(payer.resource)))
    unit = receipt.unit(payer.resource)
    if payer.for_what == "allowance":
        asked = f"{payer.asked} {detail.unit} take {payer.units_needed} {unit}: covers {payer.taken}"
        receipt.more(f"{asked} {detail.unit}", f"{payer.used} {unit}")
    elif payer.for_what == "amount":
        receipt.more("pays", f"{payer.asked} {unit}")
    elif payer.for_what == "refund":
        receipt.more("a cheaper tier was reached: gets back", f"{payer.asked} {unit}")
    if payer.policy is not None and payer.policy.lacking:
        end = "the policy denies the event" if payer.policy.denies else "spills to whom comes next"
        receipt.more(f"lacks {payer.policy.lacking} {_of(payer, label, detail, receipt)}: {end}")
    if payer.for_what in ("allowance", "amount"):
        receipt.more(f"balances, {w.order(payer.order)}:" if payer.balances else "there is no balance")
    before = max((len(one.before) for one in payer.balances), default=0)
    for one in payer.balances:
        head = f"  balance {one.balance}  {one.before.rjust(before)} {unit}  {w.BALANCE[one.why]}"
        changed = one.why in ("used", "owes")
        span = w.span(one.valid_from, one.valid_to) if one.valid_from or not changed else ""
        priority = f", priority {one.priority}" if one.priority else ""
        moved = f" {one.used} -> {one.after}" if changed else ""
        moved += ", new" if changed and not one.valid_from and one.why == "owes" else ""
        receipt.more(f"{head}{moved}{', ' if span else ''}{span}{priority}")


def _of(payer: PayerStep, label: str, detail: DetailStep, receipt: _Receipt) -> str:
    """A pool gives a part of the quantity, then a part of the amount."""
    return detail.unit if label == "allowance" else receipt.unit(payer.resource)


def _policy(receipt: _Receipt, payer: PayerStep, label: str, detail: DetailStep) -> None:
    policy = payer.policy
    if policy is None:
        receipt.row(label, f"{w.who(payer)}, {receipt.named('resources', payer.resource)}")
        return
    name = f"{policy.policy} of {policy.sharing}: {w.POLICY[policy.why]}"
    receipt.row(label, f"{w.who(payer)}, {receipt.named('resources', payer.resource)}, {name}")
    if policy.why != "applies":
        return
    receipt.more(f"{policy.percent} %: {policy.offered} {_of(payer, label, detail, receipt)}")
    for whose, used, cap in (
        ("member", policy.member_used, policy.member_cap),
        ("group", policy.group_used, policy.group_cap),
    ):
        if cap:
            receipt.more(f"cap of the {whose}: {used} of {receipt.money(payer.resource, cap)} used before")
