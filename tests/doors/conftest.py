"""What the tests of the doors can ask for beside a shop: a web server and a client of it."""

from __future__ import annotations

from tests.doors.web import api, web

__all__ = ["api", "web"]
