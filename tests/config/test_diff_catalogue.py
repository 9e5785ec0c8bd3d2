import msgspec
import pytest

from charging.command_line import app
from charging.fault_messages import explain
from config.catalogue import Catalogue
from config.diff_catalogue import catalogue_changes, describe_changes, forbidden_changes, same_content
from tests.config.small_catalogue import compiled_from

TEXT = """
version = 1
site = { name = "Test", time_zone = "Europe/Vienna", currency = "EUR" }
resource = [{ code = "EUR", name = "Euro", monetary = true, decimals = 2 }, { code = "MB", name = "MB", decimals = 3 }]
service_type = [{ code = "data", name = "Data" }]
bill_item = [{ code = "usage", name = "Usage" }, { code = "fees", name = "Fees" }]
general_ledger = [{ code = "revenue", name = "Revenue" }]
tax = [{ code = "vat", name = "VAT", rate = [{ valid_from = "2016-01-01", percent = "20" }] }]
[[event_type]]
code = "session"
name = "Session"
service_type = "data"
unit = "MB"
quantity_decimals = 3
quantity_max = 1000
field = [{ name = "zone" }]
[[product]]
code = "use"
name = "Use"
rate_plan = "data"
[[rate_plan]]
code = "data"
name = "Data"
service_type = "data"
[[rate_plan.version]]
valid_from = "2026-01-01"
detail = { resource = "EUR", bill_item = "usage", rule = [
  { price = "standard" }, { prefix = "1", price = "cheap" }, { prefix = "2", price = "cheap" }
], prefix_field = "zone" }
price = { standard = { flat = "0.10" }, cheap = { periods = [{ per = 1, amount = "0.01" }] } }
"""


def catalogue(*swaps: tuple[str, str], version: int = 2, more: str = "") -> Catalogue:
    """The catalogue above with some words changed."""
    text = TEXT.replace("version = 1\n", f"version = {version}\n", 1)
    for old, new in swaps:
        assert old in text, old
        text = text.replace(old, new)
    return compiled_from(text + more).catalogue


BEFORE = catalogue(version=1)


def changes(*swaps, **more):
    return [
        change for change in catalogue_changes(BEFORE, catalogue(*swaps, **more)) if change.table != "version"
    ]


def test_equal_catalogues_have_no_change_whatever_their_files():
    assert catalogue_changes(BEFORE, catalogue(version=1)) == []
    assert forbidden_changes(BEFORE, catalogue(version=1)) == []
    elsewhere = msgspec.structs.replace(BEFORE, files=dict.fromkeys(BEFORE.files, "other.toml"))
    assert same_content(BEFORE, elsewhere)
    assert catalogue_changes(BEFORE, elsewhere) == []


def test_a_default_that_is_written_out_is_no_change():
    assert changes(('code = "use"', 'code = "use"\npriority = 0')) == []


@pytest.mark.parametrize(
    ("swap", "expected"),
    [
        (
            ('flat = "0.10"', 'flat = "0.12"'),
            ("rate_plan", "data", "version[2026-01-01].price.standard.flat", "0.10", "0.12"),
        ),
        (
            ('amount = "0.01"', 'amount = "0.02"'),
            ("rate_plan", "data", "version[2026-01-01].price.cheap.periods[0].amount", "0.01", "0.02"),
        ),
        (
            ('prefix = "1", price = "cheap"', 'prefix = "1", price = "standard"'),
            (
                "rate_plan",
                "data",
                'version[2026-01-01].detail[EUR].rule[prefix="1"].price',
                "cheap",
                "standard",
            ),
        ),
        (
            ('{ name = "zone" }', '{ name = "zone", mandatory = false }'),
            ("event_type", "session", "field[zone].mandatory", True, False),
        ),
        (('percent = "20"', 'percent = "22"'), ("tax", "vat", "rate[2016-01-01].percent", "20", "22")),
        (('site = { name = "Test"', 'site = { name = "Tested"'), ("site", "", "name", "Test", "Tested")),
    ],
)
def test_a_change_names_table_code_path_and_both_values(swap, expected):
    assert changes(swap) == [expected]


def test_a_row_put_in_between_is_one_change():
    between = (
        '{ prefix = "2", price = "cheap" }',
        '{ prefix = "15", price = "cheap" }, { prefix = "2", price = "cheap" }',
    )
    (change,) = changes(between)
    assert (change.path, change.before) == ('version[2026-01-01].detail[EUR].rule[prefix="15"]', None)
    assert change.after["price"] == "cheap"


def test_one_more_prefix_of_a_rule_is_a_change_of_its_prefixes():
    (change,) = changes(('{ prefix = "1", price', '{ prefix = ["1", "3"], price'))
    assert change.path == 'version[2026-01-01].detail[EUR].rule[prefix="1"].prefix'
    assert (change.before, change.after) == ("1", ("1", "3"))


def test_another_order_of_rules_is_a_change():
    one, two = '{ prefix = "1", price = "cheap" }', '{ prefix = "2", price = "cheap" }'
    assert len(changes((f"{one}, {two}", f"{two}, {one}"))) == 2


def test_rows_that_nothing_names_are_matched_by_content():
    band = "\n[rate_plan.version.band]\n{} = [{}]\n"
    rule = ('{ price = "standard" }', '{ price = "standard" }, { band = "peak", price = "cheap" }')
    one, two, three = (
        '{ from = "08:00", to = "09:00" }',
        '{ from = "10:00", to = "11:00" }',
        '{ from = "12:00", to = "13:00" }',
    )
    before = catalogue(rule, more=band.format("peak", f"{one}, {three}"))
    after = catalogue(rule, more=band.format("peak", f"{one}, {two}, {three}"))
    (change,) = catalogue_changes(before, after)
    assert (change.path, change.before) == ("version[2026-01-01].band.peak[1]", None)


