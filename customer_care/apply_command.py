"""Pure. One command on one group: from the image that was loaded to the image that is put back, and the answer.

Done once for each id: a group that remembers the id keeps its state and gives the first answer. A group whose
cycle is over rotates before anything else (ARCHITECTURE 9).
"""

from typing import NamedTuple

import msgspec
import numpy as np

from balance_store.group_change import Changed
from balance_store.profile_record import Profile
from config.code_ids import credit_id
from config.compiled_catalogue import CompiledCatalogue, ResourceInfo
from customer_care.change_balances import (
    NONE,
    add_item,
    adjust_balance,
    balance_rows,
    booked_item,
    credit_of,
    find_balance,
    is_valid,
    merge_credit,
    new_credit,
    owe,
    pay_back,
    use_up,
)
from customer_care.commands import (
    COMMAND_NUMBERS,
    Adjust,
    Answer,
    BalanceChange,
    Close,
    Command,
    Create,
    Expire,
    Grant,
    Notice,
    Refusal,
    SetCreditProfile,
    TopUp,
)
from customer_care.crossed_thresholds import (
    crossings,
    reached_thresholds,
    reset_notices,
    thresholds_of,
)
from customer_care.group_rotation import GroupRotation
from customer_care.recent_commands import RecentCommand, find_command, remember_command
from rating_kernels.balances import total_valid
from rating_kernels.batch_columns import LIMITS
from rating_kernels.group_image import (
    AMOUNT_MAX,
    B_AMOUNT,
    B_ID,
    B_KIND,
    B_RESOURCE_ID,
    B_VALID_FROM_US,
    B_VALID_TO_US,
    H_CLOSED_AT_US,
    H_CREDIT_ID,
    H_CYCLE_START_US,
    KIND_OWED,
    SECTIONS,
)
from rating_kernels.group_layout import grown, section_free
from rating_kernels.table_words import table_words
from rating_kernels.tariff_table import Ints
from rating_kernels.workspace import new_workspace

NO_LIMITS = 0


class Done(NamedTuple):
    """What a command touched; 0 = none."""

    balance_id: int = 0
    item_id: int = 0


