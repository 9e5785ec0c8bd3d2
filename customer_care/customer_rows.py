"""Pure. What is recorded of a customer: rows of `tables`, by the table's name."""

from typing import Any

from config.catalogue import Site
from config.civil_time import anchor_days, cycle_at
from config.compile_catalogue import CompiledCatalogue
from customer_care.check_line import plan_credit_profiles
from customer_care.customer_lines import CALENDAR_KINDS, ByDirectDebit, CustomerLine, canonical_line
from customer_care.onboarding import Onboarded
from customer_care.opening_image import FIRST_CYCLE_NO
from customer_care.publication import pack_publication, publication_of

Row = dict[str, Any]
Rows = dict[str, list[Row]]


def new_rows(taken: Onboarded, catalogue: CompiledCatalogue, now_us: int, actor: str) -> Rows:
    """All rows of a new customer, tables in an order in which they can be written."""
    line, numbers = taken.line, taken.numbers
    customer = {"customer_id": numbers.customer_id}
    (credit_profile,) = plan_credit_profiles(line, catalogue.catalogue.plans)
    return {
        "customers": [
            {
                "id": numbers.customer_id,
                "code": line.customer,
                "since": line.since,
                "shard": taken.shard,
                "created_at_us": now_us,
                **contact_values(line, now_us),
            }
        ],
        "addresses": [customer | address_values(line)],
        "mandates": [
            row | {"customer_id": numbers.customer_id, "valid_from_us": taken.cycle.start_us}
            for row in mandate_values(line)
        ],
        "billing_profiles": [_billing_profile(taken)],
        "balance_groups": [
            customer
            | {
                "id": numbers.group_id,
                "billing_profile_id": numbers.billing_profile_id,
                "name": "main",
                "credit_profile": credit_profile,
                "valid_from_us": taken.cycle.start_us,
            }
        ],
        **_subscription_rows(taken),
        **_group_rows(taken),
        "bills": _first_bills(taken, catalogue.site),
        "activity_log": [
            customer
            | {
                "at_us": now_us,
                "actor": actor,
                "action": "customer created",
                "before": "",
                "after": canonical_line(line).decode(),
            }
        ],
        "outbox": [customer | {"shard": taken.shard, "publication": pack_publication(publication_of(taken))}],
    }


def contact_values(line: CustomerLine, now_us: int) -> Row:
    """Columns of `customers` that an import may change."""
    return {
        "customer_type": line.type,
        "first_name": line.name.first,
        "last_name": line.name.last,
        "email": line.email,
        "phone": line.phone,
        "line": canonical_line(line),
        "changed_at_us": now_us,
    }


def address_values(line: CustomerLine) -> Row:
    """Columns of `addresses`."""
    address = line.address
    return {
        "street": address.street,
        "house_number": address.number,
        "postcode": address.postcode,
        "city": address.city,
        "country": address.country,
    }


def mandate_values(line: CustomerLine) -> list[Row]:
    """Columns of the line's mandate; none for other methods of payment."""
    if not isinstance(line.payment, ByDirectDebit):
        return []
    mandate = line.payment.mandate
    return [
        {
            "code": mandate.id,
            "signed_on": mandate.signed_on,
            "iban": mandate.iban.replace(" ", "").upper(),
            "bic": mandate.bic.upper(),
        }
    ]


def payment_method(line: CustomerLine) -> str:
    """How the customer's money is collected, as records call it."""
    return "direct_debit" if isinstance(line.payment, ByDirectDebit) else "invoice"


def _billing_profile(taken: Onboarded) -> Row:
    billing = taken.line.billing
    return {
        "id": taken.numbers.billing_profile_id,
        "customer_id": taken.numbers.customer_id,
        "payment_type": billing.payment_type,
        "payment_method": payment_method(taken.line),
        "currency": billing.currency,
        "interval_kind": CALENDAR_KINDS[billing.interval],
        "interval_count": billing.every,
        "billing_day": billing.day,
        "anchor_days": anchor_days(taken.line.since),
        "valid_from_us": taken.cycle.start_us,
    }


