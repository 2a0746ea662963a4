"""Files as shops hand them over: whatever their dress, every row comes out or is reported."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.journey.intake.files.rows import named_columns
from doorstep.journey.intake.files.tables import BadRow, NotReadable, Row, expand, open_table, read_rows


def written(folder: Path, content: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    rows = list(open_table(path))
    assert all(isinstance(row, Row) for row in rows), rows
    return [row.cells for row in rows if isinstance(row, Row)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_is_read_in_any_dress(tmp_path: Path, encoding: str, end: str, delimiter: str) -> None:
    lines = [("Name", "City", "Note"), ("#1", "Köln", '"a\n""b"""')]
    text = "".join(delimiter.join(cells) + end for cells in lines)
    assert rows_of(written(tmp_path, text.encode(encoding))) == [{"Name": "#1", "City": "Köln", "Note": 'a\n"b"'}]


def test_line_ends_may_be_mixed_and_the_last_may_be_missing(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\r\n1,2\n3,4\r5,6")
    assert rows_of(path) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}, {"a": "5", "b": "6"}]
    assert [row.line for row in open_table(path)] == [2, 3, 4]


def test_a_row_knows_its_lines_also_after_a_cell_of_several_lines(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\n1,"x\ny\nz"\n2,w\n')
    first, second = open_table(path)
    assert isinstance(first, Row) and isinstance(second, Row)
    assert (first.line, first.last_line, second.line) == (2, 4, 5)


def test_a_line_that_names_the_delimiter_is_not_the_header(tmp_path: Path) -> None:
    path = written(tmp_path, "\nsep=;\na;b\n1,5;2\n")
    assert rows_of(path) == [{"a": "1,5", "b": "2"}]
    assert next(iter(open_table(path))).line == 4


def test_no_header_hides_another(tmp_path: Path) -> None:
    path = written(tmp_path, "Name,Name,,Name\n1,2,3,4\n")
    assert rows_of(path) == [{"Name": "1", "Name (2)": "2", "column 3": "3", "Name (3)": "4"}]
    path = written(tmp_path, "Name,Name (2),Name,column 4,\n1,2,3,4,5\n")
    assert list(rows_of(path)[0].items()) == [
        ("Name", "1"), ("Name (2)", "2"), ("Name (3)", "3"), ("column 4", "4"), ("column 5", "5"),
    ]  # fmt: skip


@given(
    st.lists(st.sampled_from(["", " ", "Name", "Name ", "Name (2)", "Name (3)", "column 1", "column 2"]), min_size=1)
)
def test_every_column_has_a_name_of_its_own(names: list[str]) -> None:
    columns = named_columns(names)
    assert len(set(columns)) == len(names) and all(columns)


def test_short_and_long_rows_say_so(tmp_path: Path) -> None:
    short, long = open_table(written(tmp_path, "a,b,c\n1\n1,2,3,4\n"))
    assert isinstance(short, Row) and isinstance(long, Row)
    assert (short.cells, short.missing) == ({"a": "1", "b": "", "c": ""}, 2)
    assert short.texts == ["1", "", ""]
    assert (long.texts, long.extra) == (["1", "2", "3"], ("4",))


def test_blank_lines_are_no_rows_and_a_repeated_header_is_reported(tmp_path: Path) -> None:
    rows = list(open_table(written(tmp_path, "a,b\n\n,,\n1,2\na,b\n3,4\n")))
    assert [row.line for row in rows] == [4, 5, 6]
    assert isinstance(rows[1], BadRow) and rows[1].reason == "header_repeated"


def test_a_quote_that_never_closes_costs_one_row_not_the_rest(tmp_path: Path) -> None:
    rows = list(open_table(written(tmp_path, 'a,b,c\n1,2,3\n4,"5,6\n7,8,9\n10,11,12\n')))
    assert [row.line for row in rows] == [2, 3, 4, 5]
    assert isinstance(rows[1], BadRow) and rows[1].reason == "quote_not_closed"
    assert isinstance(rows[3], Row) and rows[3].cells == {"a": "10", "b": "11", "c": "12"}


def test_a_stray_quote_does_not_swallow_rows_up_to_the_next_quote(tmp_path: Path) -> None:
    rows = list(open_table(written(tmp_path, 'a,b,c\n1,"2,3\n4,5,6\n7,"8",9\n')))
    assert [(row.line, isinstance(row, Row)) for row in rows] == [(2, False), (3, True), (4, True)]


def test_an_inch_sign_within_a_cell_is_only_an_inch_sign(tmp_path: Path) -> None:
    assert rows_of(written(tmp_path, 'a,b\n5" mug,1\n6" mug,2\n')) == [
        {"a": '5" mug', "b": "1"},
        {"a": '6" mug', "b": "2"},
    ]


def test_an_encoding_may_change_half_way_and_the_guess_is_marked(tmp_path: Path) -> None:
    path = written(tmp_path, "a\nŁódź\n".encode() + "Köln\n".encode("cp1252") + b"N\x00L\n")
    rows = [row for row in open_table(path) if isinstance(row, Row)]
    assert [(row.cells["a"], row.guessed) for row in rows] == [("Łódź", False), ("Köln", True), ("N\ufffdL", True)]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"PK\x03\x04rest", "spreadsheet"),
        ("a.csv", b"%PDF-1.7", "PDF"),
        ("a.csv", b"<!DOCTYPE html><html>", "web page"),
        ("a.csv", b'{"orders": []}', "JSON"),
        ("a.csv", b"", "empty"),
        ("a.csv", b"\n \n", "empty"),
        ("a.csv", bytes(range(256)) * 8 + b"\x00" * 200, "not text"),
        ("a.csv.gz", gzip.compress(gzip.compress(b"a,b\n1,2\n", mtime=0), mtime=0), "gzip within gzip"),
        ("a.csv.gz", gzip.compress(os.urandom(4000))[:1500], "damaged"),
        ("a.csv", b"a,b\n" + b"x" * (3 << 20), "longer than 1 MB"),
        ("a.csv", b"\xff\xfea\x00,\x00b\x00\n\x00\x00\xd8\n\x00", "damaged"),
    ],
)
def test_what_is_not_what_its_name_says_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    path = written(tmp_path, content, name)
    with pytest.raises(NotReadable) as refused:
        list(open_table(path))
    assert refused.value.why["file"] == str(path)
    assert reason in refused.value.why["reason"]


