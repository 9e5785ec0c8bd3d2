"""What is written as TOML is read back as it was."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from config.toml_text import toml_text

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN = NAMES | st.integers(-(2**63), 2**63 - 1) | st.booleans()
FLAT = st.dictionaries(NAMES, PLAIN | st.lists(PLAIN, max_size=3), max_size=3)
NESTED = st.recursive(
    FLAT, lambda inner: st.dictionaries(NAMES, PLAIN | inner | st.lists(inner, max_size=3), max_size=3)
)


@given(st.dictionaries(NAMES, PLAIN | NESTED | st.lists(NESTED, max_size=3), max_size=4))
def test_any_tables_are_read_back_as_they_were(tables):
    assert tomllib.loads(toml_text(tables)) == tables


def test_flat_rows_stand_on_a_line_each():
    tables = {
        "plan": [{"code": "a", "rule": [{"price": "p"}, {"price": "q"}], "band": {"x": {"from": "08:00"}}}]
    }
    assert toml_text(tables) == (
        '[[plan]]\ncode = "a"\nrule = [\n  { price = "p" },\n  { price = "q" },\n]\n\n'
        '[plan.band]\nx = { from = "08:00" }\n'
    )
