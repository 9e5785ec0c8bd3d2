"""Shell. `care publish`: tells the store of every customer it has not been told of.

An outbox row is written in the transaction that made the customer and deleted after the store has
accepted; a crash between the two leaves the row, and publishing again changes nothing in the store.
The rows stay locked meanwhile, so two publishers cannot overtake each other.
"""

from sqlalchemy import Engine

from balance_store.requests import Store
from customer_care.install_customers import install
from customer_care.publication import unpack_publication
from customer_care.records import forget_publications, waiting_publications, writing

BATCH_CUSTOMERS = 500


async def publish_waiting(engine: Engine, store: Store) -> int:
    """Publish until nothing waits; the number of customers. Raises what the store raises."""
    published = 0
    while True:
        with writing(engine) as connection:
            waiting = waiting_publications(connection, BATCH_CUSTOMERS)
            if not waiting:
                return published
            await install(store, [unpack_publication(record) for _, record in waiting])
            forget_publications(connection, [customer_id for customer_id, _ in waiting])
        published += len(waiting)
