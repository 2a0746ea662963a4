"""`doorstep import sniff` asks no database; it proposes, and writes where told to, never over a file."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from doorstep.journey.intake.files.mapping import read_mapping
from tests.doors.command_line import Cli

Sniff = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sniff(tmp_path: Path) -> Sniff:
    return lambda *words: Cli(tmp_path / "none").run("import", "sniff", *words)


def orders_in(folder: Path) -> str:
    file = folder / "orders.csv"
    file.write_text("order id,date,sku,qty,price,mood\n1,2024-01-02,A1,2,5.00,fine\n1,2024-01-02,A2,1,3.00,fine\n")
    return str(file)


def test_the_answer_in_json_has_the_fields_what_is_left_over_and_the_mapping(sniff: Sniff, tmp_path: Path) -> None:
    told = json.loads(sniff(orders_in(tmp_path), "--json").stdout)
    assert set(told) == {"format", "fields", "unused", "mapping"}
    assert told["format"] is None
    assert told["unused"] == ["mood"]
    assert [(one["field"], one["column"]) for one in told["fields"]] == [
        ("order.key", "order id"), ("order.placed_at", "date"), ("line.sku", "sku"), ("line.quantity", "qty"),
        ("line.unit_price", "price"),
    ]  # fmt: skip
    assert told["fields"][0] == {"field": "order.key", "column": "order id", "confidence": 1.0, "samples": ["1"]}


def test_the_mapping_is_written_once_and_read_by_the_import(sniff: Sniff, tmp_path: Path) -> None:
    source, target = orders_in(tmp_path), tmp_path / "mapping.toml"
    done = sniff(source, "--write", str(target))
    assert done.returncode == 0, done.stderr
    assert read_mapping(target).line.sku == "sku"
    target.write_text("edited")
    again = sniff(source, "--write", str(target), "--json")
    assert again.returncode == 1
    assert json.loads(again.stdout)["error"]["code"] == "NotOverwritten"
    assert target.read_text() == "edited"


def test_what_cannot_be_read_is_one_sentence(sniff: Sniff, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"%PDF-1.4 nothing")
    done = sniff(str(tmp_path / "a.csv"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "it is a PDF" in done.stderr
