"""docs/importing.md tells every key of a mapping and every function of its expressions; its examples are read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from doorstep.journey.intake.files import mapping
from doorstep.journey.intake.files.expressions import FUNCTIONS, formula
from doorstep.journey.intake.files.mapping import Mapping, parse_mapping
from doorstep.journey.intake.files.opening import ready_mappings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "importing.md").read_text()
EXAMPLES = sorted((ROOT / "examples" / "mappings").glob("*.toml"))

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "Of the whole file": mapping.Mapping, "[tables]": mapping.Table, "[kind]": mapping.Kinds,
    "[order]": mapping.OrderFields, "[line]": mapping.LineFields, "[payment]": mapping.PaymentFields,
    "[parcel]": mapping.ParcelFields, "[sku]": mapping.SkuFields, "[site]": mapping.SiteFields,
    "What a field may say": mapping.Field,
}  # fmt: skip


def section(name: str) -> str:
    """What stands under the heading that has these words."""
    for part in re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE)[1:]:
        if name in part.partition("\n")[0]:
            return part
    raise AssertionError(f"the page has no heading {name}")


@pytest.mark.parametrize("name", SECTIONS)
def test_every_key_of_a_mapping_is_told_where_it_belongs(name: str) -> None:
    told = set(re.findall(r"`(\w+)`", section(name)))
    assert set(SECTIONS[name].__struct_fields__) <= told


def test_every_part_of_a_mapping_has_its_section_here() -> None:
    """A new struct of the mapping is to be told too."""
    parts = {
        one for one in vars(mapping).values()
        if isinstance(one, type) and issubclass(one, msgspec.Struct) and one.__module__ == mapping.__name__
    }  # fmt: skip
    assert parts == set(SECTIONS.values())


def test_no_key_is_told_that_is_not_there() -> None:
    for name, part in SECTIONS.items():
        rows = re.findall(r"^\| (`[^|]+) \|", section(name), flags=re.MULTILINE)
        keys = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
        assert keys <= set(part.__struct_fields__), name


def test_every_function_is_told_with_an_example_that_can_be_worked_out() -> None:
    table = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| [^|]+ \| ([^|]+) \|$", section("Expressions"), flags=re.MULTILINE)
    rows = {name: examples for names, examples in table for name in re.findall(r"`(\w+)`", names)}
    assert set(rows) == {"col", *FUNCTIONS}
    for name, examples in rows.items():
        found = re.findall(r"`([^`]+)`", examples)
        assert any(f"{name}(" in example for example in found)
        for example in found:
            columns = {word: place for place, word in enumerate(["Order ID", *re.findall(r"\b[A-Za-z_]+\b", example)])}
            formula(example, columns)(["x"] * len(columns))


def test_the_examples_on_the_page_are_toml_that_a_mapping_takes() -> None:
    whole = [
        block
        for block in re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
        if "[order]" in block and "[line]" in block
    ]
    assert len(whole) == 1
    assert parse_mapping(whole[0].encode(), "page").line.quantity == "Pieces"
    for block in re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL):
        tomllib.loads(block)
    for row in re.findall(r"^\| `\w+`[^|]*\|[^|]+\| (.+) \|$", PAGE, flags=re.MULTILINE):
        for example in re.findall(r"`([^`]+ = [^`]+)`", row):
            tomllib.loads(example)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_examples_beside_it_are_mappings_and_are_named_on_the_page(file: Path) -> None:
    assert isinstance(parse_mapping(file.read_bytes(), file.name), Mapping)
    assert f"`{file.name}`" in PAGE


def test_every_ready_format_is_in_the_table_of_those_that_need_no_mapping() -> None:
    known = section("Formats that need no mapping")
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", known, flags=re.MULTILINE)
    told = [set(re.findall(r"`([^`]+)`", columns)) for _, columns in rows]
    for one in ready_mappings():
        assert any(columns and columns <= set(one.recognize) for columns in told), one.name
