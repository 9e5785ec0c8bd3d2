import ast
import re
import subprocess

import pytest

from tests.house.modules import ROOT, kind, modules, tree

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
# Pure modules whose `/` divides Fractions, which is exact.
FRACTIONS = (
    "config.compile_discounts",
    "config.compile_prices",
    "config.compile_rate_plans",
    "config.compile_tiers",
)
# Pure modules that reckon with loads and costs of machines, and with no amount.
NO_AMOUNTS = ("bench.scaling_model",)
NAMES = sorted(modules())
TRACKED = subprocess.run(
    ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.splitlines()
TEXTS = [name for name in TRACKED if re.search(r"\.(py|md|toml|lua|html)$|Makefile|\.ci/run", name)]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_one_thing(name):
    lines = len(modules()[name].read_text().splitlines())
    assert lines <= FILE_LINES_MAX, f"{name} has {lines} lines; split what can be named apart"


@pytest.mark.parametrize("name", NAMES)
def test_a_function_fits_a_screen(name):
    for node in ast.walk(tree(modules()[name])):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= FUNCTION_LINES_MAX, (
                f"{name}.{node.name} has {lines} lines; its steps are functions"
            )


@pytest.mark.parametrize("name", [n for n in NAMES if kind(modules()[n]) == "Pure." and n not in NO_AMOUNTS])
def test_no_float_comes_near_an_amount(name):
    for node in ast.walk(tree(modules()[name])):
        where = f"{name}:{getattr(node, 'lineno', 0)}"
        divides = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        assert not divides or name in FRACTIONS, (
            f"{where} divides into a float; name the rounding (quantities.round_div)"
        )
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        assert not literal, f"{where} has a float; count in the smallest unit"
        rounds = (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("round", "float")
        )
        assert not rounds, f"{where} calls {ast.unparse(node)}; amounts are integers"


@pytest.mark.parametrize("name", NAMES)
def test_failures_are_caught_by_name_and_asserts_can_fail(name):
    for node in ast.walk(tree(modules()[name])):
        where = f"{name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ExceptHandler):
            blanket = node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception")
            assert not blanket, f"{where} catches everything; name what can happen"
        if isinstance(node, ast.Assert):
            always = isinstance(node.test, ast.Tuple | ast.Constant | ast.JoinedStr)
            assert not always, f"{where} asserts what is always true"


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_is_left_to_do_and_nothing_names_this_machine(name):
    text = (ROOT / name).read_text()
    if name.startswith("tests/house/"):
        return
    marks = re.findall(r"\b(?:TODO|FIXME|XXX)\b", text)
    assert not marks, f"{name} has {marks}; do it or write an issue"
    hosts = re.findall(r"/work/|/root/|pypi\.org|files\.pythonhosted|repo1?\.maven|registry\.npmjs", text)
    assert not hosts, f"{name} names {hosts}; a stranger's machine has none of it"
