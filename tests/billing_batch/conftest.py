"""Shell. The small operator, charged and ready to be billed."""

import pytest

from tests.billing_batch.billing_world import USAGE, BillingWorld


@pytest.fixture
def world(tmp_path):
    """A month of usage, nothing billed."""
    made = BillingWorld(tmp_path)
    made.charge(*USAGE)
    return made
