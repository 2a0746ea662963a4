"""Gates: what keeps the house in its shape. Each says what is wrong, and how to mend it."""

from __future__ import annotations

import ast
import asyncio
import json
import re
from collections import defaultdict
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorstep.kit.embedded import Urls
from doorstep.kit.migrate import packaged
from doorstep.kit.refusals import Refusal, sentence_of
from doorstep.spine import journey, status
from doorstep.spine.record import FACTS, KEPT_HERE, KEYS
from tests.rules.sql_texts import SRC, Sql, constants, literals

ROOT = SRC.parents[1]
BOOKS = ("event", *KEYS)
WRITES = re.compile(r"\b(insert\s+into|update|delete\s+from|merge\s+into|truncate)\s+(only\s+)?(\w+)", re.I)
ONE_WRITER = "To mend: let the verb answer an Outcome with moves and facts; spine/record.py writes them."


# one writer


def writes_to_the_books(sql: Sql) -> list[str]:
    return [
        f"{sql.where}: writes {table[3]} with SQL of its own. {ONE_WRITER}"
        for table in WRITES.finditer(sql.text)
        if table[3] in BOOKS
    ]


def moves_as_facts(file: Path) -> list[str]:
    """Update("order_line", …, {"picked": …}): a stage set as if it were a fact."""
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Insert", "Update"):
            table = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
            keys = {
                key.value for given in node.args for key in getattr(given, "keys", []) if isinstance(key, ast.Constant)
            }
            kept = {"order_line": {"ordered", *journey.LINE}, **KEPT_HERE}
            stages = sorted(keys & kept.get(table, set()))
            if stages:
                where = file.relative_to(SRC) if file.is_relative_to(SRC) else file.name
                found.append(f"{where}:{node.lineno}: sets {', '.join(stages)} of {table}. {ONE_WRITER}")
    return found


def test_only_record_writes_moves_and_balances() -> None:
    elsewhere = [sql for sql in literals() if not sql.where.startswith("spine/record.py")]
    broken = [line for sql in elsewhere for line in writes_to_the_books(sql)]
    broken += [line for file in sorted(SRC.rglob("*.py")) for line in moves_as_facts(file)]
    assert not broken, "\n".join(broken)
    assert not FACTS & set(BOOKS) - {"order_line", *KEPT_HERE}, f"balances are no facts: {FACTS & set(BOOKS)}"


def test_a_second_writer_is_named(tmp_path: Path) -> None:
    (tmp_path / "pick.py").write_text(
        '"""update order_now set picked = 1: a docstring is no statement."""\n'
        'TAKE = "update order_now set picked = picked + 1 where merchant_id = $1"\n'
        'HIDE = f"delete from event where {TAKE}"\n'
        'READ = "select picked from order_now where merchant_id = $1"\n'
        'fact = Update("order_line", {"line_no": 1}, {"picked": 2, "sku_id": 3})\n'
    )
    found = [line for sql in literals(tmp_path) for line in writes_to_the_books(sql)]
    found += moves_as_facts(tmp_path / "pick.py")
    assert found == [
        f"pick.py:2: writes order_now with SQL of its own. {ONE_WRITER}",
        f"pick.py:3: writes event with SQL of its own. {ONE_WRITER}",
        f"pick.py:5: sets picked of order_line. {ONE_WRITER}",
    ]


# the tenant in every statement

TABLE = re.compile(r"\b(?:from|join|into|update|using)\s+(?:only\s+)?(\w+)(?:\s+(?:as\s+)?(\w+))?", re.I)
NO_ALIAS = {
    "where", "set", "on", "join", "left", "right", "full", "inner", "cross", "using", "group", "order", "limit", "for",
    "values", "select", "union", "returning", "having", "window", "offset", "default",
}  # fmt: skip
NAME_IT = "To mend: begin its where, and each join, with merchant_id; the wall hides rows, the key finds them."


