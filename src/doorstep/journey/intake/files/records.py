"""records: physical lines put together to the rows of a CSV; a quote that goes wrong costs a row, never the rest."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from doorstep.journey.intake.files.lines import LONGEST_LINE, Block
from doorstep.journey.intake.files.rows import BYTE_ORDER_MARK, BadRow, Header, NotReadable, Row

DELIMITERS = ",;\t|"
LONGEST_RECORD = 500  # physical lines; a quote open for longer was never meant to be one
LARGEST_RECORD = 4 << 20  # letters, likewise

# A cell may be as long as a line; the limit of the csv module, one for all who use it, is less.
csv.field_size_limit(2 * LONGEST_LINE)

# The number of a record's first line and of its last; its cells; was something in it guessed?
Record = tuple[int, int, list[str], bool]


def read(blocks: Iterator[Block], file: str) -> tuple[tuple[str, ...], Iterator[Row | BadRow]]:
    """The header, and the rows to come."""
    hand = _Hand(blocks)
    records = _records(hand, _delimiter_of(hand, file), file)
    first = next(records, None)
    if first is None or isinstance(first, BadRow):
        raise NotReadable(file=file, reason="its first line is not a header")
    header = Header(first[2])
    return header.names, _rows(records, header, file)


def _rows(records: Iterator[Record | BadRow], header: Header, file: str) -> Iterator[Row | BadRow]:
    names, width = header.names, header.width
    for record in records:
        if isinstance(record, BadRow):
            yield record
            continue
        line, last_line, cells, guessed = record
        if not any(map(str.strip, cells)):
            continue
        if header.is_repeated(cells):
            yield BadRow(file=file, line=line, reason="header_repeated", value=cells[0])
        elif len(cells) == width:
            yield Row(file, line, cells, names, last_line, 0, (), guessed)
        else:
            missing = max(0, width - len(cells))
            texts, extra = cells[:width] + [""] * missing, tuple(cells[width:])
            yield Row(file, line, texts, names, last_line, missing, extra, guessed)


class _Hand:
    """The lines at hand: of the current block, and those before it that are still needed."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks = blocks
        self.lines: list[str] = []
        self.guessed: list[bool] | None = None
        self.start = 0  # where the next record begins
        self.before = 0  # how many lines of the file stand before these
        self.ended = False

    def more(self) -> None:
        """Let go of the lines before the next record, and take a block."""
        block = next(self._blocks, None)
        rest, guesses = self.lines[self.start :], self.guessed and self.guessed[self.start :]
        self.before += self.start
        self.start = 0
        self.ended = block is None
        lines, guessed = block or ([], None)
        if guesses or guessed:
            guessed = (guesses or [False] * len(rest)) + (guessed or [False] * len(lines))
        self.lines, self.guessed = (rest + lines if rest else lines), guessed

    @property
    def letters_left(self) -> int:
        return sum(map(len, self.lines[self.start :]))


def _delimiter_of(hand: _Hand, file: str) -> str:
    """Go to the header. What splits its cells: what a `sep=` line before it says, or else what does so most often."""
    named = ""
    hand.more()
    if hand.lines:
        hand.lines[0] = hand.lines[0].lstrip(BYTE_ORDER_MARK)
    while not hand.ended:
        for at, line in enumerate(hand.lines):
            hand.start, text = at, line.strip("\r\n")
            if text.lower().startswith("sep=") and len(text) == 5:
                named = text[4]
            elif text.strip():
                return named or max(DELIMITERS, key=lambda mark: len(_split(text, mark)))
        hand.start = len(hand.lines)
        hand.more()
    raise NotReadable(file=file, reason="it is empty")


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


class _Endless(Exception):
    """A record has swallowed more lines than a record has."""


class _Feed:
    """Hands lines to the CSV reader, and knows whether it wanted more than there are."""

    def __init__(self, hand: _Hand) -> None:
        self.ran_dry = False
        self._hand = hand

    def __iter__(self) -> Iterator[str]:
        hand, lines = self._hand, self._hand.lines
        for at in range(hand.start, len(lines)):
            if at - hand.start >= LONGEST_RECORD:
                raise _Endless
            yield lines[at]
        self.ran_dry = True


def _records(hand: _Hand, delimiter: str, file: str) -> Iterator[Record | BadRow]:
    width = 0
    while True:
        feed, begun, broken = _Feed(hand), hand.start, ""
        reader = csv.reader(feed, delimiter=delimiter)
        lines, guessed, before = hand.lines, hand.guessed, hand.before
        try:
            for cells in reader:
                start, end = hand.start, begun + reader.line_num
                if feed.ran_dry:
                    break  # its quote is still open where the lines end
                if end - start > 1 and _swallowed_rows(lines[start:end], cells, width, delimiter):
                    broken = "quote_not_closed"
                    break
                width = width or len(cells)
                hand.start = end
                yield before + start + 1, before + end, cells, guessed is not None and any(guessed[start:end])
        except _Endless:
            broken = "quote_not_closed"
        except csv.Error:
            broken = "cell_too_long"
        at_end = hand.start == len(lines)
        if not broken and not hand.ended and hand.letters_left <= LARGEST_RECORD:
            hand.more()
        elif not broken and at_end:
            return
        else:
            first = lines[hand.start].rstrip("\r\n")
            hand.start += 1
            yield BadRow(file=file, line=before + hand.start, reason=broken or "quote_not_closed", value=first[:200])


def _swallowed_rows(lines: list[str], cells: list[str], width: int, delimiter: str) -> bool:
    """A stray quote joins rows up to the next: the joined row does not fit, a swallowed line alone does."""
    if width < 2 or (len(cells) == width and _well_quoted(lines, delimiter)):
        return False
    return any(len(_split(line, delimiter)) == width for line in lines[1:])


def _well_quoted(lines: list[str], delimiter: str) -> bool:
    try:
        next(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return True
