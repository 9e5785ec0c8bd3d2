"""Shell. `care publish`: tells the store of every customer it has not been told of.

An outbox row is written in the transaction that made the customer and deleted after the store has
accepted; a crash between the two leaves the row, and publishing again changes nothing in the store.
The rows stay locked meanwhile, so two publishers cannot overtake each other.
"""

from sqlalchemy import Engine

from balance_store.requests import Store
from customer_care.install_customers import install
from customer_care.publication import at_shard, unpack_publication
from customer_care.records import forget_publications, waiting_publications, writing
from customer_care.sharing_desk import publish_sharing

BATCH_CUSTOMERS = 500


async def publish_waiting(engine: Engine, store: Store) -> int:
    """Publish until nothing waits; the number of customers. Raises what the store raises.

    Memberships come first: a new customer may be a member of a group whose owner is about to move.
    """
    published = await publish_sharing(engine, store)
    while True:
        with writing(engine) as connection:
            waiting = waiting_publications(connection, BATCH_CUSTOMERS)
            if not waiting:
                return published
            publications = [at_shard(unpack_publication(record), shard) for shard, record in waiting]
            await install(store, publications)
            forget_publications(connection, [one.customer_id for one in publications])
        published += len(waiting)
