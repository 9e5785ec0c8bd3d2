"""Pure. One detail of one event: covered, priced, rounded once, discounted, taxed, charged (DECISIONS 11-20)."""

from fractions import Fraction

from config.code_ids import code_id
from rating_kernels.batch_columns import (
    FLAG_CAPPED,
    FLAG_SHARED,
    IMPACT_ALLOWANCE,
    IMPACT_CREDIT,
    IMPACT_DISCOUNT,
    IMPACT_OWED,
    IMPACT_TAX,
    IMPACT_UNRATED,
)
from rating_kernels.outcomes import Outcome
from tests.rating_kernels.twin.groups import AMOUNT_MAX, QUANTITY_MAX, Group
from tests.rating_kernels.twin.numbers import ceil_div, floor_part, rounded, stored_decimals, whole
from tests.rating_kernels.twin.use import StoppedError, Use


class DetailCharge:
    """One detail of the event."""

    def __init__(self, use: Use, detail, price, fitting) -> None:
        self.use, self.detail, self.price, self.fitting = use, detail, price, fitting
        self.own = use.service.group
        self.order = {code: r.consumption_order for code, r in use.catalogue.resources.items()}
        self.tax_left = self.gross_left = 0

    def run(self) -> Outcome:
        covered = self.cover()
        amount = self.with_tax(self.discounted(self.amount(covered)))
        if amount > 0:
            return self.charge(amount)
        if amount < 0:
            self.give_back(amount)
        elif self.detail.item_id:
            cycle, _ = self.own.booking_cycle(self.use.time_us)
            self.add_to_item(self.own, cycle.number, self.detail.item_id, (0, 0, self.use.quantity, 1))
        return Outcome.CHARGED

    # Allowances ---------------------------------------------------------------------------------

    def cover(self) -> int:
        """The quantity that allowances take, each by all who pay, in the policy's order."""
        covered = 0
        for resource, ratio in self.detail.allowances:
            turns = list(self.use.payers)
            turns.insert(0 if self.use.member_first else len(turns), None)
            for member in turns:
                left = self.use.quantity - covered
                if left == 0:
                    break
                if member is None:
                    self.use.watch(self.own, resource)
                    covered += self.use_allowance(self.own, resource, ratio, left, AMOUNT_MAX)[0]
                elif self.covers(member.policy, resource):
                    covered += self.owners_allowance(member, resource, ratio, left)
        return covered

    def owners_allowance(self, member, resource: str, ratio: Fraction, left: int) -> int:
        offered = min(left, floor_part(self.use.quantity, member.policy.percent, 100))
        room = self.cap_room(member, resource)
        self.use.watch(member.owner, resource)
        taken, units = self.use_allowance(member.owner, resource, ratio, offered, room)
        if units:
            self.use.flags |= FLAG_SHARED
            self.count_caps(member, resource, units)
        if taken < offered and member.policy.when_exhausted == "deny":
            raise StoppedError(Outcome.DENIED_SHARING)
        return taken

    def use_allowance(
        self, group: Group, resource: str, ratio: Fraction, quantity: int, units_max: int
    ) -> tuple[int, int]:
        """(quantity covered, units used); units are rounded up, what they cover is rounded down."""
        needed = ceil_div(quantity * ratio.numerator, ratio.denominator)
        left = min(needed, units_max)
        used = covered = 0
        for balance in group.credits(resource, self.order[resource], self.use.time_us):
            if not left:
                break
            take = min(left, -balance.amount)
            balance.amount += take
            left -= take
            used += take
            so_far = quantity
            if used != needed:
                so_far = min(quantity, used * ratio.denominator // ratio.numerator)
            self.use.note(IMPACT_ALLOWANCE, group.id, balance.id, resource, 0, so_far - covered, take)
            covered = so_far
        return covered, used

    # The amount ---------------------------------------------------------------------------------

    def amount(self, covered: int) -> int:
        """Rounded once, on the event's total, as the detail says."""
        total = self.exact(covered)
        if total is None:
            return 0
        amount = rounded(total, self.detail.mode, self.detail.step)
        if abs(amount) > AMOUNT_MAX:
            raise StoppedError(Outcome.AMOUNT_OUT_OF_RANGE)
        return amount

    def exact(self, covered: int) -> Fraction | None:
        """The exact price; None where the cycle's free events or quantity leave nothing to pay."""
        price, quantity = self.price, self.use.quantity
        uncovered = quantity - covered
        free, counted = 0, None
        if price.counts:
            counted, events_before = self.count_use(uncovered)
            if (counted or 0) + uncovered > QUANTITY_MAX:
                raise StoppedError(Outcome.AMOUNT_OUT_OF_RANGE)
            free = price.free_part(uncovered, events_before, counted or 0)
            freed = quantity > covered or events_before < (price.free_events or 0)
            if free == uncovered and freed:
                return None
        total = price.flat
        priced = uncovered > free
        if priced or quantity == 0:
            total += price.connect
        if price.tiers:
            total += self.by_tiers(uncovered, free, counted)
        else:
            cost = self.detail.cost_by_periods(
                price, self.fitting, self.use.time_us, self.use.unit_us, covered + free, quantity
            )
            if cost is None:
                raise StoppedError(Outcome.NO_RATE)
            total += cost
        if priced and price.minimum is not None:
            total = max(total, price.minimum)
        if price.maximum is not None and price.cuts_price and total > price.maximum:
            self.use.flags |= FLAG_CAPPED
            total = price.maximum
        return total

    def by_tiers(self, uncovered: int, free: int, counted: int | None) -> Fraction:
        """Over a cycle: what all of it costs with the event, less what it cost before; nothing of it is free."""
        if counted is None or not self.price.per_cycle:
            return self.price.cost_by_tiers(uncovered - free)
        return self.price.cost_by_tiers(counted + uncovered) - self.price.cost_by_tiers(counted)

    def count_use(self, quantity: int) -> tuple[int | None, int]:
        """(quantity, events) that the cycle used of the price before; members of some groups count together."""
        holder, sharing_id = self.own, 0
        for member in self.use.payers:
            if member.policy.shared_tiers and self.covers(member.policy, self.detail.resource):
                holder, sharing_id = member.owner, member.sharing_id
                break
        cycle, _ = holder.booking_cycle(self.use.time_us)
        used, events = ("used", sharing_id, self.price.name), ("events", sharing_id, self.price.name)
        before = holder.counted(cycle.number, used), holder.counted(cycle.number, events) or 0
        holder.count(cycle.number, used, quantity)
        holder.count(cycle.number, events, 1)
        return before

    def discounted(self, amount: int) -> int:
        """Each on what the one before has left, never more than that; a part is rounded as the price is.

        What is given back was charged with its percentages off, so they come off it, too.
        """
        for discount in self.use.service.discounts:
            if amount == 0 or not self.bears(discount):
                continue
            if discount.amount is not None:
                resource = self.use.catalogue.resources[self.detail.resource]
                off = min(whole(discount.amount, stored_decimals(resource)), max(amount, 0))
            else:
                part = abs(amount) * Fraction(discount.percent) / 100
                off = min(rounded(part, self.detail.mode, self.detail.step), abs(amount))
                off = off if amount > 0 else -off
            amount -= off
            if off:
                discount_id = code_id("discount", discount.code)
                self.use.note(IMPACT_DISCOUNT, self.own.id, discount_id, self.detail.resource, 0, 0, -off)
        return amount

    def bears(self, discount) -> bool:
        if (discount.resource or self.use.catalogue.site.currency) != self.detail.resource:
            return False
        if not discount.charge_tags and not discount.resource_tags:
            return True
        written = self.detail.written
        return written.charge_tag in discount.charge_tags or written.resource_tag in discount.resource_tags

    def with_tax(self, net: int) -> int:
        """Tax that is charged with the event goes on top, half up."""
        if self.detail.tax is None:
            return net
        rates = self.use.taxes[self.detail.tax.code]
        ends = [start for _, start, _ in rates[1:]] + [None]
        for (part, start, end), following in zip(rates, ends, strict=True):
            until = end if end is not None else following
            if start <= self.use.time_us and (until is None or self.use.time_us < until):
                self.tax_left = rounded(net * part, "half_up")
                self.gross_left = net + self.tax_left
                return self.gross_left
        raise StoppedError(Outcome.NO_RATE)

    # Who pays -----------------------------------------------------------------------------------

    def charge(self, amount: int) -> Outcome:
        left, quantity, outcome = amount, self.use.quantity, Outcome.CHARGED
        if self.use.member_first:
            outcome, own = self.charge_user(left, quantity)
            if outcome in (Outcome.CHARGED, Outcome.CHARGED_OVER_LIMIT):
                return outcome
            left -= own
            quantity = 0 if own else quantity
        paid, paid_quantity, said = self.charge_owners(left, quantity)
        if paid:
            self.use.flags |= FLAG_SHARED
        left -= paid
        if left == 0:
            return said
        if not self.use.member_first:
            outcome, own = self.charge_user(left, quantity - paid_quantity)
            left -= own
        if outcome == Outcome.DENIED_LIMIT:
            raise StoppedError(outcome)
        if outcome == Outcome.PARTLY_CHARGED:
            self.use.note(IMPACT_UNRATED, self.own.id, 0, self.detail.resource, 0, 0, left)
        return max(outcome, said)

    def charge_user(self, amount: int, quantity: int) -> tuple[Outcome, int]:
        """(outcome, what was charged); a denial comes with what fits charged, so that owners may pay the rest."""
        own, breach = self.chargeable(self.own, amount)
        outcome = {
            None: Outcome.CHARGED,
            "allow": Outcome.CHARGED_OVER_LIMIT,
            "up_to_limit": Outcome.PARTLY_CHARGED,
            "deny": Outcome.DENIED_LIMIT,
        }[breach]
        if own > 0:
            self.use.watch(self.own, self.detail.resource)
            self.charge_group(self.own, own, quantity)
        return outcome, own

    def charge_owners(self, amount: int, quantity: int) -> tuple[int, int, Outcome]:
        """(amount that owners pay, the quantity it stands for, whether beyond a limit), their groups in order."""
        paid = paid_quantity = 0
        outcome = Outcome.CHARGED
        resource = self.detail.resource
        for member in self.use.payers:
            if paid == amount:
                break
            if not self.covers(member.policy, resource):
                continue
            share = rounded(Fraction(amount * member.policy.percent, 100), "half_up")
            offered = min(amount - paid, share)
            wanted, breach = self.chargeable(member.owner, min(offered, self.cap_room(member, resource)))
            exhausted = breach in ("deny", "up_to_limit") or wanted < offered
            if exhausted and member.policy.when_exhausted == "deny":
                raise StoppedError(Outcome.DENIED_SHARING)
            if wanted == 0:
                continue
            self.use.watch(member.owner, resource)
            part = floor_part(quantity, wanted, amount)
            self.charge_group(member.owner, wanted, part)
            self.count_caps(member, resource, wanted)
            paid += wanted
            paid_quantity += part
            if breach == "allow":
                outcome = Outcome.CHARGED_OVER_LIMIT
        return paid, paid_quantity, outcome

    def chargeable(self, group: Group, amount: int) -> tuple[int, str | None]:
        """(what of an amount fits within the limit, what its breach means where all does not)."""
        limit = group.limits.get(self.detail.resource)
        if limit is None or limit.amount is None:
            return amount, None
        room = limit.amount - group.total(self.detail.resource, self.use.time_us)
        if amount <= room:
            return amount, None
        return amount if limit.on_breach == "allow" else max(room, 0), limit.on_breach

    def charge_group(self, group: Group, amount: int, quantity: int) -> None:
        """Credits in order, each raised to 0 at most; what remains is owed in the cycle that is booked to."""
        use, resource, item = self.use, self.detail.resource, self.detail.item_id
        cycle, _ = group.booking_cycle(use.time_us)
        left, left_quantity = amount, quantity
        for balance in group.credits(resource, self.order[resource], use.time_us):
            if not left:
                break
            used = min(left, -balance.amount)
            balance.amount += used
            left -= used
            use.note(IMPACT_CREDIT, group.id, balance.id, resource, item, left_quantity, used)
            left_quantity = 0
        if left:
            self.owe(group, left, left_quantity)
        self.book(group, cycle.number, amount, left, quantity)

    def give_back(self, amount: int) -> None:
        """A cheaper tier was reached: where owners go first, the first has its share back, the user the rest."""
        quantity, shares = self.use.quantity, []
        owner = next((m for m in self.use.payers if self.covers(m.policy, self.detail.resource)), None)
        if owner is not None and not self.use.member_first:
            part = rounded(Fraction(amount * owner.policy.percent, 100), "half_up")
            if part:
                self.use.flags |= FLAG_SHARED
                shares.append((owner.owner, part, floor_part(quantity, owner.policy.percent, 100)))
        paid = [sum(share[place] for share in shares) for place in (1, 2)]
        shares.append((self.own, amount - paid[0], quantity - paid[1]))
        for group, part, part_quantity in shares:
            if part:
                self.use.watch(group, self.detail.resource)
                self.owe(group, part, part_quantity)
                cycle, _ = group.booking_cycle(self.use.time_us)
                self.book(group, cycle.number, part, part, part_quantity)

    def owe(self, group: Group, amount: int, quantity: int) -> None:
        cycle, _ = group.booking_cycle(self.use.time_us)
        balance = group.owed(self.detail.resource, cycle, self.use.time_us)
        if abs(balance.amount + amount) > AMOUNT_MAX:
            raise StoppedError(Outcome.AMOUNT_OUT_OF_RANGE)
        balance.amount += amount
        self.use.note(
            IMPACT_OWED, group.id, balance.id, self.detail.resource, self.detail.item_id, quantity, amount
        )

    def book(self, group: Group, cycle_no: int, amount: int, owed: int, quantity: int) -> None:
        """Into the item; each payer's share of the tax into the tax's, rounded down, the last takes the rest."""
        if not self.detail.item_id:
            return
        tax = tax_owed = 0
        if self.tax_left:
            tax = self.tax_left
            if amount != self.gross_left:
                tax = floor_part(abs(tax), abs(amount), abs(self.gross_left))
                tax = tax if amount > 0 else -tax
            tax_owed = tax if owed == amount else floor_part(tax, owed, amount)
            self.tax_left -= tax
            self.gross_left -= amount
            self.use.note(
                IMPACT_TAX,
                group.id,
                self.detail.item_id,
                self.detail.resource,
                self.detail.tax_item_id,
                0,
                tax,
            )
            self.add_to_item(group, cycle_no, self.detail.tax_item_id, (tax, tax_owed, 0, 0))
        totals = (amount - tax, owed - tax_owed, quantity, 1)
        self.add_to_item(group, cycle_no, self.detail.item_id, totals)

    def add_to_item(
        self, group: Group, cycle_no: int, item_id: int, added: tuple[int, int, int, int]
    ) -> None:
        if not group.book(cycle_no, item_id, added):
            raise StoppedError(Outcome.AMOUNT_OUT_OF_RANGE)

    # Sharing policies ---------------------------------------------------------------------------

    def covers(self, policy, resource: str) -> bool:
        """What is left out of a policy covers everything."""
        return (
            (not policy.service_types or self.use.service.type in policy.service_types)
            and (not policy.resources or resource in policy.resources)
            and (not policy.charge_tags or self.detail.written.charge_tag in policy.charge_tags)
        )

    def cap_room(self, member, resource: str) -> int:
        room = AMOUNT_MAX
        for cap, group in self.caps(member, resource):
            cycle, _ = group.booking_cycle(self.use.time_us)
            room = min(room, cap - (group.counted(cycle.number, ("cap", member.sharing_id, resource)) or 0))
        return max(room, 0)

    def count_caps(self, member, resource: str, amount: int) -> None:
        for _, group in self.caps(member, resource):
            cycle, _ = group.booking_cycle(self.use.time_us)
            group.count(cycle.number, ("cap", member.sharing_id, resource), amount)

    def caps(self, member, resource: str) -> list[tuple[int, Group]]:
        """(cap in stored units, the group whose counter it goes by)."""
        decimals = stored_decimals(self.use.catalogue.resources[resource])
        written = (
            (member.policy.cap_per_member, self.own),
            (member.policy.cap_per_group, member.owner),
        )
        return [(whole(cap, decimals), group) for cap, group in written if cap is not None]
