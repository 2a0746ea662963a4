"""logs: one JSON line per thing worth knowing, on standard error; never a secret, never a person."""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from typing import Any

import asyncpg
import structlog


def set_up() -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def told(error: BaseException) -> dict[str, Any]:
    """Where it happened and what kind it is. Never its message: that quotes values, and so people."""
    frames = traceback.extract_tb(error.__traceback__)
    facts: dict[str, Any] = {
        "error": type(error).__name__,
        "at": [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
    }
    if isinstance(error, asyncpg.PostgresError):
        facts |= {"sqlstate": error.sqlstate, "constraint": getattr(error, "constraint_name", None)}
    return facts