def test_people_see_what_came_what_went_and_what_became_of_what():
    after = catalogue(
        ('{ code = "fees", name = "Fees" }', '{ code = "extras", name = "Extras" }'),
        ('flat = "0.10"', 'flat = "0.12"'),
    )
    assert describe_changes(catalogue_changes(BEFORE, after)) == (
        "~ version: 1 -> 2\n"
        '~ rate_plan "data"\n'
        '    ~ version[2026-01-01].price.standard.flat: "0.10" -> "0.12"\n'
        '- bill_item "fees": { code = "fees", name = "Fees", on_invoice = true }\n'
        '+ bill_item "extras": { code = "extras", name = "Extras", on_invoice = true }\n'
    )


def test_a_growing_version_with_other_prices_and_new_codes_may_follow():
    after = catalogue(
        ('flat = "0.10"', 'flat = "0.12"'),
        ('{ code = "fees", name', '{ code = "extras", name = "X" }, { code = "fees", name'),
    )
    assert forbidden_changes(BEFORE, after) == []


def test_money_may_be_shown_with_other_decimals_since_it_is_kept_in_millionths():
    assert (
        forbidden_changes(
            BEFORE, catalogue(("monetary = true, decimals = 2", "monetary = true, decimals = 3"))
        )
        == []
    )


@pytest.mark.parametrize(
    ("swaps", "path"),
    [
        ([('{ code = "fees", name = "Fees" }', "")], 'bill_item["fees"]'),
        ([('{ code = "revenue", name = "Revenue" }', "")], 'general_ledger["revenue"]'),
        ([('tax = [{ code = "vat"', 'tax = [{ code = "gst"')], 'tax["vat"]'),
        ([('name = "VAT"', 'name = "VAT", at = "rating"')], 'tax["vat"].at'),
        ([('code = "MB", name', 'code = "GB", name')], 'resource["MB"]'),
        ([('code = "use"', 'code = "usage"')], 'product["use"]'),
        (
            [('code = "data"\nname', 'code = "surf"\nname'), ('rate_plan = "data"', 'rate_plan = "surf"')],
            'rate_plan["data"]',
        ),
        ([('price = "cheap"', 'price = "low"'), ("cheap =", "low =")], 'rate_plan["data"].price.cheap'),
        ([('code = "session"', 'code = "surfing"')], 'event_type["session"]'),
        ([('name = "MB", decimals = 3', 'name = "MB", decimals = 2')], 'resource["MB"].decimals'),
        (
            [('name = "MB", decimals = 3', 'name = "MB", monetary = true, decimals = 3')],
            'resource["MB"].monetary',
        ),
        ([("quantity_decimals = 3", "quantity_decimals = 2")], 'event_type["session"].quantity_decimals'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_stored_numbers_stand_on_must_stay(swaps, path):
    assert [fault.path for fault in forbidden_changes(BEFORE, catalogue(*swaps))] == [path]


def test_what_comes_off_events_is_not_handed_over_to_the_bill():
    discount = '\n[[discount]]\ncode = "late"\nname = "Late"\npercent = 1\n'
    before, after = catalogue(version=1, more=discount), catalogue(more=discount + 'at = "bill"\n')
    assert [fault.path for fault in forbidden_changes(before, after)] == ['discount["late"].at']


@pytest.mark.parametrize("version", [1, 2])
def test_a_version_must_grow_where_anything_else_changed(version):
    before = catalogue(version=2)
    (fault,) = forbidden_changes(before, catalogue(('flat = "0.10"', 'flat = "0.12"'), version=version))
    assert fault.path == "version"
    assert "3" in fault.cure


def folder(path, text):
    path.mkdir()
    (path / "all.toml").write_text(text)
    return str(path)


def status_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(explain(lambda: app(list(arguments), result_action="return_value")))
    return ended.value.code


def test_the_command_says_by_its_status_whether_catalogues_differ(tmp_path, capsys):
    one, same = folder(tmp_path / "one", TEXT), folder(tmp_path / "same", TEXT)
    other = folder(tmp_path / "other", TEXT.replace('flat = "0.10"', 'flat = "0.12"'))
    assert status_of("catalog", "diff", one, same) == 0
    assert capsys.readouterr().out == ""
    assert status_of("catalog", "diff", one, other, "--json") == 1
    shown = capsys.readouterr()
    assert msgspec.json.decode(shown.out) == [
        {
            "table": "rate_plan",
            "code": "data",
            "path": "version[2026-01-01].price.standard.flat",
            "before": "0.10",
            "after": "0.12",
        }
    ]
    assert shown.err == "warning: catalogue: version: 1 does not grow, the version before is 1; write 2\n"


def test_the_command_prints_the_faults_of_both_folders(tmp_path, capsys):
    good = folder(tmp_path / "good", TEXT)
    bad = folder(tmp_path / "bad", TEXT.replace('rate_plan = "data"', 'rate_plan = "date"'))
    assert status_of("catalog", "diff", bad, good) == 2
    assert "did you mean 'data'" in capsys.readouterr().err
    assert status_of("catalog", "diff", bad, str(tmp_path / "nowhere")) == 2
    shown = capsys.readouterr().err
    assert "did you mean 'data'" in shown
    assert "holds no *.toml file" in shown
