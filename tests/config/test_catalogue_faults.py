"""What is wrong with a catalogue, all of it at once."""

from pathlib import Path

import pytest

from config.faults import ConfigError
from config.load import load_catalogue
from config.read_catalogue import catalogue_from_tables
from tests.config.small_catalogue import BASE, PLAN, compiled_from

HERE = Path(__file__).parent


def faults_of(*texts: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        compiled_from(*texts)
    return [(fault.path, fault.message) for fault in caught.value.faults]


def test_every_fault_of_a_catalogue_is_told_at_once_with_file_place_and_cure():
    with pytest.raises(ConfigError) as caught:
        load_catalogue(HERE / "faulty_catalogue")
    expected = (HERE / "faulty_catalogue" / "faults.txt").read_text().splitlines()
    assert [str(fault) for fault in caught.value.faults] == expected


def test_a_file_that_is_no_toml_hides_no_other_file(tmp_path):
    (tmp_path / "a.toml").write_text("a = ")
    (tmp_path / "b.toml").write_text("tags = []")
    with pytest.raises(ConfigError) as caught:
        load_catalogue(tmp_path)
    assert [fault.path for fault in caught.value.faults] == ["", "tags", "site"]


def test_an_empty_folder_is_a_fault(tmp_path):
    with pytest.raises(ConfigError, match=r"holds no \*\.toml file"):
        load_catalogue(tmp_path)


def test_a_code_in_two_files_is_told_with_both_places():
    catalogue, faults = catalogue_from_tables(
        {
            "a.toml": {"tag": [{"code": "x", "name": "X"}]},
            "b.toml": {"tag": [{"code": "x", "name": "Y"}], "version": 0},
        }
    )
    told = [(fault.file, fault.path, fault.message) for fault in faults]
    assert ("b.toml", 'tag["x"]', "the code stands in a.toml too") in told
    assert ("b.toml", "version", "0 is not a version") in told
    assert catalogue.tags["x"].name == "X"


def test_codes_whose_ids_meet_are_refused(monkeypatch):
    monkeypatch.setattr("config.compilation.code_id", lambda kind, code: 7)
    assert ('resource["MB"]', "its id 7 is that of 'EUR' too") in faults_of(BASE)


def test_a_prepaid_plan_needs_a_limit_in_the_currency():
    text = """
    product = [{ code = "p", name = "P", fee = 1, bill_item = "usage" }]
    bundle = [{ code = "b", name = "B", products = ["p"] }]
    plan = [{ code = "x", name = "X", bundles = ["b"], payment_types = ["prepaid"] }]
    """
    assert faults_of(BASE, text) == [
        ('plan["x"].credit_profile', "a prepaid customer could spend EUR without limit")
    ]


def test_a_price_that_needs_too_fine_a_step_is_refused():
    text = (
        PLAN
        + """
    price = { a = { flat = 100, periods = [{ amount = "0.01", per = "999999.937", increment = 1 }, { from = 1, amount = "0.01", per = "999999.893", increment = 1 }] } }
    detail = { resource = "EUR", bill_item = "usage", rule = { price = "a", match = { zone = "x" } } }
    """
    )
    ((path, message),) = faults_of(BASE, text)
    assert path == 'rate_plan["data"].version[0].detail[0]'
    assert "which leaves too little room" in message


def test_a_code_with_a_slash_or_a_space_is_refused():
    tables = {"tag": [{"code": code, "name": "X"} for code in ("a/b", "a b", "", "a.b-c_d+1")]}
    _, faults = catalogue_from_tables({"a.toml": {**tables, "site": 1}})
    assert [fault.path for fault in faults] == ['tag["a/b"].code', 'tag["a b"].code', "tag[2].code", "site"]


@pytest.mark.parametrize(
    ("rules", "hidden"),
    [
        # What is special stands behind what fits everything, or behind a wider range or list.
        (['price = "a"', 'match = { zone = "x" }, price = "b"'], [1]),
        (
            [
                'within = { level = { from = 0, to = 9 } }, price = "a"',
                'match = { zone = "x", level = 8 }, price = "b"',
            ],
            [1],
        ),
        (
            ['match = { zone = ["x", "y"] }, price = "a"', 'match = { zone = "y", level = 1 }, price = "b"'],
            [1],
        ),
        # In front of it, with a higher weight, or for something that does not fit the other, it may hold.
        (['match = { zone = "x" }, price = "a"', 'price = "b"'], []),
        (['price = "a"', 'match = { zone = "x" }, weight = 1, price = "b"'], []),
        (['match = { zone = "x" }, price = "a"', 'match = { zone = "y", level = 1 }, price = "b"'], []),
        (
            ['match = { zone = "x" }, price = "a"', 'match = { zone = ["x", "y"], level = 1 }, price = "b"'],
            [],
        ),
        (['match = { level = 9 }, price = "a"', 'match = { zone = "x", level = 8 }, price = "b"'], []),
    ],
)
def test_a_rule_that_never_holds_is_refused(rules, hidden):
    text = f"""
    {PLAN}
    price = {{ a = {{ flat = 1 }}, b = {{ flat = 2 }} }}
    detail = {{ resource = "EUR", bill_item = "usage", rule = [{", ".join(f"{{ {rule} }}" for rule in rules)}] }}
    """
    if not hidden:
        compiled_from(BASE, text)
        return
    message = "never holds: rule[0] fits whatever it fits, and stands before it"
    assert faults_of(BASE, text) == [
        (f'rate_plan["data"].version[0].detail[0].rule[{rule}]', message) for rule in hidden
    ]
