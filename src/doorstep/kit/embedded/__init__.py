"""embedded: a PostgreSQL of doorstep's own below DOORSTEP_HOME, reached over its unix socket alone.

`resolve_urls()` is what a process asks at its start: the servers named by DATABASE_URL, DATABASE_OWNER_URL and
DATABASE_ROUTER_URL, else the embedded one, started if need be. All calls block; async code goes through a thread.
"""

from __future__ import annotations

from doorstep.kit.embedded.backup import NotABackup, backup, restore
from doorstep.kit.embedded.binaries import NoPostgres, wanted_major
from doorstep.kit.embedded.resolving import resolve_urls
from doorstep.kit.embedded.server import (
    DatabaseNotStarted,
    DatabaseWouldNotStart,
    OtherDatabaseVersion,
    running,
    server_pid,
    start,
    stop,
)
from doorstep.kit.embedded.system_user import FolderShut, NoSystemUser
from doorstep.kit.embedded.urls import DatabaseUrlMissing, Urls, external_urls, urls

__all__ = [
    "DatabaseNotStarted",
    "DatabaseUrlMissing",
    "DatabaseWouldNotStart",
    "FolderShut",
    "NoPostgres",
    "NoSystemUser",
    "NotABackup",
    "OtherDatabaseVersion",
    "Urls",
    "backup",
    "external_urls",
    "resolve_urls",
    "restore",
    "running",
    "server_pid",
    "start",
    "stop",
    "urls",
    "wanted_major",
]
