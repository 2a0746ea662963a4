"""Whatever is wrong with a file: its rows come out byte for byte, or are told one by one, or it is refused by name."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.journey.intake.files.cells import unguarded
from doorstep.journey.intake.files.report import harmless
from doorstep.journey.intake.files.tables import BadRow, NotReadable, Row, expand, open_table, read_rows
from tests.rules.a_workbook import workbook

HEADER = ("the first", "the second", "the third")
NAUGHTY = Path(os.environ.get("DOORSTEP_DATA", "")) / "adversarial" / "blns.json"
needs_data = pytest.mark.skipif("DOORSTEP_DATA" not in os.environ, reason="DOORSTEP_DATA is not set")


def written(folder: Path, content: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def good(path: Path) -> list[list[str]]:
    """All rows, none of them bad."""
    rows = list(open_table(path))
    assert all(isinstance(row, Row) for row in rows), [row for row in rows if isinstance(row, BadRow)][:3]
    return [row.texts for row in rows if isinstance(row, Row)]


def refused(path: Path) -> str:
    with pytest.raises(NotReadable) as refusal:
        list(open_table(path))
    return str(refusal.value.why["reason"])


# what a program writes comes back

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
ROWS = st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=8)


def as_csv(rows: Sequence[Sequence[str]], delimiter: str, quoting: int, end: str) -> str:
    """A writer quotes only what its own line end would break: with the shorter ends, all is in quotes."""
    text = io.StringIO()
    quoting = quoting if end == "\r\n" else csv.QUOTE_ALL
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([HEADER, *rows])
    return text.getvalue()


@given(
    ROWS,
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]),
    st.booleans(),
)
def test_any_text_that_a_program_writes_comes_back_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, str]],
    delimiter: str,
    quoting: int,
    end: str,
    encoding: str,
    packed: bool,
) -> None:
    content = as_csv(rows, delimiter, quoting, end).encode(encoding)
    name, content = ("a.csv.gz", gzip.compress(content)) if packed else ("a.csv", content)
    path = written(tmp_path_factory.mktemp("csv"), content, name)
    assert good(path) == [list(row) for row in rows if any(cell.strip() for cell in row)]


LATIN = st.text(st.sampled_from("aZ 1\"',;äöüßéñ"), max_size=12)  # no two of them make a letter of UTF-8


@given(st.lists(st.tuples(LATIN, LATIN, LATIN, st.sampled_from(["utf-8", "cp1252"])), max_size=8))
def test_every_line_may_have_an_encoding_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str, str]]
) -> None:
    lines = [as_csv([row[:3]], ",", csv.QUOTE_ALL, "\n").split("\n")[1].encode(row[3]) for row in rows]
    path = written(tmp_path_factory.mktemp("mixed"), b"\n".join([",".join(HEADER).encode(), *lines]))
    wanted = [row for row in rows if any(cell.strip() for cell in row[:3])]
    assert good(path) == [list(row[:3]) for row in wanted]
    guessed = [row.guessed for row in open_table(path) if isinstance(row, Row)]
    assert guessed == [row[3] == "cp1252" and not "".join(row[:3]).isascii() for row in wanted]


# nothing is dropped

PIECES = [
    b"a", b"1,2", b",", b",", b";", b'"', b'"', b'""', b"\n", b"\n", b"\n", b"\r\n", b"\r", b" ", b"\xc3\xa4", b"\xe4",
    b"\x00", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xff", b"\xe2\x80\xa8", b"\x0b", b"\x85", b"a,b\n", b'"x\ny",z\n',
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join))
def test_every_line_of_any_file_is_in_one_row_or_told(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory.mktemp("any"), b"a,b\n" + content)
    taken: list[int] = []
    for row in open_table(path):
        taken += range(row.line, row.last_line + 1) if isinstance(row, Row) else [row.line]
    assert taken == sorted(set(taken))
    lines = (b"a,b\n" + content.replace("\u2028".encode(), b" " * 3)).splitlines()
    assert all(not line.strip(b'," \x0b') for number, line in enumerate(lines, 1) if number not in {1, *taken})


@given(st.binary(max_size=400), st.sampled_from(["a.csv", "a.xlsx", "a.csv.gz", "a.zip"]))
def test_any_bytes_are_rows_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    path = written(tmp_path_factory.mktemp("bytes"), content, name)
    for start in (b"", b"PK\x03\x04", b"\x1f\x8b\x08\x00", b"\xff\xfe", b"a,b\n"):
        path.write_bytes(start + content)
        try:
            list(read_rows([path]))
        except NotReadable as refusal:
            assert refusal.why["reason"]


@given(st.integers(0, 2**32))
def test_a_workbook_with_wrong_bytes_is_rows_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    path = workbook(tmp_path_factory.mktemp("xlsx") / "a.xlsx", {"a": [["x", "y"], ["1", 2.5], ["ü", True]]})
    chance = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 4)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    path.write_bytes(content)
    try:
        rows = list(open_table(path))
    except NotReadable as refusal:
        assert refusal.why["reason"]
    else:
        assert len([row for row in rows if isinstance(row, Row)]) <= 2


# naughty texts


def naughty() -> list[str]:
    return [text.replace("\x00", "\ufffd") for text in json.loads(NAUGHTY.read_text("utf-8"))]


@needs_data
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_naughty_texts_come_back_from_a_csv(tmp_path: Path, encoding: str) -> None:
    for quoting in (csv.QUOTE_ALL, csv.QUOTE_MINIMAL):
        rows = [[str(number), text, text] for number, text in enumerate(naughty())]
        rows += [[text, str(number), text] for number, text in enumerate(naughty())]
        assert good(written(tmp_path, as_csv(rows, ",", quoting, "\r\n").encode(encoding))) == rows
    assert len(rows) > 1000


@needs_data
def test_naughty_texts_come_back_from_a_workbook(tmp_path: Path) -> None:
    rows = [[str(number), text, text] for number, text in enumerate(naughty())]
    assert good(workbook(tmp_path / "a.xlsx", {"a": [HEADER, *rows]})) == rows


@needs_data
def test_naughty_texts_are_harmless_in_a_report_and_what_they_were_after_it() -> None:
    for text in naughty():
        told = harmless(text)
        assert not told.lstrip(" ").startswith(STARTS) and unguarded(told) == text


# formulas

# As OWASP lists them, the wide letters of East Asia included; bar and percent begin other programs' commands.
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("before", ["", " ", "  ", "\u00a0"])
def test_no_formula_runs_from_a_report_and_none_is_changed_by_it(start: str, before: str) -> None:
    text = f"{before}{start}cmd|' /C calc'!A0"
    assert harmless(text) == "'" + text
    assert unguarded("'" + text) == text


@pytest.mark.parametrize("text", ["", "'", "''", "'s-Hertogenbosch", "Mug = cup", "'' x", "12", "'12"])
def test_what_is_no_formula_is_not_touched(text: str) -> None:
    assert harmless(text) == text == unguarded(text)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")) | st.text("'=+ -a\t"))
def test_what_was_made_harmless_is_itself_again(text: str) -> None:
    assert unguarded(harmless(text)) == text
    assert not harmless(text).startswith(STARTS)


def test_half_a_letter_and_a_nul_are_shown_in_a_report() -> None:
    assert harmless("a\ud83d\x00") == "a?\ufffd"


def test_a_formula_in_a_file_is_only_text(tmp_path: Path) -> None:
    assert good(written(tmp_path, 'a,b\n=cmd|\' /C calc\'!A0,"=HYPERLINK(""x"",""y"")"\n')) == [
        ["=cmd|' /C calc'!A0", '=HYPERLINK("x","y")']
    ]


# shapes


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    assert good(written(tmp_path, "a,b")) == good(written(tmp_path, "a,b\r\n\r\n,\r\n")) == []
    assert good(workbook(tmp_path / "a.xlsx", {"x": [["a", "b"]]})) == []


def test_ten_thousand_columns(tmp_path: Path) -> None:
    names, cells = [f"c{number}" for number in range(10_000)], [str(number) for number in range(10_000)]
    for path in (
        written(tmp_path, ",".join(names) + "\n" + ",".join(cells) + "\n"),
        workbook(tmp_path / "a.xlsx", {"x": [names, cells]}),
    ):
        table = open_table(path)
        assert table.header == tuple(names)
        assert [row.texts for row in table if isinstance(row, Row)] == [cells]


def test_a_cell_of_nearly_a_megabyte(tmp_path: Path) -> None:
    long, lines = "x" * 900_000, "y" * 4000 + "\n"
    text = f'a,b\n1,{long}\n2,"{long}"\n3,"{lines * 225}"\n4,end\n'
    assert good(written(tmp_path, text)) == [["1", long], ["2", long], ["3", lines * 225], ["4", "end"]]
    assert good(workbook(tmp_path / "a.xlsx", {"x": [["a", "b"], ["1", long]]})) == [["1", long]]


def test_a_cell_without_end_is_told_and_the_rows_after_it_come(tmp_path: Path) -> None:
    for many, text, reason in ((600, "y", "quote_not_closed"), (200, "y" * 20_000, "cell_too_long")):
        lines = [f"{text},{number}" for number in range(many)]
        told, *rows = open_table(written(tmp_path, 'a,b\n1,"never closed\n' + "\n".join(lines)))
        assert isinstance(told, BadRow)
        assert (told.line, told.reason, told.value) == (2, reason, '1,"never closed')
        assert [row.texts for row in rows if isinstance(row, Row)] == [line.split(",") for line in lines]


def test_a_row_that_goes_on_for_megabytes_is_told_line_by_line(tmp_path: Path) -> None:
    shifted = f'{"y" * 50_000}","{"y" * 50_000}\n' * 50  # each line closes a quote and opens the next
    *told, last, row = open_table(written(tmp_path, f'a,b\n1,"{shifted}"\n2,3\n'))
    assert isinstance(last, Row) and (last.line, last.last_line, len(last.texts[0])) == (51, 52, 50_001)
    assert isinstance(row, Row) and (row.line, row.texts) == (53, ["2", "3"])
    assert [(bad.line, bad.reason) for bad in told if isinstance(bad, BadRow)] == [
        (line, "quote_not_closed") for line in range(2, 51)
    ]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("sep=;\r\na;b\r\n1;2\r\n", [["1", "2"]]),
        ("\ufeffsep=|\na|b\n1|2\n", [["1", "2"]]),
        ("a;b;\n1;2;\n3;4;\n", [["1", "2", ""], ["3", "4", ""]]),
        ("a\tb\n1\t2\r3\t4\r\n", [["1", "2"], ["3", "4"]]),
        ('"a","b"\n"1, 2","3"\n', [["1, 2", "3"]]),
        ("a,b\n\u200f\u202eabc\u200b,\u2066x\u2069\n", [["\u200f\u202eabc\u200b", "\u2066x\u2069"]]),
        ("a,b\n\u2028x\x0by,\x1cz\x85\n", [["\u2028x\x0by", "\x1cz\x85"]]),
        ("a,b\n\ufeffx,\ufeff\n", [["\ufeffx", "\ufeff"]]),
        ('a,b\n"""x""","y"""\n', [['"x"', 'y"']]),
        ("a\n1\n\n2", [["1"], ["2"]]),
        ("a,b\n1,'2\n", [["1", "'2"]]),
        ("\ufeff\ufeffa,b\n1,2\n", [["1", "2"]]),
    ],
)
def test_a_strange_file_is_read_as_it_is(tmp_path: Path, content: str, rows: list[list[str]]) -> None:
    assert good(written(tmp_path, content)) == rows


