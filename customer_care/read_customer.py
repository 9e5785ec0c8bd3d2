"""Shell. Reads everything recorded of one customer, in one transaction."""

from typing import Any

from sqlalchemy import Connection, Row, Table, select

from customer_care.customer_lines import Address, PersonName
from customer_care.customer_view import (
    BillingProfileView,
    BillView,
    CustomerView,
    HierarchyView,
    MandateView,
    ServiceView,
    SharingView,
    SubscriptionView,
    validity_of,
)
from customer_care.tables import (
    addresses,
    billing_profiles,
    bills,
    customers,
    hierarchy_groups,
    hierarchy_memberships,
    mandates,
    outbox,
    purchased_products,
    services,
    sharing_groups,
    sharing_memberships,
    subscriptions,
)

INTERVAL_NAMES = ("day", "week", "month", "year")


def read_customer(connection: Connection, code: str, now_us: int) -> CustomerView | None:
    """The customer of a code, without memberships that are over; None = there is none."""
    customer = connection.execute(select(customers).where(customers.c.code == code)).one_or_none()
    if customer is None:
        return None
    address = _rows(connection, addresses, addresses.c.customer_id == customer.id)[0]
    profile = _rows(connection, billing_profiles, billing_profiles.c.customer_id == customer.id)[0]
    some = _rows(connection, subscriptions, subscriptions.c.customer_id == customer.id)
    waiting = select(outbox.c.customer_id).where(outbox.c.customer_id == customer.id)
    return CustomerView(
        code=customer.code,
        number=customer.id,
        shard=customer.shard,
        published=connection.execute(waiting).one_or_none() is None,
        type=customer.customer_type,
        status=customer.status,
        since=customer.since,
        name=PersonName(customer.last_name, customer.first_name),
        email=customer.email,
        phone=customer.phone,
        address=Address(
            address.street, address.house_number, address.postcode, address.city, address.country
        ),
        billing_profile=_billing_profile(profile),
        mandates=[
            MandateView(row.code, row.status, row.signed_on, row.iban, row.bic)
            for row in _rows(connection, mandates, mandates.c.customer_id == customer.id)
        ],
        bills=[_bill(row) for row in _rows(connection, bills, bills.c.billing_profile_id == profile.id)],
        subscriptions=[_subscription(connection, row) for row in some],
        shares=_shares(connection, sharing_groups.c.owner_customer_id == customer.id, now_us),
        member_of=_shares(connection, sharing_groups.c.id.in_(_joined(customer.id, now_us)), now_us),
        pays_for=_hierarchies(connection, hierarchy_groups.c.owner_billing_profile_id == profile.id),
        paid_by=_hierarchies(connection, hierarchy_groups.c.id.in_(_payers(profile.id))),
        group_ids=list(dict.fromkeys(row.balance_group_id for row in some)),
    )


def _rows(connection: Connection, table: Table, where: Any) -> list[Row[Any]]:
    return list(connection.execute(select(table).where(where).order_by(table.c.id)))


def _billing_profile(row: Row[Any]) -> BillingProfileView:
    name, count = INTERVAL_NAMES[row.interval_kind], row.interval_count
    every = f"every {name}" if count == 1 else f"every {count} {name}s"
    cycle = f"{every}, day {row.billing_day}" if row.billing_day else every
    return BillingProfileView(row.id, row.payment_type, row.payment_method, row.currency, cycle)


def _bill(row: Row[Any]) -> BillView:
    return BillView(
        id=row.id,
        number=row.number,
        status=row.status,
        cycle_no=row.cycle_no,
        period=validity_of(row.period_start_us, row.period_end_us),
        total_minor=row.total_minor,
        due_minor=row.due_minor,
        currency=row.currency,
    )


def _subscription(connection: Connection, row: Row[Any]) -> SubscriptionView:
    products = _rows(connection, purchased_products, purchased_products.c.subscription_id == row.id)
    return SubscriptionView(
        code=row.code,
        number=row.id,
        plan=row.plan,
        status=row.status,
        validity=validity_of(row.valid_from_us, row.valid_to_us),
        products=[product.product for product in products],
        services=[
            ServiceView(
                one.service_type, one.identifier, one.status, validity_of(one.valid_from_us, one.valid_to_us)
            )
            for one in _rows(connection, services, services.c.subscription_id == row.id)
        ],
    )


def _joined(customer_id: int, now_us: int) -> Any:
    table = sharing_memberships.c
    return select(table.sharing_group_id).where(
        (table.member_customer_id == customer_id) & (table.valid_to_us > now_us)
    )


def _payers(billing_profile_id: int) -> Any:
    return select(hierarchy_memberships.c.hierarchy_group_id).where(
        hierarchy_memberships.c.billing_profile_id == billing_profile_id
    )


def _shares(connection: Connection, where: Any, now_us: int) -> list[SharingView]:
    views = []
    for group in _rows(connection, sharing_groups, where & (sharing_groups.c.valid_to_us > now_us)):
        members = (
            select(customers.c.code)
            .join_from(sharing_memberships, customers)
            .where(
                (sharing_memberships.c.sharing_group_id == group.id)
                & (sharing_memberships.c.valid_to_us > now_us)
            )
            .order_by(sharing_memberships.c.priority, sharing_memberships.c.id)
        )
        owner = select(customers.c.code).where(customers.c.id == group.owner_customer_id)
        views.append(
            SharingView(
                group.code,
                group.policy,
                connection.execute(owner).scalar_one(),
                list(connection.execute(members).scalars()),
            )
        )
    return views


def _hierarchies(connection: Connection, where: Any) -> list[HierarchyView]:
    views = []
    for group in _rows(connection, hierarchy_groups, where):
        members = (
            select(customers.c.code)
            .join_from(hierarchy_memberships, billing_profiles)
            .join(customers)
            .where(hierarchy_memberships.c.hierarchy_group_id == group.id)
            .order_by(hierarchy_memberships.c.id)
        )
        owner = (
            select(customers.c.code)
            .join_from(billing_profiles, customers)
            .where(billing_profiles.c.id == group.owner_billing_profile_id)
        )
        views.append(
            HierarchyView(
                group.code,
                connection.execute(owner).scalar_one(),
                list(connection.execute(members).scalars()),
            )
        )
    return views
