"""What the tests of the doors can ask for beside a shop: a web server, its client, a browser; a home of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.windows import browser, desk
from tests.doors.web import api, web

__all__ = ["api", "browser", "desk", "web"]


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Secrets are sealed with the keys of a home: not with those of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOORSTEP_HOME", str(tmp_path_factory.mktemp("home")))
        yield
