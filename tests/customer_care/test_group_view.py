"""What `show` and `history` make of a group's words."""

from customer_care.commands import COMMAND_NUMBERS, Expire, GroupRef, TopUp, command_hash
from customer_care.group_view import group_view
from customer_care.history_view import history_view
from customer_care.recent_commands import RecentCommand, remember_command
from rating_kernels.counters import EVENTS, QUANTITY, price_counter_id
from rating_kernels.group_image import (
    B_RESOURCE_ID,
    C_AMOUNT,
    C_COUNTER_ID,
    C_CYCLE_NO,
    H_CREDIT_ID,
    I_ITEM_ID,
    S_SEALED,
    SECTION_BALANCES,
    SECTION_COMMANDS,
    SECTION_COUNTERS,
    SECTION_ITEMS,
    SECTION_SNAPSHOTS,
)
from rating_kernels.group_layout import append_row, grown, row_at
from rating_kernels.sharing import SHARING_SHIFT
from tests.customer_care.command_world import TOOLS, CommandWorld, at, units
from tests.rating_kernels.sample_world import SAMPLE

REF = GroupRef(2, 2, "C2", 0, "postpaid", "standard")


def view(image, day):
    return group_view(REF, image, SAMPLE, TOOLS.table, at(day))


def count(image, counter_id, amount):
    row = append_row(image, 0, SECTION_COUNTERS)
    image[row + C_CYCLE_NO], image[row + C_COUNTER_ID], image[row + C_AMOUNT] = 1, counter_id, amount


def test_cycles_are_open_over_ended_or_sealed():
    world = CommandWorld()
    assert [one.status for one in view(world.images["C2"], "2026-10-05").cycles] == ["open"]
    assert [one.status for one in view(world.images["C2"], "2026-11-05").cycles] == ["over"]
    world.do("C2", TopUp("EUR", -1), "2026-12-05", "rotates")
    world.images["C2"][row_at(world.images["C2"], 0, SECTION_SNAPSHOTS, 0) + S_SEALED] = 1
    cycles = view(world.images["C2"], "2026-12-05").cycles
    assert [(one.cycle, one.status) for one in cycles] == [(1, "sealed"), (2, "ended"), (3, "open")]


def test_counters_say_what_they_count():
    image = grown(CommandWorld().images["C2"], 0, SECTION_COUNTERS)
    price, name = next(iter(SAMPLE.names["price"].items()))
    count(image, price_counter_id(0, price, QUANTITY), 61)
    count(image, price_counter_id(7, price, EVENTS), 2)
    count(image, (7 << SHARING_SHIFT) | SAMPLE.resources["data_allowance"].id, 5)
    assert [(one.what, one.amount) for one in view(image, "2026-10-05").counters] == [
        (f"price {name}, quantity", 61),
        (f"price {name}, events, shared in group 7", 2),
        ("used of sharing group 7, data_allowance", 5),
    ]


def test_what_the_catalogue_dropped_is_shown_by_number_and_can_expire():
    world = CommandWorld()
    world.do("C1", TopUp("EUR", units("EUR", "-5")), "2026-10-05", "top")
    image = world.images["C1"]
    image[row_at(image, 0, SECTION_BALANCES, 0) + B_RESOURCE_ID] = 12345
    shown = view(image, "2026-10-05")
    assert [(one.resource, one.amount, one.limit) for one in shown.totals] == [("12345", "-5000000", None)]
    answer = world.do("C1", Expire(1), "2026-10-05", "gone")
    assert (answer.before, answer.after, answer.resource) == (-5_000_000, 0, "")
    again = world.do("C1", Expire(1), "2026-10-05", "gone")
    assert (again.before, again.after, again.repeated) == (-5_000_000, 0, True)


def test_an_item_that_the_catalogue_dropped_is_shown_by_number():
    image = CommandWorld().images["C2"]
    image[row_at(image, 0, SECTION_ITEMS, 0) + I_ITEM_ID] = 999
    (item,) = view(image, "2026-10-05").items
    assert (item.item, item.amount, item.resource) == ("999", "9900000", "")


def test_a_group_without_limits_has_no_thresholds():
    image = CommandWorld().images["C2"]
    assert [len(one.thresholds) for one in view(image, "2026-10-05").totals] == [2]
    image[H_CREDIT_ID] = 0
    assert [len(one.thresholds) for one in view(image, "2026-10-05").totals] == [0]


def test_a_command_without_a_record_has_no_id_and_one_of_a_later_program_a_number():
    image = CommandWorld().images["C2"]
    remember_command(
        image, RecentCommand(command_hash("a"), COMMAND_NUMBERS[TopUp], 3, 0, -1, at("2026-10-05"))
    )
    image = grown(image, 0, SECTION_COMMANDS)
    remember_command(image, RecentCommand(command_hash("b"), 77, 0, 0, 0, at("2026-10-06")))
    shown = history_view(REF, view(image, "2026-10-07"), image, [], SAMPLE)
    assert [(one.command, one.id, one.balance) for one in shown.commands] == [
        ("top-up", None, 3),
        ("77", None, None),
    ]
