"""Shell. Why a command could not go on, as a person is told it."""

from sqlalchemy.exc import SQLAlchemyError


def reason_of(error: Exception) -> str:
    """What an error says; of the records what the database said, on one line.

    Left out are the statement that it said it of, whose values are customers' data, and where to read about it.
    """
    if not isinstance(error, SQLAlchemyError):
        return str(error)
    said = getattr(error, "orig", None) or error.args[0]
    return f"records: {' '.join(str(said).split())}"
