"""What the tests in a browser can ask for: a web server, a browser, a window of the owner's."""

from __future__ import annotations

from tests.doors.conftest import _home, api, browser, desk, web

__all__ = ["_home", "api", "browser", "desk", "web"]