def without_merchant(sql: Sql, owned: frozenset[str]) -> list[str]:
    """Merchant-owned tables in it whose merchant_id it does not name."""
    found = []
    for table, alias in TABLE.findall(sql.text):
        if table not in owned:
            continue
        short = alias if alias and alias.lower() not in NO_ALIAS else ""
        names = "|".join(re.escape(name) + r"\." for name in (short, table) if name)
        said = re.search(rf"\b({names})merchant_id\b", sql.text) or re.search(r"(?<![.\w])merchant_id\b", sql.text)
        if not said:
            found.append(f"{sql.where}: reads or writes {table} and does not name its merchant_id. {NAME_IT}")
    return found


@pytest.fixture
async def app(urls: Urls) -> asyncpg.Connection[asyncpg.Record]:
    connection = await asyncpg.connect(urls.app)
    yield connection
    await connection.close()


async def owned_tables(connection: asyncpg.Connection[asyncpg.Record]) -> frozenset[str]:
    rows = await connection.fetch(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relrowsecurity"
    )
    return frozenset({"move", *(row[0] for row in rows)})


async def test_every_statement_over_merchants_tables_names_the_merchant(
    app: asyncpg.Connection[asyncpg.Record],
) -> None:
    owned = await owned_tables(app)
    assert len(owned) > 20
    seen = [*constants(), *(sql for sql in literals() if "{…}" not in sql.text)]
    broken = sorted({line for sql in seen for line in without_merchant(sql, owned)})
    assert not broken, "\n".join(broken)


def test_a_statement_without_the_merchant_is_named() -> None:
    owned = frozenset({"orders", "order_line"})

    def broken(text: str) -> list[str]:
        return without_merchant(Sql("here", text), owned)

    assert broken("select 1 from orders where order_id = $1") == [
        f"here: reads or writes orders and does not name its merchant_id. {NAME_IT}"
    ]
    assert broken("select 1 from orders o join order_line l on l.order_id = o.order_id where o.merchant_id = $1") == [
        f"here: reads or writes order_line and does not name its merchant_id. {NAME_IT}"
    ]
    assert not broken("select 1 from orders where merchant_id = $1 and order_id = $2")
    assert not broken("select 1 from site s")


# statements that the schema takes


# More than one statement cannot be prepared; each is run whole by the migrations' own tests.
SEVERAL_STATEMENTS = {"doorstep.kit.migrate.BASE_SQL"}


async def test_every_statement_is_one_that_the_schema_takes(app: asyncpg.Connection[asyncpg.Record]) -> None:
    broken, seen = [], 0
    for sql in constants():
        if sql.where in SEVERAL_STATEMENTS:
            continue
        seen += 1
        try:
            await app.prepare(sql.text)
        except asyncpg.PostgresError as error:
            broken.append(f"{sql.where}: {error}. To mend: {_mending(error)}.")
    assert seen > 30
    assert not broken, "\n".join(broken)


async def test_who_inserts_a_job_says_whom_it_is_to_call() -> None:
    inserts = [sql for sql in (*constants(), *literals()) if re.search(r"insert into job \(", sql.text)]
    assert len(inserts) >= 4
    for sql in inserts:
        assert "account_of(" in sql.text, f"{sql.where}: a job without its account is not found by who calls it"


def _mending(error: asyncpg.PostgresError) -> str:
    if isinstance(error, asyncpg.UndefinedColumnError | asyncpg.UndefinedTableError):
        return "name what the schema has, or add it in a new migration"
    if isinstance(error, asyncpg.PostgresSyntaxError):
        return "a constant that is only a part of a statement is written without its first word, or made by a function"
    return "run it by hand against a migrated database"


# statuses

_COUNTERS = st.fixed_dictionaries({name: st.sampled_from((0, 0, 0, 1, 2, 3)) for name in status.COUNTERS})


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(_COUNTERS, min_size=1, max_size=40))
def test_the_statuses_in_the_database_are_those_of_the_functions(urls: Urls, rows: list[dict[str, int]]) -> None:
    found = asyncio.run(_worked_out(urls, rows))
    for counters, found_there in zip(rows, found, strict=True):
        told = {name: status.status(axis, counters) for name, axis in status.AXES.items()}
        assert found_there == told, (
            f"{counters}: the database says {found_there}, spine/status.py says {told}. "
            "To mend: replace the functions of order_now, made from status.as_sql, in a new migration."
        )


