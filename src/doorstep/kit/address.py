"""address: where people reach this doorstep; links in letters begin with it, as a browser may claim any name for it."""

from __future__ import annotations

import os
from collections.abc import Mapping

ADDRESS = "DOORSTEP_URL"


def public_address(env: Mapping[str, str] = os.environ) -> str:
    """As the owner set it, without a slash at its end; '' where nobody did."""
    return env.get(ADDRESS, "").rstrip("/")
