"""Shell. What went wrong, as one clear message: commands end with status 2 and no traceback."""

import os
import sys
from collections.abc import Callable

from aiokafka.errors import KafkaError
from sqlalchemy.exc import SQLAlchemyError

from balance_store.one_door import GroupMissingError
from balance_store.requests import StoreMismatchError, StoreRefusesError, StoreUnreachableError
from config.faults import ConfigError
from customer_care.fault_reason import reason_of
from customer_care.records import RecordsError

FAULTS = (
    StoreMismatchError,
    StoreUnreachableError,
    StoreRefusesError,
    GroupMissingError,
    RecordsError,
    SQLAlchemyError,
    OSError,
)
# As the shell says of a program that SIGPIPE ended.
READER_LEFT = 128 + 13


def explain(command: Callable[[], object]) -> int:
    """Run a command; 2 with a message on standard error for a fault of files, settings or servers."""
    try:
        command()
    except ConfigError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
    except BrokenPipeError:
        # Whoever read has enough (`| head`); Python must not complain of it once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_LEFT
    except FAULTS as error:
        print(reason_of(error), file=sys.stderr)
    except KafkaError as error:
        print(f"Kafka: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    else:
        return 0
    return 2
