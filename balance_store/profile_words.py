"""Pure. A stored profile and a catalogue version to the words that kernels read, one customer at a time.

The cut of a cycle takes its profile this way; the cache has a kernel that must write the same words.
"""

from collections.abc import Callable

import numpy as np

from balance_store.profile_record import Profile, ServiceEntry
from config.catalogue_indexes import NOT_IN_CATALOGUE
from config.compile_catalogue import CompiledCatalogue
from rating_kernels.profile_image import (
    CANDIDATE_WORDS,
    DISCOUNT_WORDS,
    MEMBERSHIP_WORDS,
    P_CANDIDATES_AT,
    P_CUSTOMER_ID,
    P_DISCOUNTS_AT,
    P_MEMBERSHIPS_AT,
    P_RECURRING,
    P_RECURRING_AT,
    P_SERVICES,
    P_SERVICES_AT,
    PROFILE_HEADER_WORDS,
    RECURRING_WORDS,
    SERVICE_WORDS,
)
from rating_kernels.tariff_table import Ints


def identifiers_of(profile: Profile) -> list[str]:
    """The customer's identifiers, each once; the place in this list is the identifier's number."""
    return list(dict.fromkeys(service.identifier for service in profile.services))


def profile_words(profile: Profile, catalogue: CompiledCatalogue, slot_of: Callable[[int], int]) -> Ints:
    """The image described in `rating_kernels.profile_image`; `slot_of` gives a group's slot in the cache."""
    identifiers = identifiers_of(profile)
    services: list[tuple[int, ...]] = []
    candidates: list[tuple[int, ...]] = []
    members: list[tuple[int, ...]] = []
    discounts: list[tuple[int, ...]] = []
    for service in profile.services:
        first = (len(candidates), len(members), len(discounts))
        discounts += _discount_rows(service, catalogue)
        candidates += _candidate_rows(service, catalogue)
        members += [
            (
                member.sharing_id,
                catalogue.policy_index[member.policy_id],
                slot_of(member.owner_group_id),
                member.valid_from_us,
                member.valid_to_us,
            )
            for member in profile.memberships
            if member.sharing_id in service.sharing_ids and member.policy_id in catalogue.policy_index
        ]
        services.append(
            (
                identifiers.index(service.identifier),
                catalogue.service_type_index.get(service.service_type_id, NOT_IN_CATALOGUE),
                service.valid_from_us,
                service.valid_to_us,
                service.subscription_id,
                slot_of(service.group_id),
                first[0],
                len(candidates) - first[0],
                first[1],
                len(members) - first[1],
                first[2],
                len(discounts) - first[2],
            )
        )
    recurring: list[tuple[int, ...]] = [
        (
            row.group_id,
            row.product_id,
            catalogue.resource_index[row.resource_id],
            row.item_id,
            row.amount,
            row.valid_from_us,
            row.valid_to_us,
            row.rollover_cycles,
            row.rolled_a_cycle,
            row.rolled_in_all,
        )
        for row in profile.recurring
        if row.resource_id in catalogue.resource_index
    ]
    return _lay_out(profile.customer_id, services, candidates, members, discounts, recurring)


def _candidate_rows(service: ServiceEntry, catalogue: CompiledCatalogue) -> list[tuple[int, ...]]:
    return [
        (
            candidate.product_id,
            catalogue.plan_index[candidate.rate_plan_id],
            candidate.valid_from_us,
            candidate.valid_to_us,
        )
        for candidate in service.candidates
        if candidate.rate_plan_id in catalogue.plan_index
    ]


def _discount_rows(service: ServiceEntry, catalogue: CompiledCatalogue) -> list[tuple[int, ...]]:
    return [
        (catalogue.discount_index[one.discount_id], one.valid_from_us, one.valid_to_us)
        for one in service.discounts
        if one.discount_id in catalogue.discount_index
    ]


def _lay_out(
    customer_id: int,
    services: list[tuple[int, ...]],
    candidates: list[tuple[int, ...]],
    members: list[tuple[int, ...]],
    discounts: list[tuple[int, ...]],
    recurring: list[tuple[int, ...]],
) -> Ints:
    services_at = PROFILE_HEADER_WORDS
    candidates_at = services_at + len(services) * SERVICE_WORDS
    members_at = candidates_at + len(candidates) * CANDIDATE_WORDS
    discounts_at = members_at + len(members) * MEMBERSHIP_WORDS
    recurring_at = discounts_at + len(discounts) * DISCOUNT_WORDS
    words = np.zeros(recurring_at + len(recurring) * RECURRING_WORDS, np.int64)
    words[P_CUSTOMER_ID] = customer_id
    words[P_SERVICES] = len(services)
    words[P_SERVICES_AT] = services_at
    words[P_CANDIDATES_AT] = candidates_at
    words[P_MEMBERSHIPS_AT] = members_at
    words[P_DISCOUNTS_AT] = discounts_at
    words[P_RECURRING] = len(recurring)
    words[P_RECURRING_AT] = recurring_at
    at = services_at
    for rows in (services, candidates, members, discounts, recurring):
        for row in rows:
            words[at : at + len(row)] = row
            at += len(row)
    return words