def test_files_glued_together_bring_their_header_and_their_mark_along(tmp_path: Path) -> None:
    for header in ("a,b", '"a","b"'):
        one = f"{header}\r\n1,2\r\n".encode("utf-8-sig")
        rows = list(open_table(written(tmp_path, one + one)))
        assert [row.texts for row in rows if isinstance(row, Row)] == [["1", "2"], ["1", "2"]]
        assert [(row.line, row.reason) for row in rows if isinstance(row, BadRow)] == [(3, "header_repeated")]


def test_ragged_rows_say_what_they_lack_and_what_is_too_much(tmp_path: Path) -> None:
    rows = [row for row in open_table(written(tmp_path, "a,b\n1\n1,2,\n1,2,3\n")) if isinstance(row, Row)]
    assert [(row.texts, row.missing, row.extra) for row in rows] == [
        (["1", ""], 1, ()),
        (["1", "2"], 0, ("",)),
        (["1", "2"], 0, ("3",)),
    ]


def test_half_a_letter_in_utf_8_is_read_as_it_can_be_and_marked(tmp_path: Path) -> None:
    rows = [row for row in open_table(written(tmp_path, b"a,b\n\xed\xa0\xbd,1\n\xc3,2\n")) if isinstance(row, Row)]
    assert [(row.texts, row.guessed) for row in rows] == [(["í\xa0½", "1"], True), (["Ã", "2"], True)]


