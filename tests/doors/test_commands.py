"""The commands at work: a shop set up, its files taken in, its orders looked at and worked on, in one fresh home.

Most run inside this process, so that Python starts once; what the shell sees is tested by real processes.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pytest

from doorstep.doors.cli.main import COMMANDS
from doorstep.doors.cli.session import NotWritten, write_file
from doorstep.kit.embedded import Urls
from tests.doors.command_line import Cli, doorstep

_numbers = itertools.count(1)

EXPORT = """\
Name,Email,Financial Status,Fulfillment Status,Currency,Subtotal,Shipping,Taxes,Total,Created at,Lineitem quantity,\
Lineitem name,Lineitem price,Lineitem sku,Lineitem requires shipping,Shipping Name,Shipping Address1,Shipping City,\
Shipping Zip,Shipping Country,Cancelled at,Refunded Amount
#1001,ada@example.com,paid,unfulfilled,USD,33.00,5.00,0.00,38.00,2026-03-02 10:00:00 +0000,2,A mug,12.50,MUG,true,\
Ada Byrne,12 Grafton Street,Dublin,D02 XY45,IE,,0.00
#1001,,,,,,,,,,1,A cup,8.00,CUP,true,,,,,,,
#1002,bo@example.com,refunded,unfulfilled,USD,8.00,0.00,0.00,8.00,2026-03-02 11:00:00 +0000,1,A cup,8.00,CUP,true,\
Bo Lind,1 Main Street,Newark,07114,US,2026-03-03 11:00:00 +0000,8.00
"""


@pytest.fixture(scope="module")
def cli(urls_of_this_file: Urls, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A shop with a merchant, a site, two orders taken in from a file."""
    home = tmp_path_factory.mktemp("commands")
    cli = Cli(home, urls_of_this_file)
    cli.says("merchant", "add", "mugs", "--currency", "USD", "--country", "US", "--name", "Mugs & Co")
    cli.says("site", "add", "EWR", "--country", "US", "--timezone", "America/New_York", "--cut-off", "15:00")
    (home / "orders.csv").write_text(EXPORT)
    came = cli.json("import", "orders", str(home / "orders.csv"), "--merchant", "mugs", "--create")
    assert came == {"read": 3, "taken": 2, "changed": 0, "unchanged": 0, "refused": 0, "report": None}
    return cli


@pytest.fixture
def stall(cli: Cli) -> str:
    """Another merchant with the same two orders, for who leaves something behind: the tests may come in any order."""
    key, file = f"stall-{next(_numbers)}", str(cli.home / "orders.csv")
    assert cli.json("import", "orders", file, "--merchant", key, "--create", "--currency", "USD")["taken"] == 2
    return key


# Each command explains itself


