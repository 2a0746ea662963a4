"""expressions: what a mapping file may say about cells: columns, words, numbers, comparisons; nothing that does things.

    starts(InvoiceNo, 'C')      Quantity < 0      upper(col('Seller ID'))      'canceled' if col('Order Status') == 'x'
    else ''      number(Amount) / number(Qty)      Status + ' / ' + col('Courier Status')

A column that some files lack is `col('Phone', '')`: what to say without it comes second.

A text is parsed once, against the columns there are, into a function of a row; a row costs no parsing. Only the forms
below exist: there are no attributes, no calls but these functions, no loops, so that a mapping file from a stranger
can do no harm. Cells are texts; beside a number, or in arithmetic, a text is read as a number (0 when blank).
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, DivisionByZero, InvalidOperation
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, TypeVar

from doorstep.journey.intake.files import cells
from doorstep.kit.refusals import Refusal

Texts = Sequence[str]
Value = str | Decimal | bool
Formula = Callable[[Texts], Value]

LONGEST = 2000  # characters of one expression
LONGEST_TEXT = 10_000  # characters that a concatenation may come to
REMEMBERED = 4096  # cells, and what they came to
ZERO = Decimal(0)


class NotAnExpression(Refusal):
    """A mapping's expression says something that cannot be worked out for a row."""

    status = 422


def formula(text: str, columns: Mapping[str, int]) -> Formula:
    """The function of a row that this says. `columns` are the places of the names it may use.

    A text that is a column's name is that column, whatever is in it. Refuses NotAnExpression.
    """
    return operator.itemgetter(columns[text]) if text in columns else _compiled(text, columns, lambda value: value)


def text_formula(text: str, columns: Mapping[str, int]) -> Callable[[Texts], str]:
    """As `formula`; what it comes to, as a cell shows it."""
    return operator.itemgetter(columns[text]) if text in columns else _compiled(text, columns, text_of)


def test_formula(text: str, columns: Mapping[str, int]) -> Callable[[Texts], bool]:
    """As `formula`; whether it comes to yes."""
    return _compiled(text, columns, truth_of)


T = TypeVar("T")


def _compiled(text: str, columns: Mapping[str, int], finish: Callable[[Value], T]) -> Callable[[Texts], T]:
    """What depends on one cell alone is worked out once for each text that stands in it."""
    work, used = _parsed(text, columns)
    if len(used) != 1:
        return lambda row: finish(work(row))
    (place,) = used
    alone, _ = _parsed(text, {name: 0 for name, at in columns.items() if at == place})

    @lru_cache(maxsize=REMEMBERED)
    def of_cell(cell: str) -> T:
        return finish(alone((cell,)))

    return lambda row: of_cell(row[place])


def _parsed(text: str, columns: Mapping[str, int]) -> tuple[Formula, set[int]]:
    """The function, and the places of the columns that it reads."""
    if text in columns:
        return operator.itemgetter(columns[text]), {columns[text]}
    if len(text) > LONGEST:
        raise NotAnExpression(expression=text[:60] + "…", problem=f"it is longer than {LONGEST} characters")
    try:
        compiler = _Compiler(columns)
        return compiler.of(ast.parse(text.strip(), mode="eval").body), compiler.used
    except NotAnExpression as refusal:
        raise NotAnExpression(expression=text[:200], **refusal.why) from None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        names = ", ".join(sorted(columns)[:40])
        raise NotAnExpression(
            expression=text[:200], problem="it is neither a column nor an expression", columns=names
        ) from None


