"""resolving: which database a process uses: the one the environment names, else the embedded one."""

from __future__ import annotations

from doorstep.kit.embedded.server import start
from doorstep.kit.embedded.urls import Urls, external_urls
from doorstep.kit.home import home


def resolve_urls() -> Urls:
    """The database of this process; the embedded one is started if need be."""
    return external_urls() or start(home())