class CommandTools:
    """A catalogue version made ready for commands."""

    def __init__(self, catalogue: CompiledCatalogue, snapshots_max: int) -> None:
        self.catalogue = catalogue
        self._by_id = {info.id: info for info in catalogue.resources.values()}
        self.table = table_words(catalogue.table)
        self._rotation = GroupRotation(catalogue, snapshots_max)
        self._work = new_workspace(np.zeros(LIMITS, np.int64))

    def apply(self, command: Command, id_hash: int, image: Ints, profile: Profile, now_us: int) -> Changed:
        """The command's `Answer` with the group's new image, or a `Refusal` with none."""
        first = find_command(image, id_hash)
        if first is not None:
            return Changed(None, self._first_answer(command, first, image))
        # An event ahead of our clock may have begun the cycle already.
        at_us = max(now_us, int(image[H_CYCLE_START_US]))
        rotated = self._rotation.rotate(image, profile, at_us)
        if rotated is None:
            return Changed(None, Refusal.SNAPSHOTS_FULL)
        if rotated[H_CLOSED_AT_US] <= at_us and not isinstance(command, Adjust):
            return Changed(None, Refusal.GROUP_CLOSED)
        changed = _with_room(rotated)
        answer = self._answer(command, changed, at_us)
        if isinstance(answer, Refusal):
            return Changed(None, answer)
        remember_command(
            changed,
            RecentCommand(
                id_hash,
                COMMAND_NUMBERS[type(command)],
                answer.balance_id,
                answer.before,
                answer.after,
                at_us,
            ),
        )
        return Changed(changed, answer)

    def _answer(self, command: Command, image: Ints, at_us: int) -> Answer | Refusal:
        match command:
            case Close():
                image[H_CLOSED_AT_US] = at_us
                return Answer(at_us)
            case SetCreditProfile():
                return self._set_credit_profile(command, image, at_us)
            case Expire():
                row = find_balance(image, command.balance_id)
                if row == NONE:
                    return Refusal.UNKNOWN_BALANCE
                # A resource that the catalogue dropped can still expire.
                resource = self._by_id.get(int(image[row + B_RESOURCE_ID]))
                return self._change(command, image, int(image[row + B_RESOURCE_ID]), resource, at_us)
            case _:
                resource = self.catalogue.resources.get(command.resource)
                if resource is None:
                    return Refusal.UNKNOWN_RESOURCE
                return self._change(command, image, resource.id, resource, at_us)

    def _change(
        self, command: Command, image: Ints, resource_id: int, resource: ResourceInfo | None, at_us: int
    ) -> Answer | Refusal:
        """A command that moves balances of one resource: totals, changes and crossed thresholds around it."""
        before = int(total_valid(image, 0, resource_id, at_us))
        was = thresholds_of(self.table, image, resource, at_us, before) if resource else []
        amounts = _amounts(image)
        done = self._perform(command, image, resource, at_us)
        if isinstance(done, Refusal):
            return done
        after = int(total_valid(image, 0, resource_id, at_us))
        if abs(after) > AMOUNT_MAX:
            return Refusal.AMOUNT_OUT_OF_RANGE
        notices: tuple[Notice, ...] = ()
        if resource:
            now = thresholds_of(self.table, image, resource, at_us, after)
            notices = crossings(resource.code, was, now, before, after)
        changes = tuple(
            BalanceChange(number, amounts.get(number, 0), amount)
            for number, amount in _amounts(image).items()
            if amounts.get(number, 0) != amount
        )
        code = resource.code if resource else ""
        return Answer(at_us, code, before, after, done.balance_id, changes, done.item_id, notices)

    def _perform(
        self, command: Command, image: Ints, resource: ResourceInfo | None, at_us: int
    ) -> Done | Refusal:
        if isinstance(command, Expire):
            return _expire(image, command.balance_id, at_us)
        assert resource is not None, "the resource was looked up"
        match command:
            case TopUp() | Grant():
                return self._credit(command, image, resource, at_us)
            case Create():
                return self._create(command, image, resource, at_us)
            case Adjust():
                return self._adjust(command, image, resource, at_us)
        raise AssertionError(f"{command} moves no balance")

    def _credit(
        self, command: TopUp | Grant, image: Ints, resource: ResourceInfo, at_us: int
    ) -> Done | Refusal:
        if command.amount >= 0:
            return Refusal.WRONG_SIGN
        credit = credit_of(image, resource, command.amount, command.validity, command.priority, at_us)
        if isinstance(credit, Refusal):
            return credit
        balance_id = merge_credit(image, resource, credit, at_us)
        return balance_id if isinstance(balance_id, Refusal) else Done(balance_id)

    def _create(self, command: Create, image: Ints, resource: ResourceInfo, at_us: int) -> Done | Refusal:
        if command.amount == 0:
            return Refusal.WRONG_SIGN
        if command.amount > 0:
            if command.validity not in (None, "cycle") or command.priority != 0:
                return Refusal.DEBIT_NEEDS_CYCLE
            if resource.is_money and command.booking is None:
                return Refusal.BOOKING_MISSING
            balance_id = owe(image, resource, command.amount, at_us, self._work)
            owed = command.amount
        else:
            credit = credit_of(image, resource, command.amount, command.validity, command.priority, at_us)
            if isinstance(credit, Refusal):
                return credit
            balance_id = new_credit(image, resource, credit, at_us)
            owed = 0
        return self._booked(command, image, balance_id, owed)

    def _adjust(self, command: Adjust, image: Ints, resource: ResourceInfo, at_us: int) -> Done | Refusal:
        if command.amount == 0:
            return Refusal.WRONG_SIGN
        if command.balance_id is not None:
            return self._adjust_balance(command, command.balance_id, image, resource, at_us)
        if command.booking is None:
            return Refusal.ADJUSTS_NOTHING
        if command.amount > 0:
            owed = use_up(self.table, image, resource, command.amount, at_us, self._work)
        else:
            owed = pay_back(image, resource, command.amount, at_us)
        return owed if isinstance(owed, Refusal) else self._booked(command, image, 0, owed)

    def _adjust_balance(
        self, command: Adjust, balance_id: int, image: Ints, resource: ResourceInfo, at_us: int
    ) -> Done | Refusal:
        row = find_balance(image, balance_id)
        if row == NONE:
            return Refusal.UNKNOWN_BALANCE
        if image[row + B_RESOURCE_ID] != resource.id:
            return Refusal.OTHER_RESOURCE
        if not is_valid(image, row, at_us):
            return Refusal.BALANCE_ENDED
        is_owed = image[row + B_KIND] == KIND_OWED
        if is_owed and resource.is_money and command.booking is None:
            return Refusal.BOOKING_MISSING
        refused = adjust_balance(image, row, command.amount)
        return refused or self._booked(command, image, balance_id, command.amount if is_owed else 0)

    def _booked(
        self, command: Create | Adjust, image: Ints, balance_id: int | Refusal, owed: int
    ) -> Done | Refusal:
        """Add the command's amount to the item that it names, if any."""
        if isinstance(balance_id, Refusal):
            return balance_id
        if command.booking is None:
            return Done(balance_id)
        item_id = booked_item(self.catalogue, command.booking, command.resource)
        if isinstance(item_id, Refusal):
            return item_id
        refused = add_item(image, item_id, command.amount, owed, self._work)
        return refused or Done(balance_id, item_id)

    def _set_credit_profile(self, command: SetCreditProfile, image: Ints, at_us: int) -> Answer | Refusal:
        code = command.credit_profile
        if code and code not in self.catalogue.catalogue.credit_profiles:
            return Refusal.UNKNOWN_CREDIT_PROFILE
        held = {int(image[row + B_RESOURCE_ID]) for row in balance_rows(image)}
        # What the customer has none of is nothing to tell of.
        resources = [self._by_id[number] for number in sorted(held & self._by_id.keys())]
        was = reached_thresholds(self.table, image, resources, at_us)
        image[H_CREDIT_ID] = credit_id(code, command.payment_type) if code else NO_LIMITS
        now = reached_thresholds(self.table, image, resources, at_us)
        return Answer(at_us, notices=reset_notices(was, now))

    def _first_answer(self, command: Command, first: RecentCommand, image: Ints) -> Answer | Refusal:
        """What is remembered of the first answer; crossed thresholds by where they stand now."""
        if first.command != COMMAND_NUMBERS[type(command)]:
            return Refusal.COMMAND_ID_USED
        answer = Answer(first.done_us, "", first.before, first.after, first.balance_id, repeated=True)
        match command:
            case Close() | SetCreditProfile():
                return answer
            case Expire():
                if command.balance_id != first.balance_id:
                    return Refusal.COMMAND_ID_USED
                row = find_balance(image, command.balance_id)
                expired = None if row == NONE else self._by_id.get(int(image[row + B_RESOURCE_ID]))
                return msgspec.structs.replace(answer, resource=expired.code if expired else "")
        resource = self.catalogue.resources.get(command.resource)
        if resource is None or command.amount != first.after - first.before:
            return Refusal.COMMAND_ID_USED
        was, now = (
            thresholds_of(self.table, image, resource, first.done_us, total)
            for total in (first.before, first.after)
        )
        notices = crossings(resource.code, was, now, first.before, first.after)
        item_id = 0
        if isinstance(command, Create | Adjust) and command.booking is not None:
            item = booked_item(self.catalogue, command.booking, command.resource)
            item_id = 0 if isinstance(item, Refusal) else item
        return msgspec.structs.replace(answer, resource=resource.code, item_id=item_id, notices=notices)


def _with_room(image: Ints) -> Ints:
    """The image with a free row in each section: no command needs more."""
    full = [section for section in range(SECTIONS) if section_free(image, 0, section) == 0]
    return grown(image, 0, *full) if full else image


def _expire(image: Ints, balance_id: int, at_us: int) -> Done | Refusal:
    row = find_balance(image, balance_id)
    if image[row + B_KIND] == KIND_OWED:
        return Refusal.BALANCE_IS_OWED
    if image[row + B_VALID_TO_US] <= at_us:
        return Refusal.BALANCE_ENDED
    # Late events of the time before may still use it; one that has not begun never holds.
    image[row + B_VALID_TO_US] = max(at_us, int(image[row + B_VALID_FROM_US]))
    return Done(balance_id)


def _amounts(image: Ints) -> dict[int, int]:
    return {int(image[row + B_ID]): int(image[row + B_AMOUNT]) for row in balance_rows(image)}
