"""Shell. The small operator, charged and ready to be billed."""

import pytest

from tests.billing_batch.billing_world import USAGE, BillingWorld


@pytest.fixture
def world(tmp_path, records_url):
    """A month of usage, nothing billed."""
    made = BillingWorld(tmp_path, records_url=records_url)
    made.charge(*USAGE)
    yield made
    made.engine.dispose()