def _subscription_rows(taken: Onboarded) -> Rows:
    subscriptions, products, discounts, services = [], [], [], []
    for subscription, number, from_us, purchases, bought in zip(
        taken.line.subscriptions,
        taken.numbers.subscription_ids,
        taken.starts_us,
        taken.purchases,
        taken.discounts,
        strict=True,
    ):
        subscriptions.append(
            {
                "id": number,
                "code": subscription.subscription,
                "customer_id": taken.numbers.customer_id,
                "balance_group_id": taken.numbers.group_id,
                "plan": subscription.plan,
                "valid_from_us": from_us,
            }
        )
        products += [
            {
                "subscription_id": number,
                "bundle": purchase.bundle,
                "product": purchase.product,
                "purchased_at_us": from_us,
                "valid_from_us": purchase.valid_from_us,
                "valid_to_us": purchase.valid_to_us,
            }
            for purchase in purchases
        ]
        discounts += [
            {
                "subscription_id": number,
                "bundle": one.bundle,
                "discount": one.discount,
                "purchased_at_us": from_us,
                "valid_from_us": one.valid_from_us,
                "valid_to_us": one.valid_to_us,
            }
            for one in bought
        ]
        services += [
            {
                "subscription_id": number,
                "service_type": service.type,
                "identifier": service.identifier,
                "valid_from_us": from_us,
            }
            for service in subscription.services
        ]
    return {
        "subscriptions": subscriptions,
        "purchased_products": products,
        "purchased_discounts": discounts,
        "services": services,
    }


def _group_rows(taken: Onboarded) -> Rows:
    line, numbers = taken.line, taken.numbers
    subscription_of = {
        one.subscription: (number, from_us)
        for one, number, from_us in zip(
            line.subscriptions, numbers.subscription_ids, taken.starts_us, strict=True
        )
    }
    validity = {membership.sharing_id: membership for membership in taken.profile.memberships}
    return {
        "sharing_groups": [
            {
                "id": number,
                "code": share.group,
                "owner_customer_id": numbers.customer_id,
                "subscription_id": subscription_of[share.subscription][0],
                "policy": share.policy,
                "valid_from_us": subscription_of[share.subscription][1],
            }
            for share, number in zip(line.shares, numbers.sharing_ids, strict=True)
        ],
        "sharing_memberships": [
            {
                "sharing_group_id": pool_id,
                "member_customer_id": numbers.customer_id,
                "priority": member.priority,
                "joined_at_us": taken.cycle.start_us,
                "valid_from_us": validity[pool_id].valid_from_us,
                "valid_to_us": validity[pool_id].valid_to_us,
            }
            for member, pool_id in zip(line.member_of, numbers.pool_ids, strict=True)
        ],
        "hierarchy_groups": [
            {
                "id": numbers.hierarchy_id,
                "code": line.hierarchy.owns,
                "owner_billing_profile_id": numbers.billing_profile_id,
            }
        ]
        if line.hierarchy.owns
        else [],
        "hierarchy_memberships": [
            {
                "hierarchy_group_id": numbers.payer_id,
                "billing_profile_id": numbers.billing_profile_id,
                "joined_at_us": taken.cycle.start_us,
            }
        ]
        if line.hierarchy.member_of
        else [],
    }


def _first_bills(taken: Onboarded, site: Site) -> list[Row]:
    """The active bill of the first cycle and the inactive one of the next (DECISIONS 25)."""
    line, end_us = taken.line, taken.cycle.end_us
    billing = line.billing
    kind = CALENDAR_KINDS[billing.interval]
    following = cycle_at(kind, billing.every, billing.day, anchor_days(line.since), site.time_zone, end_us)
    shared = {
        "site": site.name,
        "billing_profile_id": taken.numbers.billing_profile_id,
        "currency": billing.currency,
    }
    return [
        shared
        | {
            "status": "active",
            "cycle_no": FIRST_CYCLE_NO,
            "period_start_us": taken.cycle.start_us,
            "period_end_us": end_us,
        },
        shared
        | {
            "status": "inactive",
            "cycle_no": FIRST_CYCLE_NO + 1,
            "period_start_us": end_us,
            "period_end_us": following[1],
        },
    ]
