"""Pure. The catalogue that a daemon decides by, the one that waits to follow it, and what the store wants.

The pump switches between two batches, when nothing is in flight: a batch is read, decided, committed and
written by one catalogue.
"""

from collections.abc import Callable

from charging.balance_cache import BalanceCache
from charging.output_records import RecordWriter
from config.compiled_catalogue import CompiledCatalogue


class CatalogueInUse:
    """One daemon's catalogue; `wake` is called when the store wants a newer one than we know."""

    def __init__(
        self,
        catalogue: CompiledCatalogue,
        cache: BalanceCache,
        writer: RecordWriter,
        wake: Callable[[], None],
    ) -> None:
        self.catalogue = catalogue
        self.writer = writer
        self.offered: CompiledCatalogue | None = None
        self.wanted = 0  # the lowest version that the store accepts, as far as it told us
        self._cache = cache
        self._wake = wake

    @property
    def version(self) -> int:
        """The version that batches are decided by now."""
        return self.catalogue.version

    @property
    def latest(self) -> CompiledCatalogue:
        """The newest one that we know of."""
        return self.offered or self.catalogue

    @property
    def behind(self) -> bool:
        """Whether the store takes no decision by the catalogue in use."""
        return self.version < self.wanted

    def offer(self, catalogue: CompiledCatalogue) -> None:
        """Take this one as soon as nothing is in flight."""
        assert catalogue.version > self.latest.version, "versions only grow"
        self.offered = catalogue

    def want(self, version: int) -> None:
        """The store accepts nothing older than this."""
        self.wanted = max(self.wanted, version)
        if self.latest.version < self.wanted:
            self._wake()

    def switch(self) -> None:
        """Decide and write by the offered catalogue from here on; nothing may be in flight."""
        assert self.offered is not None, "nothing was offered"
        self.catalogue, self.offered = self.offered, None
        self.writer = self.writer.following(self.catalogue)
        self._cache.switch(self.catalogue)