@pytest.mark.parametrize(
    ("name", "content", "is_really"),
    [
        ("a.csv", gzip.compress(b"a,b\n1,2\n", mtime=0), "gzip"),
        ("a.csv.gz", b"a,b\n1,2\n", "not packed"),
        ("a.xls", b"a\tb\n1\t2\n", "text"),
        ("a.xlsx", b"a;b\n1;2\n", "text"),
    ],
)
def test_what_can_be_read_for_sure_is_read_and_its_name_is_told_to_lie(
    tmp_path: Path, name: str, content: bytes, is_really: str
) -> None:
    note, row = open_table(written(tmp_path, content, name))
    assert isinstance(note, BadRow)
    assert (note.reason, note.value, note.line, note.rows) == ("name_differs", is_really, 0, 0)
    assert isinstance(row, Row) and row.cells == {"a": "1", "b": "2"}


def test_a_header_in_brackets_is_no_json(tmp_path: Path) -> None:
    assert rows_of(written(tmp_path, "[id],{x}\n1,2\n")) == [{"[id]": "1", "{x}": "2"}]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotReadable):
        open_table(tmp_path / "none.csv")
    with pytest.raises(NotReadable):
        expand([tmp_path])


def test_a_folder_is_its_tables_in_order_and_the_rest_is_reported(tmp_path: Path) -> None:
    written(tmp_path, "a\n2\n", "b.csv")
    written(tmp_path, gzip.compress(b"a\n1\n", mtime=0), "a.csv.gz")
    written(tmp_path, "x", "photo.jpg")
    written(tmp_path, "a\n9\n", "b.doorstep-report.csv")
    written(tmp_path, "x", ".DS_Store")
    stranger, *rows = read_rows([tmp_path])
    assert isinstance(stranger, BadRow) and stranger.reason == "not_a_table" and stranger.rows == 0
    assert [row.cells["a"] for row in rows if isinstance(row, Row)] == ["1", "2"]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "big.csv.gz", "wt") as out:
        out.write("a,b\n")
        for number in range(60_000):
            out.write(f'{number},"{"x" * 200}\n"\n')
    tracemalloc.start()
    count = sum(1 for _ in open_table(tmp_path / "big.csv.gz"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 60_000
    assert peak < 3_000_000


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufeff"), max_size=12)


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=8), st.sampled_from(",;\t|"))
def test_what_a_csv_writer_writes_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], delimiter: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("one", "two", "three"), *rows])
    path = written(tmp_path_factory.mktemp("csv"), text.getvalue().encode())
    expected = [row for row in rows if any(cell.strip() for cell in row)]
    found = [tuple(row.cells.values()) for row in open_table(path) if isinstance(row, Row)]
    bad = [row for row in open_table(path) if isinstance(row, BadRow)]
    if not bad:  # a row like the header is reported
        assert found == expected


@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory.mktemp("bytes"), b"a,b\n" + content)
    try:
        rows = list(open_table(path))
    except NotReadable:
        return
    assert all(row.line > 1 for row in rows)


@pytest.mark.skipif("DOORSTEP_DATA" not in os.environ, reason="DOORSTEP_DATA is not set")
def test_the_csv_spectrum_comes_back(tmp_path: Path) -> None:
    with zipfile.ZipFile(Path(os.environ["DOORSTEP_DATA"]) / "adversarial" / "csv-spectrum.zip") as spectrum:
        for name in spectrum.namelist():
            if name.startswith("csvs/"):
                expected = json.loads(spectrum.read(name.replace("csvs/", "json/").replace(".csv", ".json")))
                found = rows_of(written(tmp_path, spectrum.read(name)))
                if "newlines_crlf" in name:  # this copy of it has lost its carriage returns
                    expected = json.loads(json.dumps(expected).replace("\\r\\n", "\\n"))
                if "location" in name:  # the answer kept with it names another phone number
                    expected = [expected | {"Contact Phone Number": "2095257564"}]
                assert found == expected, name
