"""Pure. The four steps of a move between shards (ARCHITECTURE 6), each as what a commit has to write.

Every step is made from what is stored, so that doing it again, by anybody, changes nothing: customers who are
marked are not marked again, a move number that arrived does not arrive again, a thin mark stays.
"""

import msgspec

from balance_store.mark_record import MARK_SCHEMA, Mark, is_mark, pack_mark, unpack_mark
from balance_store.profile_record import pack_profile, unpack_profile
from balance_store.requests import RecordMap, Records

Profiles = RecordMap


def still_here(profiles: Profiles) -> dict[int, tuple[int, ...]]:
    """Customers who live at the shard, with the balance groups that go where they go."""
    return {
        customer_id: unpack_profile(record).group_ids
        for customer_id, record in sorted(profiles.items())
        if record is not None and not is_mark(record)
    }


def freeze(records: Records, target: int) -> Records:
    """Step 1, at the shard they leave: all who are here become whole marks, their groups go.

    A commit writes what it changes, so it is guarded on every record that moves.
    """
    here = still_here(records.profiles)
    marks: dict[int, bytes | None] = {}
    removed: dict[int, bytes | None] = {}
    for customer_id, group_ids in here.items():
        record = records.profiles[customer_id]
        assert record is not None, "who is here has a profile"
        profile = unpack_profile(record)
        assert all(one.owner_customer_id in here for one in profile.memberships), "ties stay in one shard"
        move_no = profile.move_no + 1
        groups = []
        for group_id in group_ids:
            group = records.groups[group_id]
            assert group is not None, f"customer {customer_id} has no balance group {group_id}"
            groups.append((group_id, group))
            removed[group_id] = None
        moved = msgspec.structs.replace(profile, move_no=move_no)
        marks[customer_id] = pack_mark(
            Mark(MARK_SCHEMA, customer_id, move_no, target, tuple(here), pack_profile(moved), tuple(groups))
        )
    return Records(removed, marks)


def whole_marks(profiles: Profiles) -> list[Mark]:
    """Moves that may not be finished, among the records of a shard."""
    marks = [unpack_mark(record) for _, record in sorted(profiles.items()) if record and is_mark(record)]
    return [mark for mark in marks if mark.whole]


def arrive(marks: list[Mark], stored: Profiles) -> Records:
    """Step 2, at the new shard: the records of those whose move number is news there."""
    coming = [mark for mark in marks if _move_no(stored[mark.customer_id]) < mark.move_no]
    return Records(
        {group_id: record for mark in coming for group_id, record in mark.groups},
        {mark.customer_id: mark.profile for mark in coming},
    )


def identifiers_of_mark(mark: Mark) -> tuple[str, ...]:
    """What the directory must point to the new shard for, in step 3; each once."""
    return tuple(dict.fromkeys(one.identifier for one in unpack_profile(mark.profile).services))


def thin(marks: list[Mark], stored: Profiles) -> Profiles:
    """Step 4, at the shard they left: marks of these moves that are still whole become thin."""
    return {
        mark.customer_id: pack_mark(mark.thin())
        for mark in marks
        if stored[mark.customer_id] == pack_mark(mark)
    }


def _move_no(record: bytes | None) -> int:
    """The last move that the shard knows of; a customer it never saw comes before the first."""
    if record is None:
        return -1
    return unpack_mark(record).move_no if is_mark(record) else unpack_profile(record).move_no
