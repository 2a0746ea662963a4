"""urls: the addresses of the database, one per role."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from doorstep.kit import home as homes
from doorstep.kit.embedded.settings import PORT, socket_folder
from doorstep.kit.refusals import Refusal

DATABASE = "doorstep"
OWNER, APP, ROUTER = "doorstep_owner", "doorstep_app", "doorstep_router"
# Reads everything past the tenant wall, for the backup alone.
BACKUP = "doorstep_backup"
ROLES = (OWNER, APP, ROUTER, BACKUP)


class DatabaseUrlMissing(Refusal):
    """A database of your own needs an address for each of its three roles; set the one that is missing."""

    status = 503


class DatabaseNotStarted(Refusal):
    """This home has no database yet; start it with `doorstep up`."""

    status = 503


@dataclass(frozen=True, slots=True)
class Urls:
    """One address per role: the owner of the tables, the app behind the tenant wall, the reader of `route`."""

    owner: str
    app: str
    router: str

    def of(self, database: str) -> Urls:
        """The same server and roles, another database."""
        return replace(self, **{role: _renamed(getattr(self, role), database) for role in ("owner", "app", "router")})


def _renamed(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def external_urls() -> Urls | None:
    """The addresses in the environment; None when it names no database."""
    names = {"app": "DATABASE_URL", "owner": "DATABASE_OWNER_URL", "router": "DATABASE_ROUTER_URL"}
    found = {role: os.environ.get(name, "") for role, name in names.items()}
    if not found["app"]:
        return None
    for role, url in found.items():
        if not url:
            raise DatabaseUrlMissing(variable=names[role])
    return Urls(**found)


def urls(home: Path) -> Urls:
    """The addresses of the embedded database of this home, started or not."""
    return Urls(owner=url_of(home, OWNER), app=url_of(home, APP), router=url_of(home, ROUTER))


def url_of(home: Path, role: str, database: str = DATABASE) -> str:
    words = passwords(home)
    if words is None:
        raise DatabaseNotStarted(home=str(home))
    folder = quote(str(socket_folder(home)), safe="/")
    return f"postgresql://{role}:{words[role]}@/{database}?host={folder}&port={PORT}"


def passwords(home: Path) -> dict[str, str] | None:
    try:
        return dict(json.loads((home / "passwords.json").read_text("utf-8")))
    except FileNotFoundError:
        return None


def new_passwords(home: Path) -> dict[str, str]:
    """A password per role, kept in the home for its owner's eyes."""
    made = {role: secrets.token_urlsafe(24) for role in ROLES}
    homes.write_whole(home / "passwords.json", json.dumps(made, indent=1) + "\n")
    return made
