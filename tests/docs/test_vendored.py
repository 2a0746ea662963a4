"""What others wrote is in the tree as it came: every file with its hash, every package with its license."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tools.vendor import FOR_TESTS, MANIFEST, PACKAGES, SERVED


@pytest.mark.parametrize("folder", [SERVED, FOR_TESTS], ids=["served", "for tests"])
def test_every_vendored_file_is_as_it_came(folder: Path) -> None:
    told = json.loads((folder / MANIFEST).read_text())
    hashes = {name: kept for package in told for name, kept in package["sha256"].items()}
    there = {file.name: sha256(file.read_bytes()).hexdigest() for file in folder.iterdir() if file.name != MANIFEST}
    assert there == hashes


def test_every_package_is_told_with_its_version_and_brings_its_license() -> None:
    told = {
        each["name"]: each for folder in (SERVED, FOR_TESTS) for each in json.loads((folder / MANIFEST).read_text())
    }
    assert set(told) == {package.name for package in PACKAGES}
    for package in PACKAGES:
        kept = told[package.name]
        assert (kept["version"], kept["license"]) == (package.version, package.license)
        (license_file,) = [name for name in kept["sha256"] if name.startswith("LICENSE")]
        assert (package.folder / license_file).read_text().strip()
        assert not package.license.startswith(("GPL", "AGPL"))
