"""Shell. `charging catalog publish`: from here on the store takes no decision by an older catalogue."""

from balance_store.client import StoreClient
from balance_store.lowest_catalogue import raise_lowest_catalogue
from config.load import load_compiled_catalogue
from config.settings import Settings

CALLER = b"catalog"


async def publish_catalogue(settings: Settings) -> int:
    """The version that every shard accepts at the least now.

    Raises ConfigError where the catalogue has faults, StoreMismatchError where the store wants a newer one.
    """
    catalogue = load_compiled_catalogue(settings.catalogue.directory)
    store = await StoreClient.connect(settings.store)
    try:
        await raise_lowest_catalogue(store, catalogue.version, CALLER)
    finally:
        await store.close()
    return catalogue.version
