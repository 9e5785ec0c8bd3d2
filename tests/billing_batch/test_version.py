"""Every command says which version of the project it is of."""

import tomllib
from pathlib import Path

import pytest

from billing_batch import command_line as billing_line
from charging import command_line as charging_line
from customer_care import command_line as care_line

VERSION = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["version"]


@pytest.mark.parametrize("line", [charging_line, care_line, billing_line], ids=lambda line: line.app.name[0])
def test_the_version_is_the_projects(line, capsys):
    with pytest.raises(SystemExit) as ended:
        line.app(["--version"])
    assert (ended.value.code or 0, capsys.readouterr().out) == (0, f"{VERSION}\n")
