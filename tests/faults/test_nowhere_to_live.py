"""A home that cannot be used, a server that is not there: told by name, and nothing is half made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from doorstep.kit import embedded, home, migrate
from doorstep.kit.embedded.backup import BackupFailed, backup
from doorstep.kit.embedded.settings import SocketFolderTaken, make_socket_folder
from doorstep.kit.embedded.urls import DatabaseNotStarted
from doorstep.kit.home import HomeUnusable
from doorstep.kit.migrate import RoleMissing
from tests.database import HOME


def test_a_home_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("here I am")
    with pytest.raises(HomeUnusable) as caught:
        home.prepare(file / "home")
    assert caught.value.why["reason"]
    with pytest.raises(HomeUnusable):
        home.prepare(file)
    assert file.read_text() == "here I am"


def test_a_home_without_a_database_has_no_address(tmp_path: Path) -> None:
    with pytest.raises(DatabaseNotStarted):
        embedded.urls(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_socket_folder_that_is_no_folder_of_ours_is_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "run").symlink_to(elsewhere)
    before = elsewhere.stat()
    with pytest.raises(SocketFolderTaken):
        make_socket_folder(tmp_path, os.geteuid(), os.getegid())
    assert elsewhere.stat() == before


def test_a_backup_into_a_folder_that_is_not_there_fails_whole(urls: embedded.Urls, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed):
        backup(Path(os.environ[HOME]), tmp_path / "nowhere" / "doorstep.backup")
    assert list(tmp_path.iterdir()) == []


async def test_a_database_without_the_roles_is_not_migrated(
    own_urls: embedded.Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A newer base asks for a role that nobody made.
    monkeypatch.setattr(migrate, "BASE_SQL", migrate.BASE_SQL + "-- newer")
    monkeypatch.setattr(migrate, "BASE_ROLES", ("doorstep_app", "doorstep_nobody"))
    with pytest.raises(RoleMissing) as caught:
        await migrate.migrate(own_urls.owner)
    assert caught.value.why == {"role": "doorstep_nobody"}
