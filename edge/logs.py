"""Logs: one JSON object a line on standard error, ours and those of the libraries.

Event names are `noun.verb` (`device.down`, `bus.connected`); facts are fields, never part of the
event's name. The time is the real one, whatever clock the process runs on.
"""

import logging
import sys

import structlog


def configure(process: str, *, level: str = "INFO") -> None:
    """Set up logging of this process; only a composition root calls it."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        lambda _logger, _method, event: {"process": process, **event},
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False, default=str)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for chatty in ("asyncua", "pymodbus"):  # a device that does not answer is ours to report
        logging.getLogger(chatty).setLevel(logging.ERROR)
