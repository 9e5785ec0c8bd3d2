"""A fault of the world is one clear message and status 2, never a traceback."""

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from charging.fault_messages import explain
from customer_care.fault_reason import reason_of


def test_what_the_database_says_is_said_without_the_statement(capsys):
    def command():
        raise OperationalError("INSERT INTO customers", {"name": "Novak"}, Exception("server\n\tgone"))

    assert explain(command) == 2
    assert capsys.readouterr().err == "records: server gone\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (IntegrityError("INSERT", {}, Exception("no unique code")), "records: no unique code"),
        (PoolTimeout("no connection in 30 s"), "records: no connection in 30 s"),
        (OSError("no such file"), "no such file"),
    ],
)
def test_the_reason_of_an_error(error, said):
    assert reason_of(error) == said
