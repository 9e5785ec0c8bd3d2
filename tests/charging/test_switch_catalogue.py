"""Going on with another catalogue version: what is kept, what is made again, what records say."""

import msgspec

from balance_store.decision_record import DecidedEvent
from balance_store.profile_record import pack_profile
from balance_store.requests import Records
from charging.output_records import RecordWriter
from charging.usage_event import UsageEvent
from config.code_ids import code_id
from rating_kernels.outcomes import Outcome
from rating_kernels.profile_image import NO_PROFILE
from tests.rating_kernels.kernel_world import KernelWorld
from tests.rating_kernels.sample_world import call, data, sample_world
from tests.simulation.catalogues import catalogues


def switched(world: KernelWorld, version: int) -> KernelWorld:
    world.catalogue = catalogues()[version]
    world.cache.switch(world.catalogue)
    return world


def loaded(world: KernelWorld) -> KernelWorld:
    """With the profiles that a switch makes the daemon load again."""
    world.cache.install(0, Records({}, {c: pack_profile(one) for c, one in world.profiles.items()}))
    return world


def test_groups_stay_and_events_are_priced_by_the_new_version():
    world = sample_world()
    (before,) = world.charge(call(1, "a", 60))
    (after,) = loaded(switched(world, 4)).charge(call(1, "b", 60))
    assert (before.outcome, after.outcome) == (Outcome.CHARGED, Outcome.CHARGED)
    assert (before.product_id, before.price_id) == (after.product_id, after.price_id)
    # Its connect fee is two cents more.
    assert sum(i.amount for i in after.impacts) - sum(i.amount for i in before.impacts) == 20_000


def test_there_and_back_is_as_if_nothing_had_happened():
    shaken, calm = sample_world(), sample_world()
    for number, events in enumerate(
        ((call(1, "a", 60), data(3, "b", 40)), (data(3, "c", 500), data(2, "d", 1)))
    ):
        if number:
            loaded(switched(switched(shaken, 2), 1))
        shaken.charge(*events)
        calm.charge(*events)
    assert shaken.records() == calm.records()


def test_images_of_the_old_version_are_gone_and_groups_are_here():
    world = sample_world()
    world.charge(call(1, "a", 60), data(3, "b", 40))
    cache = switched(world, 2).cache
    assert all(cache.profile_at(customer_id) == NO_PROFILE for customer_id in world.profiles)
    assert cache.groups_here(0, world.group_of.values()) == set(world.group_of.values())


def decided(**change) -> DecidedEvent:
    return DecidedEvent(7, 0, 0, 0, 1, 2, 3, code_id("product", "calls"), 99, -1, (), ())._replace(**change)


def test_a_decision_of_an_older_version_is_written_as_it_was():
    old = catalogues()[1]
    without = msgspec.structs.replace(
        old, version=2, names=old.names | {"product": {}}, items={}, resources={}
    )
    event = UsageEvent("e1", "msc", "call", "+43660", 0, 95, {"destination": "+43"})
    writer = RecordWriter(old, "usage", "json")
    before = writer.rated(4, event, decided(), 1)
    assert writer.following(without).rated(4, event, decided(), 1) == before
    # A daemon that was started with the newer one has only the number: no name, never a wrong one.
    stranger = msgspec.json.decode(RecordWriter(without, "usage", "json").rated(4, event, decided(), 1))
    assert (stranger["catalogue"], stranger["product"]) == (1, code_id("product", "calls"))
