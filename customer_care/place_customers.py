"""Shell. Tells the records in which shard each customer lives, after a store was put into another number of them."""

from collections.abc import Callable

from sqlalchemy import Engine, bindparam, select, update

from customer_care.records import writing
from customer_care.tables import customers

AT_ONCE = 1_000


def place_customers(engine: Engine, shard: Callable[[int], int]) -> int:
    """Set every customer's shard in one transaction; how many changed."""
    statement = (
        update(customers).where(customers.c.id == bindparam("customer")).values(shard=bindparam("place"))
    )
    with writing(engine) as connection:
        rows = connection.execute(select(customers.c.id, customers.c.shard)).all()
        moved = [{"customer": number, "place": shard(number)} for number, at in rows if shard(number) != at]
        for first in range(0, len(moved), AT_ONCE):
            connection.execute(statement, moved[first : first + AT_ONCE])
    return len(moved)
