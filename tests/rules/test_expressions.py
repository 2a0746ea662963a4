"""What a mapping may say about cells: columns, words, numbers, comparisons; and nothing that does things."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.journey.intake.files.expressions import FUNCTIONS, NotAnExpression, formula

COLUMNS = {"InvoiceNo": 0, "Quantity": 1, "Order ID": 2, "seller.city": 3, "Price": 4}
ROW = ["C536379", "-12", "405-80", " são paulo ", "2.55"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("InvoiceNo", "C536379"),
        ("Order ID", "405-80"),
        ("seller.city", " são paulo "),
        ("col('Order ID')", "405-80"),
        ("starts(InvoiceNo, 'C')", True),
        ("starts(InvoiceNo, 'A', 'B')", False),
        ("ends(InvoiceNo, '79')", True),
        ("contains(col('Order ID'), '-8')", True),
        ("like(InvoiceNo, 'C*', 'D')", True),
        ("like(InvoiceNo, 'c*')", False),
        ("Quantity < 0", True),
        ("Quantity == -12", True),
        ("not starts(InvoiceNo, 'C') and Quantity < 0", False),
        ("starts(InvoiceNo, 'C') or Quantity > 0", True),
        ("InvoiceNo in ('C536379', 'x')", True),
        ("InvoiceNo not in ['x']", True),
        ("-Quantity * Price", Decimal("30.60")),
        ("Price + 1", Decimal("3.55")),
        ("Price / Quantity", Decimal("-0.2125")),
        ("Price / 0", Decimal(0)),
        ("0 / 0", Decimal(0)),
        ("InvoiceNo + '/' + col('Order ID')", "C536379/405-80"),
        ("'credit' if starts(InvoiceNo, 'C') else 'sale'", "credit"),
        ("upper(trim(seller.city))", "SÃO PAULO"),
        ("lower('MUG')", "mug"),
        ("left(InvoiceNo, 2)", "C5"),
        ("before(col('Order ID'), '-')", "405"),
        ("after(col('Order ID'), '-')", "80"),
        ("replace(InvoiceNo, 'C', '')", "536379"),
        ("first('', ' ', InvoiceNo)", "C536379"),
        ("blank('  ')", True),
        ("number('1.234,50')", Decimal("1234.50")),
        ("abs(Quantity)", Decimal(12)),
        ("True", True),
    ],
)  # fmt: skip
def test_an_expression_says_this_of_a_row(text: str, value: object) -> None:
    assert formula(text, COLUMNS)(ROW) == value


@pytest.mark.parametrize(
    "text",
    [
        "", "Nobody", "col('Nobody')", "col(InvoiceNo)", "eval('1')", "__import__('os')", "InvoiceNo.upper()",
        "InvoiceNo.__class__", "[x for x in InvoiceNo]", "lambda: 1", "f'{InvoiceNo}'", "InvoiceNo[0]", "2 ** 99",
        "Quantity % 2", "1 < Quantity < 3", "InvoiceNo is InvoiceNo", "InvoiceNo in Quantity", "starts(InvoiceNo)",
        "starts(InvoiceNo, *'C')", "blank(text='')", "(yield)", "a := 1", "1j", "b'x'", "None", "(" * 300, "1" * 3000,
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused_by_name(text: str) -> None:
    with pytest.raises(NotAnExpression):
        formula(text, COLUMNS)


def test_the_refusal_names_the_columns_that_there_are() -> None:
    with pytest.raises(NotAnExpression) as refused:
        formula("Invoice", COLUMNS)
    assert "InvoiceNo" in refused.value.why["columns"]


@given(st.sampled_from(sorted(FUNCTIONS)), st.lists(st.text(), min_size=3, max_size=3))
def test_no_cell_breaks_a_function(name: str, row: list[str]) -> None:
    _, fewest, most = FUNCTIONS[name]
    for count in range(fewest, min(most, 3) + 1):
        words = ", ".join(("a", "b", "c")[:count])
        formula(f"{name}({words})", {"a": 0, "b": 1, "c": 2})(row)


@given(st.text(max_size=60))
def test_no_text_gets_past_the_compiler_with_anything_but_a_value(text: str) -> None:
    try:
        value = formula(text, COLUMNS)(ROW)
    except NotAnExpression:
        return
    assert isinstance(value, str | Decimal | bool)
