"""Shell. JSON logs on standard error, one line for what a person would want to know."""

import logging
import sys

import msgspec
import structlog

from config.settings import Log


def _encode(event: dict[str, object], default: object = None) -> str:  # noqa: ARG001  # structlog passes default
    return msgspec.json.encode(event, enc_hook=str).decode()


def set_up_logging(settings: Log) -> None:
    """Send structlog, and the libraries that log by the standard module, to standard error."""
    level = getattr(logging, settings.level.upper())
    renderer: structlog.typing.Processor
    if settings.format == "json":
        renderer = structlog.processors.JSONRenderer(serializer=_encode)
    else:
        renderer = structlog.dev.ConsoleRenderer()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Client libraries tell every rebalance and reconnection at "info"; ours is the better story.
    root.setLevel(max(level, logging.WARNING))
    # A broker that just started has no group coordinator for a moment, which the client retries by itself.
    logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.CRITICAL)