def text_of(value: Value) -> str:
    """As a cell shows it: 12, not 12.0 or 1.2E+1."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else ""
    return f"{value:f}"


def number_of(value: Value) -> Decimal:
    """A blank cell, or one that is no number, counts as 0."""
    if isinstance(value, str):
        return _number(value)
    return Decimal(value)


@lru_cache(maxsize=65536)
def _number(text: str) -> Decimal:
    return cells.amount(text) or ZERO


def truth_of(value: Value) -> bool:
    """A text is true when it says anything but no, false or 0."""
    if isinstance(value, str):
        return bool(value.strip()) and cells.yes(value, default=True)
    return bool(value)


def _divided(left: Decimal, right: Decimal) -> Decimal:
    """Nothing divided by nothing is nothing: a line of no units has no unit price."""
    try:
        return left / right
    except (DivisionByZero, InvalidOperation):
        return ZERO


ARITHMETIC: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divided,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _like(text: str, *patterns: str) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _first(*texts: str) -> str:
    return next((text for text in texts if text.strip()), "")


# What may be called, each with the fewest and the most arguments; all take texts.
FUNCTIONS: dict[str, tuple[Callable[..., Value], int, int]] = {
    "starts": (lambda text, *words: text.startswith(words), 2, 50),
    "ends": (lambda text, *words: text.endswith(words), 2, 50),
    "contains": (lambda text, *words: any(word in text for word in words), 2, 50),
    "like": (_like, 2, 50),
    "blank": (lambda text: not text.strip(), 1, 1),
    "first": (_first, 1, 50),
    "upper": (lambda text: text.upper(), 1, 1),
    "lower": (lambda text: text.lower(), 1, 1),
    "trim": (lambda text: text.strip(), 1, 1),
    "left": (lambda text, count: text[: int(_number(count))], 2, 2),
    "before": (lambda text, mark: text.partition(mark)[0] if mark else text, 2, 2),
    "after": (lambda text, mark: text.partition(mark)[2] if mark else "", 2, 2),
    "replace": (lambda text, old, new: text.replace(old, new) if old else text, 3, 3),
    "unguarded": (cells.unguarded, 1, 1),
    "number": (lambda text: _number(text), 1, 1),
    "abs": (lambda text: abs(_number(text)), 1, 1),
}


class _Compiler:
    """Turns a parsed expression into closures; whatever form it does not know is refused."""

    def __init__(self, columns: Mapping[str, int]) -> None:
        self.columns = columns
        self.used: set[int] = set()  # places

    def of(self, node: ast.expr) -> Formula:
        match node:
            case ast.Constant(value=bool() | str() as said):
                return _always(said)
            case ast.Constant(value=int() | float() as number):
                return _always(Decimal(str(number)))
            case ast.Name(id=name):
                return self._column(name)
            case ast.Attribute(value=ast.Name(id=table), attr=name):
                return self._column(f"{table}.{name}")
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.of(operand)
                return lambda row: not truth_of(inner(row))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.of(operand)
                return lambda row: -number_of(inner(row))
            case ast.BinOp(left=left, op=op, right=right):
                return self._arithmetic(self.of(left), op, self.of(right))
            case ast.BoolOp(op=op, values=values):
                return self._joined(op, [self.of(value) for value in values])
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compared(left, op, right)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                condition, then, otherwise = self.of(test), self.of(body), self.of(orelse)
                return lambda row: then(row) if truth_of(condition(row)) else otherwise(row)
        raise NotAnExpression(problem=f"{ast.unparse(node)[:60]} is no form that a mapping knows")

    def _column(self, name: str) -> Formula:
        at = self.columns.get(name)
        if at is None:
            names = ", ".join(sorted(self.columns)[:40])
            raise NotAnExpression(problem=f"there is no column {name}", columns=names)
        self.used.add(at)
        return operator.itemgetter(at)

    def _call(self, name: str, arguments: list[ast.expr]) -> Formula:
        if name == "col":
            match arguments:
                case [ast.Constant(value=str() as column)]:
                    return self._column(column)
                case [ast.Constant(value=str() as column), otherwise]:
                    return self._column(column) if column in self.columns else self.of(otherwise)
            raise NotAnExpression(problem="col() takes the name of a column in quotes, and what to say without it")
        if name not in FUNCTIONS:
            raise NotAnExpression(problem=f"there is no function {name}", functions=", ".join(("col", *FUNCTIONS)))
        function, fewest, most = FUNCTIONS[name]
        if not fewest <= len(arguments) <= most:
            raise NotAnExpression(problem=f"{name} takes {fewest} to {most} arguments, here are {len(arguments)}")
        inner = [self.of(argument) for argument in arguments]
        if len(inner) == 1:
            only = inner[0]
            return lambda row: function(text_of(only(row)))
        return lambda row: function(*[text_of(each(row)) for each in inner])

    def _arithmetic(self, left: Formula, op: ast.operator, right: Formula) -> Formula:
        if isinstance(op, ast.Add):
            return lambda row: _added(left(row), right(row))
        work = ARITHMETIC.get(type(op))
        if work is None:
            raise NotAnExpression(problem="only + - * / are known")
        return lambda row: work(number_of(left(row)), number_of(right(row)))

    def _joined(self, op: ast.boolop, values: list[Formula]) -> Formula:
        if isinstance(op, ast.And):
            return lambda row: all(truth_of(value(row)) for value in values)
        return lambda row: any(truth_of(value(row)) for value in values)

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Formula:
        if isinstance(op, ast.In | ast.NotIn):
            return self._in(self.of(left), right, isinstance(op, ast.In))
        work = COMPARISONS.get(type(op))
        if work is None:
            raise NotAnExpression(problem="only == != < <= > >= and in are known")
        here, there = self.of(left), self.of(right)
        return lambda row: _compare(work, here(row), there(row))

    def _in(self, value: Formula, listed: ast.expr, wanted: bool) -> Formula:
        if not isinstance(listed, ast.Tuple | ast.List | ast.Set) or not all(
            isinstance(one, ast.Constant) and isinstance(one.value, str) for one in listed.elts
        ):
            raise NotAnExpression(problem="after `in` comes a list of words in quotes")
        words = frozenset(one.value for one in listed.elts if isinstance(one, ast.Constant))
        return lambda row: (text_of(value(row)) in words) is wanted


def _always(value: Value) -> Formula:
    return lambda row: value


def _added(left: Value, right: Value) -> Value:
    """Two texts are joined, anything else is added."""
    if isinstance(left, str) and isinstance(right, str):
        return (left + right)[:LONGEST_TEXT]
    return number_of(left) + number_of(right)


def _compare(work: Callable[[Any, Any], bool], left: Value, right: Value) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return work(left, right)
    return work(number_of(left), number_of(right))