async def _worked_out(urls: Urls, rows: list[dict[str, int]]) -> list[dict[str, str]]:
    connection = await asyncpg.connect(urls.owner)
    try:
        # Rows of no table: without the walls that make most of them impossible.
        counted = [{"order_id": n, **row} for n, row in enumerate(rows)]
        found = await connection.fetch(
            f"select {', '.join(f'n.{axis}' for axis in status.AXES)}"
            " from jsonb_populate_recordset(null::order_now, $1::jsonb) n order by n.order_id",
            json.dumps(counted),
        )
        return [dict(row) for row in found]
    finally:
        await connection.close()


@pytest.mark.parametrize("name", status.AXES)
def test_the_migrations_have_the_statuses_as_status_py_says_them(name: str) -> None:
    text = "\n".join(migration.sql for migration in packaged())
    axis = status.as_sql(status.AXES[name], "o.{}".format)
    wanted = f"function {name}(o order_now) returns text language sql immutable parallel safe return {axis};"
    assert wanted in text, (
        f"no migration has {name} as spine/status.py says it. To mend: write a migration that says it anew:\n"
        f"create or replace {wanted}"
    )


# the journey


def test_the_journey_names_only_what_it_has() -> None:
    verbs = [row.verb for row in journey.JOURNEY]
    assert len(verbs) == len(set(verbs)), "a verb has two rows"
    for row in journey.JOURNEY:
        unknown = set(row.then) - set(verbs) - set(journey.ERRANDS)
        assert not unknown, f"{row.verb} is followed by {unknown}: neither a row of JOURNEY nor one of ERRANDS"
        for kind, ways in (("demand", journey.LINE), ("stock", journey.STOCK), ("cash", journey.CASH)):
            accounts = set(re.split(r"[ |>]+", getattr(row, kind))) - {""}
            assert accounts <= {*ways, journey.WORLD}, f"{row.verb}: {accounts - {*ways}} is no account of {kind}"


def test_every_row_of_the_journey_is_bound_to_code() -> None:
    import doorstep.doors.stages  # noqa: F401
    from doorstep.spine.verbs import check_bound

    check_bound()


def test_every_refusal_says_its_sentence_and_has_a_code_of_its_own() -> None:
    import doorstep.doors.stages  # noqa: F401

    list(constants())  # loads every module
    by_code: dict[str, set[type[Refusal]]] = defaultdict(set)
    broken = []
    for kind in _subclasses(Refusal):
        if not kind.__module__.startswith("doorstep."):
            continue
        where = f"{kind.__module__}.{kind.__name__}"
        by_code[kind.__name__].add(kind)
        if "__doc__" not in vars(kind) or not kind.__doc__:
            broken.append(f"{where} has no docstring. To mend: write the sentence that people read.")
        elif not re.fullmatch(r"([A-Z0-9“]|doorstep ).*[.!?]", sentence_of(kind)):
            broken.append(f"{where}: {sentence_of(kind)!r}. To mend: make the first line of its docstring a sentence.")
    for code, kinds in by_code.items():
        if len(kinds) > 1:
            places = ", ".join(sorted(kind.__module__ for kind in kinds))
            broken.append(f"{code} is refused in {places}. To mend: one code is one refusal; rename, or share it.")
    assert by_code
    assert not broken, "\n".join(broken)


def _subclasses(kind: type[Refusal]) -> list[type[Refusal]]:
    return [found for child in kind.__subclasses__() for found in (child, *_subclasses(child))]


def test_the_readme_shows_the_journey_as_the_code_prints_it() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    missing = [line for line in journey.as_markdown().splitlines() if line not in readme]
    assert not missing, "To mend: put the output of journey.as_markdown() into README.md; missing:\n" + "\n".join(
        missing
    )


def test_the_glossary_has_every_verb() -> None:
    words = ROOT / "docs" / "words.md"
    assert words.exists(), "docs/words.md is missing: the glossary, one word per thing"
    text = words.read_text("utf-8")
    missing = [row.verb for row in journey.JOURNEY if f"`{row.verb}`" not in text]
    assert not missing, f"To mend: say in docs/words.md what these verbs are: {', '.join(missing)}"
