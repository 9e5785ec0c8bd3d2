"""Pure. What the store is told of a customer, as it waits in the outbox, and what of it is still missing there."""

import msgspec

from balance_store.group_record import pack_group
from balance_store.profile_record import Profile, pack_profile, unpack_profile
from balance_store.requests import DirectoryEntry, Records
from customer_care.onboarding import Onboarded


class Publication(msgspec.Struct, frozen=True, array_like=True):
    """One customer. Everything in it stands on ids, so it may be published under a later catalogue."""

    catalogue_version: int
    customer_id: int
    shard: int
    profile: bytes
    groups: tuple[tuple[int, bytes], ...]
    directory: tuple[tuple[str, tuple[DirectoryEntry, ...]], ...]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Publication)


def publication_of(onboarded: Onboarded) -> Publication:
    """What the store is told of a new customer."""
    return Publication(
        catalogue_version=onboarded.catalogue_version,
        customer_id=onboarded.numbers.customer_id,
        shard=onboarded.shard,
        profile=pack_profile(onboarded.profile),
        groups=((onboarded.numbers.group_id, pack_group(onboarded.group, 0)),),
        directory=onboarded.directory,
    )


def pack_publication(publication: Publication) -> bytes:
    """As it waits in the outbox."""
    return _ENCODER.encode(publication)


def unpack_publication(record: bytes) -> Publication:
    """As it was packed."""
    return _DECODER.decode(record)


def at_shard(publication: Publication, shard: int) -> Publication:
    """The publication for the shard that the customer belongs to by now."""
    directory = tuple(
        (identifier, tuple(entry._replace(shard=shard) for entry in entries))
        for identifier, entries in publication.directory
    )
    return msgspec.structs.replace(publication, shard=shard, directory=directory)


def missing_in(stored: Records, publications: list[Publication]) -> Records:
    """What is to be written: profiles that differ, groups that are not there; a group is never overwritten."""
    groups: dict[int, bytes | None] = {
        group_id: record
        for one in publications
        for group_id, record in one.groups
        if stored.groups.get(group_id) is None
    }
    profiles: dict[int, bytes | None] = {}
    for one in publications:
        there = stored.profiles.get(one.customer_id)
        profile = one.profile if there is None else brought_by_move(one.profile, unpack_profile(there))
        if there != profile:
            profiles[one.customer_id] = profile
    return Records(groups, profiles)


def brought_by_move(profile: bytes, there: Profile) -> bytes:
    """A profile to publish, with the move number of the one that is there: records know nothing of it."""
    return pack_profile(msgspec.structs.replace(unpack_profile(profile), move_no=there.move_no))
