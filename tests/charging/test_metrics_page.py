"""docs/METRICS.md has a row for every metric of a daemon, of the right type and with its labels, and no other."""

import re
from pathlib import Path

import pytest

from charging.metrics import STAGES, Metrics

PAGE = (Path(__file__).parents[2] / "docs" / "METRICS.md").read_text()
ROWS = dict(re.findall(r"^\| `(charging_\w+)` \| (\w+ \| (?:`\w+`)?)", PAGE, re.MULTILINE))


def registered():
    """Name on the page -> how its row begins."""
    return {
        metric._name + ("_total" if metric._type == "counter" else ""): (
            f"{metric._type} | " + "".join(f"`{label}`" for label in metric._labelnames)
        )
        for metric in vars(Metrics()).values()
        if hasattr(metric, "_labelnames")
    }


def test_the_page_tells_of_every_metric_and_of_no_other():
    assert registered() == ROWS


def test_every_name_on_the_page_is_a_metric():
    assert set(re.findall(r"charging_\w+", PAGE)) == set(registered())


@pytest.mark.parametrize("stage", STAGES)
def test_the_page_names_every_stage(stage):
    assert f"`{stage}`" in PAGE