@pytest.mark.parametrize(
    "words",
    [
        ("orders", "list"), ("orders", "show"), ("orders", "why"), ("import", "orders"), ("import", "products"),
        ("import", "stock"), ("report", "sales"), ("report", "stages"), ("report", "stock"), ("exceptions", "summary"),
        ("exceptions", "resolve"), ("audit",), ("key", "create"), ("secrets", "rotate"), ("merchant", "add"),
        ("merchant", "set"), ("site", "add"), ("site", "set"), ("sku", "set"), ("sku", "alias"), ("method", "add"),
        ("connect", "carrier"), ("user", "add"), ("link",), ("jobs", "replay"), ("setup", "operation"),
        ("setup", "load"), ("rate-cards", "import"), ("rates",), ("loads", "list"), ("loads", "put"),
        ("loads", "numbers"),
        ("sku", "customs"), ("orders", "customs"), ("do", "pick"),
        ("do", "record-payment"), ("do", "fix_address"),
    ],
)  # fmt: skip
def test_each_command_explains_itself_without_a_database(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = Cli(tmp_path / "none").run(*words, "--help")
    assert done.returncode == 0, done.stderr
    assert f"Usage: doorstep {' '.join(words)}" in done.stdout
    assert "--json" in done.stdout
    assert not (tmp_path / "none").exists()


def test_every_verb_of_the_journey_is_a_command(tmp_path: Path) -> None:
    from doorstep.spine.journey import ROWS

    told = Cli(tmp_path / "none").run("do", "--help").stdout
    assert [verb for verb in ROWS if f" {verb.replace('_', '-')} " not in told] == []


def test_the_commands_of_the_list_have_their_modules() -> None:
    folder = Path(__file__).parents[2] / "src/doorstep/doors/cli"
    assert [module for module, _ in COMMANDS.values() if not (folder / f"{module}.py").exists()] == []


# Taking in and looking


def test_the_same_file_again_changes_nothing(cli: Cli) -> None:
    again = cli.json("import", "orders", str(cli.home / "orders.csv"), "--merchant", "mugs", "--create")
    assert (again["taken"], again["changed"], again["unchanged"]) == (0, 0, 2)
    told = cli.says("import", "orders", str(cli.home / "orders.csv"), "--merchant", "mugs", "--dry-run")
    assert told.startswith("3 rows read; of the orders 0 would be taken, 0 changed, 2 unchanged, 0 refused.")


def test_a_merchant_that_is_not_there_is_made_with_create_alone(cli: Cli) -> None:
    file = str(cli.home / "orders.csv")
    assert cli.refused("import", "orders", file, "--merchant", "other").startswith("There is no merchant of this key.")
    rehearsed = cli.json("import", "orders", file, "--merchant", "other", "--create", "--dry-run")
    assert rehearsed["taken"] == 2
    assert "other" not in cli.says("merchant", "list")
    assert cli.json("import", "orders", file, "--merchant", "other", "--create", "--currency", "EUR")["taken"] == 2
    report = cli.json("report", "sales", "--merchant", "other")
    assert (report["currency"], report["orders"]) == ("EUR", 0)
    assert report["by_currency"]["USD"]["gross_minor"] == 4100


def test_what_was_sold_is_told_to_the_cent(cli: Cli) -> None:
    assert cli.json("report", "sales", "--merchant", "mugs") == {
        "currency": "USD", "orders": 2, "lines": 3, "gross_minor": 4100, "credits_minor": -800, "credits_linked": 1,
        "adjustments_minor": 0, "net_minor": 3300,
    }  # fmt: skip
    assert "$41.00" in cli.says("report", "sales", "--merchant", "mugs")


def test_orders_are_listed_filtered_and_paged(cli: Cli) -> None:
    page = cli.json("orders", "list", "--merchant", "mugs", "--limit", "1")
    assert [order["number"] for order in page["orders"]] == ["#1002"]
    following = cli.json("orders", "list", "--merchant", "mugs", "--limit", "1", "--cursor", page["next"])
    assert [order["number"] for order in following["orders"]] == ["#1001"]
    assert following["next"] is None
    found = cli.json("orders", "list", "--merchant", "mugs", "--stage", "canceled")
    assert [order["number"] for order in found["orders"]] == ["#1002"]
    assert "#1001" in cli.says("orders", "list", "--merchant", "mugs", "--sku", "MUG", "--placed-from", "2026-03-02")
    assert cli.says("orders", "list", "--merchant", "mugs", "--country", "FR").strip() == "No orders."


def test_an_order_is_shown_whole_by_its_number_and_says_why_it_waits(cli: Cli) -> None:
    told = cli.says("orders", "show", "#1001", "--merchant", "mugs")
    assert "12 Grafton Street" in told
    assert "2 wanted" in told
    whole = cli.json("orders", "show", "#1001", "--merchant", "mugs")
    assert next(event["verb"] for event in whole["timeline"]) == "place"
    assert cli.json("orders", "show", whole["id"], "--merchant", "mugs")["number"] == "#1001"
    why = cli.json("orders", "why", "#1001", "--merchant", "mugs")
    assert why["order"] == whole["id"]
    missing = cli.refused("orders", "show", "#9999", "--merchant", "mugs")
    assert missing.startswith("There is no such thing here. (order #9999)")
    assert missing.splitlines()[1] == "Try: doorstep orders list"


def test_a_value_that_is_none_of_the_list_was_asked_wrongly(cli: Cli) -> None:
    assert "nonsense" in cli.refused("orders", "list", "--merchant", "mugs", "--stage", "nonsense", code=2)
    assert "no time" in cli.refused("orders", "list", "--merchant", "mugs", "--placed-from", "soon", code=2)


def test_the_books_are_audited(cli: Cli) -> None:
    told = cli.json("audit")
    assert told["ok"] is True
    assert {law["broken"] for law in told["laws"]} == {0}
    assert cli.says("audit", "--merchant", "mugs").startswith("The books hold")


def test_what_came_in_since_the_last_seal_is_audited(cli: Cli) -> None:
    # Whatever else runs on this server may hold the seal back for a moment.
    deadline = time.monotonic() + 120
    while (told := cli.json("audit", "--since-seal"))["sealed"]["merchants_behind"]:
        assert told["ok"] is True and told["broken"] == []
        assert time.monotonic() < deadline, told
        time.sleep(0.2)
    assert told["ok"] is True and told["broken"] == []
    assert cli.says("audit", "--since-seal").startswith("Since the last seal: 0 events")
    assert cli.json("status")["sealed"]["seconds_behind"] == 0
    assert "0 s behind" in cli.says("status")


# Reports


def test_a_report_is_narrowed_and_split(cli: Cli) -> None:
    words = ("report", "sales", "--merchant", "mugs", "--from", "2026-03-02", "--to", "2026-03-03")
    told = cli.json(*words, "--country", "IE", "--by", "day")
    assert (told["orders"], told["gross_minor"]) == (1, 3300)
    assert [(row["key"], row["net_minor"]) for row in told["rows"]] == [("2026-03-02", 3300)]
    assert cli.json(*words, "--timezone", "Pacific/Kiritimati")["orders"] == 0  # there it was the 3rd already
    assert cli.json(*words, "--sku", "CUP", "--channel", "file")["lines"] == 2
    table = cli.says(*words, "--by", "sku")
    assert [line.split()[0] for line in table.splitlines()] == ["sku", "CUP", "MUG", "all"]
    assert "IANA" in cli.refused(*words, "--timezone", "Mars", code=2)
    assert "later day" in cli.refused(
        "report", "sales", "--merchant", "mugs", *words[4:6], "--to", "2026-03-02", code=2
    )
    assert "Invalid" in cli.refused("report", "delivery", "--merchant", "mugs", "--from", "soon", code=2)


def test_delivery_is_four_numbers_and_rows_when_they_are_asked_for(cli: Cli) -> None:
    told = cli.json("report", "delivery", "--merchant", "mugs")
    assert told == {"orders": 2, "delivered": 0, "late": 0, "parcels": 0}
    assert cli.json("report", "delivery", "--merchant", "mugs", "--by", "country")["rows"] == [
        {"key": "IE", "orders": 1, "delivered": 0, "late": 0, "parcels": 0},
        {"key": "US", "orders": 1, "delivered": 0, "late": 0, "parcels": 0},
    ]


@pytest.fixture(scope="module")
def _three_of_a_formula(cli: Cli) -> None:
    """Goods on a shelf whose code a spreadsheet would reckon with."""
    cli.says("sku", "set", "=1+1", "--merchant", "mugs")
    goods = ("--sku", "=1+1", "--site", "EWR", "--quantity", "3", "--bin", "Z-1")
    cli.says("do", "adjust", "--merchant", "mugs", *goods, "--reason", "opening")


@pytest.mark.usefixtures("_three_of_a_formula")
def test_a_report_is_written_as_csv_that_no_spreadsheet_runs(cli: Cli) -> None:
    file = cli.home / "sales.csv"
    cli.says("report", "sales", "--merchant", "mugs", "--by", "month", "--csv", str(file))
    assert file.read_bytes().startswith(b"\xef\xbb\xbfmonth,currency,orders,")
    whole = cli.says("report", "sales", "--merchant", "mugs", "--csv", "-").splitlines()
    assert whole[0] == "currency,orders,lines,gross_minor,credits_minor,credits_linked,adjustments_minor,net_minor"
    assert whole[1] == "USD,2,3,4100,-800,1,0,3300"  # a number below zero is a number
    assert "'=1+1,EWR,3,0,0,0,0,3" in cli.says("report", "stock", "--merchant", "mugs", "--csv", "-")
    assert "--csv" in cli.refused("report", "sales", "--merchant", "mugs", "--csv", "/no/such/folder/x.csv", code=2)


def test_a_report_is_drawn_in_plain_characters_where_there_is_no_terminal(cli: Cli) -> None:
    drawn = cli.says("report", "sales", "--merchant", "mugs", "--by", "country", "--chart")
    assert [line.split()[:3] for line in drawn.splitlines()] == [["IE", "USD", "$33.00"], ["US", "USD", "$0.00"]]
    assert drawn.splitlines()[0].endswith("#" * 50)
    assert "2026-03 USD" in cli.says("report", "sales", "--merchant", "mugs", "--chart")
    assert cli.says("report", "credits", "--merchant", "mugs", "--sku", "NONE", "--by", "day").strip() == "Nothing."


@pytest.mark.usefixtures("_three_of_a_formula")
def test_stock_of_a_day_is_what_stood_when_it_was_over(cli: Cli) -> None:
    words = ("report", "stock", "--merchant", "mugs", "--sku", "=1+1")
    assert cli.json(*words, "--at", "2026-03-02", "--timezone", "America/New_York") == {
        "at": "2026-03-03T04:59:59.999999Z", "stock": [],
    }  # fmt: skip
    assert cli.json(*words, "--at", "2026-03-02T12:00", "--timezone", "Europe/Warsaw")["at"].endswith("12:00:00+01:00")
    (row,) = cli.json(*words)["stock"]
    assert (row["site"], row["free"], row["total"]) == ("EWR", 3, 3)
    assert "no time" in cli.refused(*words, "--at", "soon", code=2)


def test_the_time_in_each_stage_is_a_row_for_each_pair_of_steps(cli: Cli) -> None:
    told = cli.json("report", "stages", "--merchant", "mugs")
    assert list(told) == ["steps"]
    assert told["steps"][0] == {
        "from": "placed",
        "to": "released",
        "orders": 0,
        "median_hours": None,
        "p90_hours": None,
    }
    assert len(told["steps"]) == 9
    paid = next(step for step in told["steps"] if (step["from"], step["to"]) == ("placed", "paid"))
    assert (paid["orders"], paid["median_hours"]) == (2, 0.0)
    assert "median h" in cli.says("report", "stages", "--merchant", "mugs", "--by", "month")


# Exceptions


def test_exceptions_are_counted_listed_and_resolved_once(cli: Cli, stall: str) -> None:
    assert cli.json("exceptions", "summary", "--merchant", stall) == {}
    assert cli.says("exceptions", "list", "--merchant", stall).strip() == "No exceptions."
    for reason in ("first", "second"):
        cli.says("do", "hold", "#1001", "--merchant", stall, "--type", "fraud", "--reason", reason)
    assert cli.json("exceptions", "summary", "--merchant", stall) == {"hold:fraud": 2}
    assert "somebody should look at it" in cli.says("exceptions", "summary", "--merchant", stall)
    page = cli.json("exceptions", "list", "--merchant", stall, "--kind", "hold:fraud", "--limit", "1")
    (row,) = page["exceptions"]
    assert (row["kind"], row["number"], row["reason"]) == ("hold:fraud", "#1001", "second")
    assert cli.json("exceptions", "list", "--merchant", stall, "--cursor", page["next"])["next"] is None
    assert cli.json("exceptions", "list", "--merchant", stall, "--order", "#1002")["exceptions"] == []
    assert "#1001" in cli.says("exceptions", "list", "--merchant", stall, "--order", "#1001")
    words = ("exceptions", "resolve", "--merchant", stall)
    done = cli.json(*words, row["id"], "--note", "looked")
    assert done == {"resolved": 1, "before": [], "refused": []}
    again = cli.says(*words, row["id"])
    assert again.startswith(f"0 resolved.\n{row['id']} was, since 20") and "by cli" in again
    assert cli.refused(*words, "att_999999999").startswith("There is no such thing here.")
    cli.says("merchant", "add", "neighbors", "--currency", "USD", "--country", "US")
    assert cli.refused(*words, "--merchant", "neighbors", row["id"]).startswith("There is no such thing here.")
    assert cli.says(*words, "--kind", "hold:fraud", "--all").strip() == "1 resolved."


def test_many_exceptions_are_resolved_at_once_when_that_is_said(cli: Cli, stall: str) -> None:
    for reason in ("third", "fourth"):
        cli.says("do", "hold", "#1001", "--merchant", stall, "--type", "fraud", "--reason", reason)
    words = ("exceptions", "resolve", "--merchant", stall, "--kind", "hold:fraud")
    assert "2 are open" in cli.refused(*words, code=2)
    assert cli.says(*words, "--all").strip() == "2 resolved."
    assert cli.json("exceptions", "summary", "--merchant", stall) == {}
    assert "a --kind" in cli.refused("exceptions", "resolve", "--merchant", stall, code=2)
    assert "resolved" in cli.says("exceptions", "list", "--merchant", stall, "--resolved")


# Doing


def test_a_verb_is_done_once_under_a_key_and_previewed_without_a_trace(cli: Cli, stall: str) -> None:
    words = ("do", "record-payment", "#1001", "--merchant", stall, "--amount-minor", "100")
    preview = cli.json(*words, "--preview")
    assert preview["cash"] == [{"from": "world", "to": "earned", "amount_minor": 100}]
    first = cli.json(*words, "--key", "till-7")
    assert cli.json(*words, "--key", "till-7") == first
    cash = cli.json("orders", "show", "#1001", "--merchant", stall)["cash"]
    assert cash["earned"] == 3900
    other = cli.refused(*words[:-1], "200", "--key", "till-7")
    assert other.startswith("This idempotency key was used before")


def test_nested_fields_and_whole_bodies_are_json(cli: Cli) -> None:
    body = {"order": "#1001", "lines": [{"line": 2, "quantity": 1}], "refund": False}
    file = cli.home / "cancel.json"
    file.write_text(json.dumps(body))
    assert cli.json("do", "cancel", "--merchant", "mugs", "--body", f"@{file}", "--preview")["demand"] == [
        {"line": 2, "from": "wanted", "to": "canceled", "quantity": 1}
    ]
    lines = '[{"line": 1, "quantity": 1}]'
    previewed = cli.json("do", "cancel", "#1001", "--merchant", "mugs", "--lines", lines, "--no-refund", "--preview")
    assert previewed["demand"] == [{"line": 1, "from": "wanted", "to": "canceled", "quantity": 1}]


def test_a_field_that_is_wrong_is_named(cli: Cli) -> None:
    assert "type must be one of" in cli.refused("do", "hold", "#1001", "--merchant", "mugs", "--type", "x", code=2)
    assert "--amount-minor" in cli.refused("do", "record-payment", "#1001", "--amount-minor", "much", code=2)
    assert "no JSON" in cli.refused("do", "cancel", "--body", "{", code=2)
    done = cli.run("do", "record-payment", "#1001", "--merchant", "mugs", "--amount-minor", "-5", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["fields"] == [{"pointer": "/amount_minor", "detail": "must be at least 1"}]


def test_what_json_a_field_takes_is_told_by_its_help_and_where_it_is_none(cli: Cli) -> None:
    lines = ("do", "receive", "EWR", "--merchant", "mugs", "--lines")
    shape = '[{"sku": …, "quantity": …}]'
    assert f"{shape}, or @FILE; may have damaged, bin, lot" in cli.says("do", "receive", "--help")
    assert "Happened(" not in cli.says("do", "place", "--help")
    assert f"no JSON; write {shape}" in cli.refused(*lines, "[{sku: MUG}]", code=2)
    assert "none.json: No such file or directory" in cli.refused(*lines, "@none.json", code=2)
    file = cli.home / "lines.json"
    file.write_text('[{"sku": "MUG", "quantity": 3}]')
    assert cli.json(*lines, f"@{file}", "--preview")["stock"][0]["quantity"] == 3


def test_an_order_that_is_given_as_the_whole_body_is_told_where_it_goes(cli: Cli) -> None:
    line = {"sku": "MUG", "quantity": 1, "unit_price": "12.50"}
    order = json.dumps({"external_id": "9", "currency": "USD", "lines": [line]})
    place = ("do", "place", "--merchant", "mugs", "--preview")
    assert "this is what --order takes" in cli.refused(*place, "--body", order, code=2)
    assert cli.json(*place, "--order", order)["demand"][0]["quantity"] == 1


def test_a_sku_in_other_letters_is_named(cli: Cli) -> None:
    told = cli.refused("do", "receive", "EWR", "--merchant", "mugs", "--lines", '[{"sku": "mug", "quantity": 1}]')
    assert told.startswith("There is no such thing here. (sku mug, alike MUG)")
    assert cli.says("sku", "set", "Mug", "--merchant", "mugs") == (
        "SKU Mug is there. MUG is another SKU: capital letters count.\n"
    )


def test_a_file_that_cannot_be_written_is_no_traceback(cli: Cli) -> None:
    file = cli.home / "columns.csv"
    file.write_text("Order,Date,Item,Qty,Price\n7,2026-03-02,MUG,1,12.50\n")
    told = cli.refused("import", "sniff", str(file), "--write", "/no/such/folder/m.toml")
    assert told.startswith("This file cannot be written. (file /no/such/folder/m.toml, reason No such file")
    with pytest.raises(NotWritten):
        write_file(cli.home, b"a folder")


def test_a_refusal_is_one_plain_sentence(cli: Cli) -> None:
    told = cli.refused("do", "confirm", "#1001", "--merchant", "mugs")
    assert told.startswith("This is no draft, or not any more.")
    assert len(told.splitlines()) == 1


# Setting up


def test_stock_and_products_come_in_from_files(cli: Cli) -> None:
    products = cli.home / "products.csv"
    products.write_text("Handle,Title,Variant SKU,Variant Grams,Variant Price\nlamp,A lamp,LAMP,900,39.00\n")
    assert cli.json("import", "products", str(products), "--merchant", "mugs")["taken"] == 1
    stock = cli.home / "stock.csv"
    stock.write_text("SKU,Site,Quantity\nLAMP,EWR,7\nGHOST,EWR,1\n")
    came = cli.json("import", "stock", str(stock), "--merchant", "mugs")
    assert (came["taken"], came["refused"]) == (1, 1)
    assert "GHOST" in Path(came["report"]).read_text("utf-8-sig")
    assert cli.json("import", "stock", str(stock), "--merchant", "mugs")["unchanged"] == 1


def test_a_file_of_columns_that_nobody_knows_is_led_to_its_orders_step_by_step(cli: Cli) -> None:
    file, mapping = cli.home / "own.csv", cli.home / "own.toml"
    file.write_text("Order,Date,SKU,Qty,Price\nK-1,2026-03-02,MUG,1,12.50\nK-2,2026-03-02,MUG,1,12.50\n")
    mine = ("--merchant", "mugs")
    told = cli.refused("import", "orders", str(file), *mine)
    assert told.splitlines()[-1] == f"Try: doorstep import sniff {file} --write mapping.toml"
    said = cli.says("import", "sniff", str(file), "--write", str(mapping)).splitlines()[-1]
    assert said.endswith(f"doorstep import orders {file} --mapping {mapping} --dry-run")
    assert cli.json("import", "orders", str(file), "--mapping", str(mapping), "--dry-run", *mine)["taken"] == 2
    mapping.write_text(mapping.read_text().replace("# channel = ", "channel = "))
    came = cli.says("import", "orders", str(file), "--mapping", str(mapping), "--dry-run", *mine).splitlines()
    assert came[0].endswith("2 refused.")
    assert came[1].startswith(f"  2 × This merchant has no such channel. (channel own) First: {file}, line 2")
    assert came[2].startswith("    Try: doorstep merchant channel KEY CHANNEL")
    stock = cli.home / "hands.csv"
    stock.write_text("Thing,Where,Pieces\nMUG,EWR,1\n")
    assert "columns called SKU, site and quantity" in cli.refused("import", "stock", str(stock), *mine)


def test_what_lifts_a_hold_is_told_as_a_command(cli: Cli, stall: str) -> None:
    cli.says("do", "hold", "#1001", "--merchant", stall, "--type", "fraud", "--reason", "odd")
    cli.says("do", "hold", "#1001", "--merchant", stall, "--type", "payment", "--reason", "a check")
    told = cli.says("orders", "why", "#1001", "--merchant", stall)
    assert "  Try: doorstep do record-payment '#1001' --amount-minor CENTS" in told
    (hold,) = re.findall(r"  Try: doorstep do lift (hld_[0-9]+)", told)
    cli.says("do", "lift", hold, "--merchant", stall)
    assert "do lift" not in cli.says("orders", "why", "#1001", "--merchant", stall)


def test_a_site_is_changed_field_by_field_and_its_address_has_no_strange_ones(cli: Cli) -> None:
    wrong = cli.refused("site", "add", "BAD", "--country", "US", "--address", '{"street": "1 Dock Road"}', code=2)
    assert "street is not a field here" in wrong and "line1" in wrong
    assert cli.says("site", "set", "EWR", "--cut-off", "16:30", "--address", '{"city": "Newark"}') == (
        "Changed: address, cut_off.\n"
    )
    (site,) = [site for site in cli.json("site", "list")["sites"] if site["code"] == "EWR"]
    assert (site["cut_off"], site["timezone"], site["name"]) == ("16:30:00", "America/New_York", "EWR")
    assert "doorstep site list" in cli.refused("site", "set", "NOPE", "--name", "x")
    assert "doorstep site set EWR" in cli.refused("site", "add", "EWR", "--country", "US")


def test_loads_are_opened_looked_at_and_told_of(cli: Cli, tmp_path: Path) -> None:
    mugs = ("--merchant", "mugs")
    bag = cli.json("loads", "open", "bag", "--country", "UA", *mugs)
    flight = ("loads", "open", "flight", "020-12345675", "--flight", "LH401", "--from", "EWR", "--to", "RZE", *mugs)
    assert cli.json(*flight)["number"] == "020-12345675"
    assert cli.refused(*flight).startswith("There is a load of that number.")
    assert cli.refused("loads", "open", "flight", "020-12345674", *mugs).startswith("This is not the number of an air")
    told = cli.says("loads", "list", "--open", *mugs)
    assert bag["number"] in told and "LH401 EWR-RZE" in told
    assert cli.json("loads", "tell", "020-12345675", "DEP", "--place", "EWR", *mugs)["state"] == "DEP"
    assert "DEP at EWR: flight 020-12345675 departed" in cli.says("loads", "show", "020-12345675", *mugs)
    assert cli.refused("loads", "close", bag["number"], *mugs).startswith("Nothing is in this load.")
    assert cli.refused("loads", "put", bag["number"], "nobody", *mugs).startswith("There is no such thing here.")
    file = tmp_path / "numbers.csv"
    file.write_text("item,number\nnobody,LM-1\n")
    done = cli.run("loads", "numbers", str(file), *mugs)
    assert done.returncode == 1 and "0 numbers kept." in done.stdout and "Not nobody" in done.stdout


def test_a_sku_is_set_field_by_field(cli: Cli) -> None:
    cli.says("sku", "set", "POT", "--merchant", "mugs", "--name", "A pot", "--weight-g", "1200", "--hs-code", "691200")
    cli.says("sku", "set", "POT", "--merchant", "mugs", "--origin", "PL", "--flag", "fragile")
    (pot,) = [sku for sku in cli.json("sku", "list", "--merchant", "mugs")["skus"] if sku["code"] == "POT"]
    known = {name: pot[name] for name in ("name", "weight_g", "hs_code", "origin", "flags")}
    assert known == {"name": "A pot", "weight_g": 1200, "hs_code": "691200", "origin": "PL", "flags": ["fragile"]}
    cli.says("sku", "alias", "file", "Blue pot", "POT", "--merchant", "mugs")


def test_lists_of_customs_rules_are_loaded_and_a_sku_is_looked_at_by_them(cli: Cli) -> None:
    cli.says("sku", "set", "BOWL", "--merchant", "mugs", "--name", "A bowl", "--weight-g", "400", "--hs-code", "691200",
             "--origin", "PT", "--customs-text", "Gift", "--value-minor", "20000")  # fmt: skip
    cli.says("sku", "set", "POT", "--merchant", "mugs", "--name", "A pot", "--weight-g", "1200", "--hs-code", "691200",
             "--origin", "PL")  # fmt: skip
    for kind in ("hs-codes", "duty-rates", "country-rules", "exchange-rates", "postcodes"):
        assert "a sample that proves nothing" in cli.says("setup", "load", kind, "--sample")
    assert {one["kind"] for one in cli.json("setup", "lists")["lists"]} >= {"hs-codes", "duty-rates", "postcodes"}
    told = cli.says("sku", "customs", "BOWL", "--to", "ua", "--merchant", "mugs")
    assert "BOWL to UA by post: not ready" in told and "'Gift' is too general" in told
    assert "duty-rates 2026-11-01 (sample)" in told
    of_no_worth = cli.says("sku", "customs", "POT", "--to", "DE", "--merchant", "mugs")
    assert "At the door: not known" in of_no_worth and "not known: what POT is worth" in of_no_worth
    assert "a fixed duty of 3 EUR per tariff heading on goods worth up to 150 EUR" in of_no_worth
    cli.says("sku", "set", "BOWL", "--merchant", "mugs", "--customs-text", "stoneware bowl")
    whole = cli.json("sku", "customs", "BOWL", "--to", "UA", "--mode", "courier", "--merchant", "mugs")
    assert (whole["ready"], whole["landed_cost"]["goods_minor"]) == (True, 20000)
    assert "line 1, MUG" in cli.says("orders", "customs", "#1001", "--merchant", "mugs")
    broken = cli.home / "hs.csv"
    broken.write_text("code\n69120\n")
    refused = cli.refused("setup", "load", "hs-codes", str(broken), "--as-of", "2026-01-01", "--source", "x")
    assert refused.startswith("This file is no list of that kind; nothing of it was loaded.")
    assert cli.run("setup", "load", "hs-codes").returncode == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("sku", "set", "POT", "--hs-code", "69"), "A customs tariff (HS) code is 6 to 12 digits."),
        (("sku", "set", "POT", "--eccn", "SECRET"), "An export control classification is EAR99"),
        (("sku", "customs", "POT", "--to", "XX"), "There is no country of that"),
        (("merchant", "set", "mugs", "--tax-numbers", '{"ioss": "IM1"}'), "This is not the number that it is said"),
        (("merchant", "set", "mugs", "--customs", '{"ddp": 1}'), "This does not say how a merchant trades"),
        (("sku", "set", "POT", "--weight-g", "-1"), "A weight or a length is a whole number"),
        (("sku", "set", "POT", "--origin", "XX"), "There is no country of that"),
        (("merchant", "add", "Bad Key", "--currency", "USD", "--country", "US"), "This cannot be a code here."),
        (("merchant", "add", "new", "--currency", "US$", "--country", "US"), "This is not an ISO 4217 currency"),
        (("merchant", "add", "new", "--currency", "USD", "--country", "USA"), "There is no country of that"),
        (("merchant", "add", "mugs", "--currency", "USD", "--country", "US"), "There is a merchant of this key"),
        (("site", "add", "EWR", "--country", "US"), "There is a site of this code already."),
        (("site", "add", "WRO", "--country", "PL", "--timezone", "Poland/Warsaw"), "There is no timezone"),
        (("method", "add", "Fast", "--days-min", "9", "--days-max", "2"), "Days in transit go from"),
        (("method", "add", "Fast", "--carrier", "pigeon"), "There is no account with this carrier"),
        (("connect", "carrier", "post", "--plugin", "pigeon"), "No plugin of that name is installed."),
        (("connect", "carrier", "post", "--plugin", "ratecard"), "These settings do not fit the plugin."),
        (("key", "create", "--scope", "all"), "A key can be limited to these areas only."),
        (("link",), "The web part does not run"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_refused_by_name(cli: Cli, words: tuple[str, ...], sentence: str) -> None:
    mine = ("--merchant", "mugs") if words[0] in ("sku", "method", "connect", "key") else ()
    assert cli.refused(*words, *mine).startswith(sentence)


def test_an_account_keeps_its_secret_sealed(cli: Cli, stall: str) -> None:
    settings = json.dumps({"base_url": "http://127.0.0.1:9", "api_key": "hush-hush"})
    words = ("connect", "payments", "till", "--plugin", "simpay", "--settings", settings, "--merchant", stall)
    assert cli.json(*words)["new"] is True
    assert cli.json(*words)["new"] is False
    (account,) = cli.json("connect", "list", "--merchant", stall)["connections"]
    assert (account["has_secret"], account["settings"]) == (True, {"base_url": "http://127.0.0.1:9"})


def test_a_key_is_shown_once_listed_and_ended(cli: Cli) -> None:
    made = cli.json("key", "create", "--merchant", "mugs", "--name", "shop", "--scope", "read")
    assert made["key"].startswith("ds_live_")
    (listed,) = [key for key in cli.json("key", "list", "--merchant", "mugs")["keys"] if key["id"] == made["id"]]
    assert "key" not in listed
    cli.says("key", "revoke", made["id"], "--merchant", "mugs")
    assert cli.refused("key", "revoke", made["id"], "--merchant", "mugs").startswith("There is no such thing here.")


def test_the_key_of_what_is_sealed_is_changed(cli: Cli, stall: str) -> None:
    cli.says("connect", "payments", "till", "--plugin", "simpay", "--merchant", stall, "--settings",
             '{"base_url": "http://127.0.0.1:9", "api_key": "hush-hush"}')  # fmt: skip
    (old, count), *others = cli.json("secrets", "list")["keys"].items()
    assert count > 0 and not others
    told = cli.says("secrets", "rotate")
    assert re.fullmatch(rf"The key is \w{{12}} now; {count} secrets were sealed anew. Older keys still open.\n", told)
    found = cli.json("secrets", "list")
    fresh = found["current"]
    assert found == {"current": fresh, "keys": {fresh: count, old: 0}, "gone": {}}
    assert re.search(rf"{fresh} +{count} +current\n{old} +0\n", cli.says("secrets", "list"))
    assert cli.refused("secrets", "forget", fresh).startswith("Secrets are sealed with this key: rotate first.")
    assert cli.json("secrets", "forget", old) == {"key": old, "forgotten": True}
    assert cli.refused("secrets", "forget", old).startswith("No key that was here before is called so.")
    assert len(cli.json("secrets", "new-key")["key"]) == 43
    assert list(cli.json("secrets", "list")["keys"]) == [fresh]


def test_people_are_added_listed_and_ended(cli: Cli) -> None:
    cli.says("user", "add", "ada@example.com", "--role", "merchant", "--merchant", "mugs")
    assert [user["merchant"] for user in cli.json("user", "list")["users"]] == ["mugs"]
    assert cli.refused("user", "add", "ada@example.com").startswith("Somebody signs in with that e-mail address")
    cli.says("user", "role", "ada@example.com", "floor")
    assert [user["role"] for user in cli.json("user", "list")["users"]] == ["floor"]
    with patch.object(sys, "stdin", StringIO("password1\n")):
        assert "would be guessed" in cli.refused("user", "password", "ada@example.com")
    with patch.object(sys, "stdin", StringIO("mugs walk on shelves\n")):
        assert "new password" in cli.says("user", "password", "ada@example.com")
    assert [user["has_password"] for user in cli.json("user", "list")["users"]] == [True]
    cli.says("user", "end", "ada@example.com")
    assert cli.json("user", "list")["users"] == []


def test_a_merchant_is_changed_field_by_field(cli: Cli) -> None:
    cli.says("merchant", "set", "mugs", "--ship", "complete", "--email", "hello@mugs.example")
    (mugs,) = [one for one in cli.json("merchant", "list")["merchants"] if one["key"] == "mugs"]
    assert (mugs["ship"], mugs["email"], mugs["name"]) == ("complete", "hello@mugs.example", "Mugs & Co")


def test_what_waits_is_listed_and_what_is_due_is_not_replayed(cli: Cli) -> None:
    page = cli.json("jobs", "list", "--state", "due", "--merchant", "mugs")
    assert "check" in {job["verb"] for job in page["jobs"]}
    done = cli.run("jobs", "replay", page["jobs"][0]["id"], "--merchant", "mugs", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"replayed": [], "missing": [page["jobs"][0]["id"]]}


def test_a_whole_operation_is_set_up_from_a_file_as_often_as_one_likes(cli: Cli) -> None:
    from doorstep.sample import OPERATOR

    for _ in range(2):
        assert cli.json("setup", str(OPERATOR))["merchants"] == ["gizmo-lane", "harbor-mugs", "tinker-pine"]
    assert {"EWR", "WRO"} <= {site["code"] for site in cli.json("site", "list")["sites"]}
    methods = cli.json("method", "list", "--merchant", "gizmo-lane")["shipping_methods"]
    assert {method["name"] for method in methods} >= {"Standard", "Express"}
    (cli.home / "broken.json").write_text('{"operator": 1}')
    assert cli.refused("setup", str(cli.home / "broken.json")).startswith("This file does not describe an operator")


def test_a_shell_sees_the_same(cli: Cli, stall: str) -> None:
    (cli.home / "more.csv").write_text(EXPORT.replace("#100", "#200"))
    came = _shell(cli, "import", "orders", str(cli.home / "more.csv"), "--merchant", stall, "--json")
    assert (came.returncode, json.loads(came.stdout)["taken"]) == (0, 2)
    listed = _shell(cli, "orders", "list", "--merchant", stall)
    assert (listed.returncode, "#2001" in listed.stdout) == (0, True)
    why = _shell(cli, "orders", "why", "#2001", "--merchant", stall)
    assert "Next: check (due)" in why.stdout
    done = _shell(cli, "do", "note", "#2001", "--merchant", stall, "--text", "ring twice")
    assert done.returncode == 0, done.stderr
    assert _shell(cli, "audit", "--json").returncode == 0
    refused = _shell(cli, "import", "orders", str(cli.home / "none.csv"), "--merchant", stall)
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (1, "", 1)
    assert _shell(cli, "orders", "list", "--limit", "0").returncode == 2


def _shell(cli: Cli, *words: str) -> subprocess.CompletedProcess[str]:
    return doorstep(cli.home, *words, **cli.surroundings)


def test_without_a_merchant_named_the_only_one_is_meant(own_urls: Urls, tmp_path: Path) -> None:
    cli = Cli(tmp_path, own_urls)
    for words in (("orders", "list"), ("site", "add", "EWR", "--country", "US")):
        sentence, step = cli.refused(*words).splitlines()
        assert sentence.startswith("There is no merchant yet")
        assert step == "Try: doorstep merchant add KEY --operator --currency USD --country US"
    cli.says("merchant", "add", "dock", "--operator", "--currency", "USD", "--country", "US")
    assert cli.says("orders", "list").strip() == "No orders."
    cli.says("merchant", "add", "mugs", "--currency", "USD", "--country", "US")
    assert cli.says("sku", "set", "MUG") == "SKU MUG is there.\n"
    assert cli.json("sku", "list", "--merchant", "mugs")["skus"][0]["code"] == "MUG"
    cli.says("merchant", "add", "cups", "--currency", "USD", "--country", "US")
    sentence, step = cli.refused("orders", "list").splitlines()
    assert sentence == "Say which merchant is meant: --merchant KEY. (merchants cups, mugs)"
    assert step == "Try: export DOORSTEP_MERCHANT=KEY, to say it once"
    assert cli.run("orders", "list", DOORSTEP_MERCHANT="cups").returncode == 0


def test_a_price_list_is_looked_at_and_kept_with_everything_wrong_told(cli: Cli) -> None:
    zones, prices, wrong = (cli.home / name for name in ("zones.csv", "prices.csv", "wrong.csv"))
    zones.write_text("Zone,Country\nhome,home\nEurope,DE\nEurope,Poland\n")
    prices.write_text("Weight (kg),home,Europe\n0.5,4.80,9.10\n1,5.60,11.00\ndays,3,6\n")
    wrong.write_text("Weight (kg),home,Mars\nheavy,4.80,1\n")
    asked = ("--card", "garden-post", "--merchant", "mugs")
    refused = cli.run("rate-cards", "import", str(zones), str(wrong), "--service", "std", *asked)
    assert refused.returncode == 1 and "Nothing is kept." in refused.stdout
    assert "wrong.csv: line 1, Mars: 'Mars': the card has no such zone" in refused.stdout
    assert "wrong.csv: line 2, Weight (kg): 'heavy': this is no weight" in refused.stdout
    both = (str(zones), str(prices), "--service", "std", *asked)
    looked = cli.json("rate-cards", "import", *both, "--preview")
    assert (looked["kept"], looked["prices"], looked["services"], looked["problems"]) == (False, 4, ["std"], [])
    assert cli.json("rate-cards", "list", "--merchant", "mugs") == {"rate_cards": []}
    assert "garden-post is kept." in cli.says("rate-cards", "import", *both)
    prices.write_text("Weight (kg),home,Europe\n0.5,5.10,9.90\n")
    cli.says("rate-cards", "import", str(prices), "--service", "std", "--begins", "2199-01-01", *asked)
    (card,) = cli.json("rate-cards", "list", "--merchant", "mugs")["rate_cards"]
    assert (card["code"], card["zones"], card["services"], card["begins"]) == ("garden-post", 2, "std", "2199-01-01")
    assert cli.run("rate-cards", "import", str(prices), "--begins", "soon", *asked).returncode == 2
    rules = '{"lanes": [{"say": "forbid", "which": ["garden-post"], "to": ["RU"]}]}'
    assert "shipping" in cli.says("merchant", "set", "mugs", "--shipping", rules)
    assert cli.run("merchant", "set", "mugs", "--shipping", '{"lanes": 5}').returncode == 1
    assert cli.run("rates", "par_1", "--merchant", "mugs").returncode == 1


@pytest.fixture(scope="module")
def _two_price_lists(cli: Cli) -> None:
    """A merchant of its own with goods and two carriers: one is dear and quick, one cheap and slow."""
    cli.says("merchant", "add", "lamps", "--currency", "USD", "--country", "US", "--name", "Lamps & Co")
    cli.says("sku", "set", "GLOW", "--merchant", "lamps", "--flag", "battery")
    for card, dear, days in (("quick", "25.00", 3), ("slow", "9.00", 6)):
        file = cli.home / f"{card}.csv"
        file.write_text(f"Weight (kg),home,world\n2,{dear},{dear}\ndays,{days},{days}\n")
        zones = cli.home / "two-zones.csv"
        zones.write_text("Zone,Country\nhome,home\nworld,*\n")
        cli.says(
            "rate-cards", "import", str(zones), str(file), "--service", "std", "--card", card, "--merchant", "lamps"
        )


@pytest.mark.usefixtures("_two_price_lists")
def test_shipping_rules_are_listed_in_their_order_and_tried_for_a_parcel(cli: Cli) -> None:
    of = ("--merchant", "lamps")
    assert cli.json("shipping-rules", "list", *of) == {}
    assert cli.says("shipping-rules", "list", *of) == "No rules: the cheapest carrier that keeps the promise.\n"
    tried = cli.json("shipping-rules", "try", "IE", "350", *of)
    assert tried["lanes"] == []
    assert [(one["carrier"], one["chosen"]) for one in tried["offers"]] == [("slow", True), ("quick", False)]

    rules = {
        "lanes": [
            {"say": "prefer", "which": ["quick"], "to": ["EU"]},
            {"say": "forbid", "which": ["slow/std", "other"], "origin": ["US 07"], "to": ["GB IV"], "off": True},
        ],
        "sure": 0.6,
    }
    (cli.home / "rules.json").write_text(json.dumps(rules))
    cli.says("merchant", "set", "lamps", "--shipping", f"@{cli.home / 'rules.json'}")
    assert cli.json("shipping-rules", "list", *of) == rules  # as `merchant set --shipping` takes them
    head, first, second = cli.says("shipping-rules", "list", *of).splitlines()
    assert head.split() == ["no.", "says", "carriers", "from", "to", "off"]
    assert first.split() == ["1", "prefer", "quick", "everywhere", "EU"]
    assert re.split(r"  +", second) == ["2", "forbid", "slow/std, other", "US 07", "GB IV", "off"]

    told = cli.says("shipping-rules", "try", "IE", "350", *of)
    assert told.startswith("Rules on this way: 1.\n")
    assert re.search(r"quick std +\$25.00 .*it would be chosen", told)
    assert re.search(r"slow std +\$9.00 .*another is preferred on this lane", told)
    told = cli.says("shipping-rules", "try", "US", "350", "--postcode", "07114", *of)
    assert told.startswith("No rule is about this way.\n")
    assert re.search(r"slow std +\$9.00 .*it would be chosen", told)


@pytest.mark.usefixtures("_two_price_lists")
def test_a_try_says_who_may_not_take_the_goods_and_what_was_asked_wrongly(cli: Cli) -> None:
    of = ("--merchant", "lamps")
    tried = cli.json("shipping-rules", "try", "IE", "350", "--sku", "GLOW", *of)
    assert {one["reason"] for one in tried["offers"]} == {"does not say that it takes battery"}
    assert not any(one["chosen"] for one in tried["offers"])
    assert "No offers." in cli.says("shipping-rules", "try", "IE", "5000", *of)  # heavier than any price
    assert cli.refused("shipping-rules", "try", "IE", "350", "--sku", "NONE", *of).startswith("There is no such thing")
    assert "NOWHERE" in cli.refused("shipping-rules", "try", "IE", "350", "--site", "NOWHERE", *of)
    assert "country" in cli.refused("shipping-rules", "try", "Ireland", "350", *of, code=2)
    assert cli.run("shipping-rules", "try", "IE", "0", *of).returncode == 2
    assert cli.json("orders", "list", *of)["orders"] == []  # nothing was bought, nothing made