# packed


def test_a_packed_file_that_is_cut_off_is_refused_wherever_it_was_cut(tmp_path: Path) -> None:
    text = "a,b\n" + "".join(f"{number},{random.Random(number).random()}\n" for number in range(9000))
    whole = gzip.compress(text.encode())
    assert len(good(written(tmp_path, whole, "a.csv.gz"))) == 9000
    for length in (2, 10, 100, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        assert "damaged" in refused(written(tmp_path, whole[:length], "a.csv.gz"))
    assert "damaged" in refused(written(tmp_path, whole[:-8] + bytes(8), "a.csv.gz"))
    assert len(good(written(tmp_path, whole + gzip.compress(b"1,2\n"), "a.csv.gz"))) == 9001


def test_a_packed_file_in_a_packed_file_is_refused(tmp_path: Path) -> None:
    assert "within gzip" in refused(written(tmp_path, gzip.compress(gzip.compress(b"a,b\n1,2\n")), "a.csv.gz"))
    assert "empty" in refused(written(tmp_path, gzip.compress(b""), "a.csv.gz"))


# what is no file


def test_a_pipe_or_a_device_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "pipe" in refused(tmp_path / "pipe.csv")
    assert "pipe" in refused(Path("/dev/zero"))
    written(tmp_path, "a\n1\n")
    stranger, row = read_rows([tmp_path])
    assert isinstance(stranger, BadRow) and (Path(stranger.file).name, stranger.reason) == ("pipe.csv", "not_a_table")
    assert isinstance(row, Row) and row.texts == ["1"]


def test_links_that_lead_nowhere_or_in_a_circle_are_told(tmp_path: Path) -> None:
    (tmp_path / "x.csv").mkdir()
    written(tmp_path / "x.csv", "a\n1\n", "y.csv")
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere.csv")
    (tmp_path / "good.csv").symlink_to(tmp_path / "x.csv" / "y.csv")
    files, strangers = expand([tmp_path])
    assert files == [tmp_path / "good.csv", tmp_path / "x.csv" / "y.csv"]
    assert [(Path(row.file).name, row.reason) for row in strangers] == [
        ("circle", "not_a_table"), ("gone.csv", "not_a_table"), ("loop.csv", "not_a_table"),
    ]  # fmt: skip
    assert refused(tmp_path / "x.csv") == "it is a folder"
    assert refused(tmp_path / "gone.csv") == "there is no such file"
    assert "symbolic links" in refused(tmp_path / "loop.csv")
    assert expand([tmp_path / "x.csv"])[0] == [tmp_path / "x.csv" / "y.csv"]


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    for name in ("a\x00b.csv", "x" * 300 + ".csv", "a.csv/b.csv", ""):
        written(tmp_path, "a\n1\n")
        assert refused(tmp_path / name)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_refused_or_told(tmp_path: Path) -> None:
    path = written(tmp_path, "a\n1\n")
    (tmp_path / "locked").mkdir(mode=0)
    path.chmod(0)
    assert "ermission" in refused(path)
    strangers = expand([tmp_path])[1]
    assert [(Path(row.file).name, row.reason) for row in strangers] == [("locked", "folder_not_readable")]
    with pytest.raises(NotReadable) as refusal:
        expand([tmp_path / "locked"])
    assert refusal.value.why["reason"] == "the folder cannot be opened"
    path.chmod(0o600)
    (tmp_path / "locked").chmod(0o700)


def test_a_file_whose_name_is_no_text_is_read(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv"))
    path.write_bytes(b"a\n1\n")
    assert good(path) == [["1"]]
    path.write_bytes(b"")
    with pytest.raises(NotReadable) as refusal:
        open_table(path)
    assert str(refusal.value).encode() and refusal.value.why["file"] == f"{tmp_path}/?.csv"


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n \r\n", b"\xef\xbb\xbf", b"\xff\xfe", b"sep=;\n", b"\x00"])
def test_a_file_that_says_nothing_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refused(written(tmp_path, content))
