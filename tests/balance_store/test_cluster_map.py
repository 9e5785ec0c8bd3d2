"""Who has a slot, and what an error means, from what servers say."""

import pytest

from balance_store.cluster_map import Endpoint, Redirect, read_cluster_slots, read_redirect
from balance_store.keyspace import (
    SLOTS,
    decisions_key,
    groups_key,
    header_key,
    profiles_key,
    recent_key,
    settled_key,
    slot_of,
)
from balance_store.server_answers import ErrorKind, error_kind
from balance_store.server_facts import cluster_faults, read_info, version_faults

ASKED = Endpoint("asked", 1)


@pytest.mark.parametrize(
    ("key", "slot"),
    [
        ("123456789", 0x31C3),  # the check value of the specification
        ("{user1000}.following", slot_of("user1000")),
        ("foo{}{bar}", slot_of("foo{}{bar}")),
        ("foo{bar}{zap}", slot_of("bar")),
    ],
)
def test_a_slot_is_that_of_the_hash_tag(key, slot):
    assert slot_of(key) == slot


def test_all_keys_of_a_shard_are_in_one_slot():
    for shard in (0, 17, 4_095):
        keys = [header_key, recent_key, groups_key, profiles_key, settled_key]
        slots = {slot_of(key(shard)) for key in keys} | {slot_of(decisions_key(shard, 3))}
        assert len(slots) == 1


@pytest.mark.parametrize(
    ("message", "redirect"),
    [
        ("MOVED 3999 10.0.0.1:6381", Redirect(3999, Endpoint("10.0.0.1", 6381), for_good=True)),
        ("ASK 3999 ::1:6381", Redirect(3999, Endpoint("::1", 6381), for_good=False)),
        ("MOVED 3999 :6381", Redirect(3999, Endpoint("asked", 6381), for_good=True)),
        ("ERR MOVED 3999 a:6381", None),
        ("", None),
    ],
)
def test_a_redirection_is_read(message, redirect):
    assert read_redirect(message, ASKED) == redirect


def test_the_map_names_masters_replicas_and_what_nobody_has():
    answer = [
        [0, 99, [b"a", 1, b"id"], [b"b", 2, b"id"]],
        [200, 299, [b"", 3, b"id"]],
        [300, 301, [b"a", 1, b"id"], [b"b", 2, b"id"]],
    ]
    found = read_cluster_slots(answer, ASKED)
    assert found.masters == (Endpoint("a", 1), Endpoint("asked", 3))
    assert found.replicas == (Endpoint("b", 2),)
    assert [found.master(slot).port for slot in (0, 99, 200, 299, 300, 301)] == [1, 1, 3, 3, 1, 1]
    for slot in (100, 199, 302, SLOTS - 1):
        with pytest.raises(ConnectionError, match=f"slot {slot}"):
            found.master(slot)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("LOADING Valkey is loading the dataset in memory", ErrorKind.PASSES),
        ("CLUSTERDOWN Hash slot not served", ErrorKind.PASSES),
        ("TRYAGAIN Multiple keys request during rehashing of slot", ErrorKind.PASSES),
        ("ERR max number of clients reached", ErrorKind.PASSES),
        ("READONLY You can't write against a read only replica.", ErrorKind.PASSES),
        ("NOPERM User x has no permissions to run the 'get' command", ErrorKind.FORBIDDEN),
        ("ERR Function not found", ErrorKind.NO_FUNCTIONS),
        ("NOHEADER the shard was never created, or its data is gone", ErrorKind.NO_SHARD),
        ("ERR unknown command", ErrorKind.OTHER),
    ],
)
def test_errors_say_whether_waiting_helps(message, kind):
    assert error_kind(message) is kind


@pytest.mark.parametrize(
    ("info", "replicas", "faults"),
    [
        (b"redis_version:6.2.14\r\n", 0, 1),
        (b"redis_version:7.0.15\r\n", 0, 0),
        (b"redis_version:7.0.15\r\n", 1, 1),
        (b"redis_version:7.2.4\r\nvalkey_version:8.1.3\r\n", 1, 0),
        (b"redis_version:8.2.3\r\n", 1, 0),
    ],
)
def test_a_server_that_is_too_old_is_named(info, replicas, faults):
    assert len(version_faults("it", read_info(info), replicas)) == faults


def test_a_cluster_with_a_hole_says_so():
    assert cluster_faults(b"cluster_state:ok\r\ncluster_slots_ok:16384\r\n") == []
    (fault,) = cluster_faults(b"cluster_state:fail\r\ncluster_slots_ok:10923\r\n")
    assert "fail" in fault
    assert "10923 of 16384" in fault
