"""Shell. Who an invoice is for, as it stands on the envelope."""

from sqlalchemy import Connection, select

from billing_batch.invoice import Party
from customer_care.tables import addresses, billing_profiles, customers


def customer_party(connection: Connection, customer_id: int, billing_profile_id: int) -> tuple[Party, str]:
    """(name and address, payment method)."""
    statement = (
        select(
            customers.c.first_name,
            customers.c.last_name,
            addresses.c.street,
            addresses.c.house_number,
            addresses.c.postcode,
            addresses.c.city,
            addresses.c.country,
        )
        .join(addresses, addresses.c.customer_id == customers.c.id, isouter=True)
        .where(customers.c.id == customer_id)
    )
    first, last, street, house, postcode, city, country = connection.execute(statement).one()
    method = connection.execute(
        select(billing_profiles.c.payment_method).where(billing_profiles.c.id == billing_profile_id)
    ).scalar_one()
    lines = () if street is None else (f"{street} {house}", f"{postcode} {city}", country)
    return Party(f"{first} {last}", lines), method
