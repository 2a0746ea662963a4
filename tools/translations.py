"""translations: brings the catalogs in step with their sources: `python tools/translations.py`.

There are two: the console's, and the buyers' (their pages and letters).

Texts that came are added without a translation, those that went are taken out; what is missing is told. With --check
nothing is written, and a catalog that is not in step, or not complete, is an error.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from io import BytesIO
from itertools import product
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

import doorstep
from doorstep.doors.console.speaking import LANGUAGES, LOCALES, SOURCE
from doorstep.doors.console.words import called
from doorstep.journey.intake.files.problems import REASONS
from doorstep.journey.tracking.notices import LOCALES as OF_BUYERS
from doorstep.kit.refusals import every_refusal, sentence_of
from doorstep.spine import exceptions, playbooks
from doorstep.spine.exceptions import MEANS, NEXT_ACTION, RETRY, UNKNOWN
from doorstep.spine.holds import TYPES
from doorstep.spine.playbooks import STEPS

CONSOLE = LOCALES.parent
# Each catalog's folder, and the folders whose texts are in it. Refusals are told in the console.
CATALOGS = {
    LOCALES: (CONSOLE,),
    OF_BUYERS: (CONSOLE.parent / "buyer", OF_BUYERS.parent),
}
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
# What is shown in tables of words stands there without a call of its own.
TABLE = "Told"
# What a plugin says of itself is told in the console, also of those that come in packages of their own.
PLUGINS = ("CarrierPlugin", "PaymentsPlugin", "SmsPlugin")
# Refused to who sits at the machine, not on a page.
ON_THE_MACHINE = (
    "doorstep.doors.cli", "doorstep.doors.demo", "doorstep.doors.exports", "doorstep.doors.opening",
    "doorstep.doors.supervisor", "doorstep.kit.embedded", "doorstep.kit.home", "doorstep.kit.migrate",
    "doorstep.kit.secrets",
)  # fmt: skip

ROOT = Path(__file__).resolve().parent.parent
HEADS = {LOCALES: "The console", OF_BUYERS: "The buyers' pages and letters"}

Text = str | tuple[str, str]


def texts(locales: Path = LOCALES) -> dict[Text, list[str]]:
    """Every text of that catalog that is to be translated, and the files it is in."""
    found: dict[Text, list[str]] = {}
    told = [text for folder in CATALOGS[locales] for text in (*_in_templates(folder), *_in_code(folder))]
    in_tables = (*_in_exceptions(), *_in_refusals(), *_in_reports(), *_in_plugins()) if locales == LOCALES else ()
    for where, text in (*told, *in_tables):
        places = found.setdefault(text, [])
        if where not in places:
            places.append(where)
    # What is nothing but a value is the same everywhere.
    for text in ("", "%s"):
        found.pop(text, None)
    return found


def _in_templates(folder: Path) -> Iterator[tuple[str, Text]]:
    for file in sorted([*(folder / "templates").rglob("*.html"), *(folder / "templates").rglob("*.txt")]):
        for _line, text, _comments, _context in extract("jinja2.ext.babel_extract", file.open("rb"), KEYWORDS):
            yield _named(file, folder), text


def _in_code(folder: Path) -> Iterator[tuple[str, Text]]:
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute) and node.args:
                called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                for text in _texts_of(called, node.args):
                    yield _named(file, folder), text


def _texts_of(called: str, given: list[ast.expr]) -> Iterator[Text]:
    words = [each.value for each in given[:2] if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if called == TABLE:
        yield from _strings(given[0])
    elif called == "ngettext" and len(words) == 2:
        yield words[0], words[1]
    elif called in ("_", "N_", "gettext") and words:
        yield words[0]


def _strings(table: ast.expr) -> Iterator[str]:
    """The values of a table, and the words that a table is made of."""
    nodes = table.values if isinstance(table, ast.Dict) else [table]
    for node in nodes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                yield inner.value


def _in_exceptions() -> Iterator[tuple[str, Text]]:
    """Their names, what they mean, and what is to be done about them."""
    for kind, meaning in MEANS.items():
        yield exceptions.__name__, called(kind)
        yield exceptions.__name__, meaning
    for action in (*NEXT_ACTION.values(), *TYPES.values(), RETRY, UNKNOWN):
        yield exceptions.__name__, action
    for step in STEPS.values():
        yield playbooks.__name__, step.says


def _in_refusals() -> Iterator[tuple[str, Text]]:
    """Whatever may be refused is told on a page."""
    for module in pkgutil.walk_packages(doorstep.__path__, "doorstep."):
        if "__main__" not in module.name:
            importlib.import_module(module.name)
    for kind in every_refusal():
        if kind.__module__.startswith("doorstep.") and not kind.__module__.startswith(ON_THE_MACHINE):
            yield kind.__module__, sentence_of(kind)


def _in_reports() -> Iterator[tuple[str, Text]]:
    """What can be wrong with a row of a file is told beside it."""
    for meaning in REASONS.values():
        yield "doorstep.journey.intake.files.problems", meaning


def _in_plugins() -> Iterator[tuple[str, Text]]:
    homes = (ROOT / "src" / "doorstep" / "plug", *sorted((ROOT / "plugins").glob("*/src")))
    for file in (file for home in homes for file in sorted(home.rglob("*.py"))):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in PLUGINS:
                for told in (each.value for each in node.args if isinstance(each, ast.Constant)):
                    yield _named(file, ROOT), str(told)


def _named(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def in_step(language: str, locales: Path = LOCALES) -> Catalog:
    """The catalog with the texts of now, translated as far as it was."""
    file = locales / f"{language}.po"
    old = read_po(file.open("rb"), locale=language) if file.exists() else Catalog()
    new = Catalog(
        locale=language, project="doorstep", charset="utf-8", header_comment=f"# {HEADS[locales]} in this language."
    )
    for text, places in sorted(texts(locales).items(), key=lambda one: _key(one[0])):
        one = text if isinstance(text, str) else text[0]
        known = old.get(one)
        message = new.add(text, locations=[(place, 0) for place in places])
        assert isinstance(message, Message)
        if known and known.string and isinstance(known.id, str) == isinstance(text, str):
            message.string = known.string
    return new


def _key(text: Text) -> str:
    return text if isinstance(text, str) else text[0]


def written(catalog: Catalog) -> str:
    out = BytesIO()
    write_po(out, catalog, width=120, omit_header=False, include_lineno=False, sort_output=False)
    lines = out.getvalue().decode().splitlines()
    # Dates and tools would change with every run.
    changing = ("POT-Creation-Date", "PO-Revision-Date", "Generated-By", "Last-Translator", "Report-Msgid")
    return "\n".join(line for line in lines if not any(word in line for word in changing)) + "\n"


def missing(catalog: Catalog) -> list[str]:
    """Texts without a translation, or with one that lacks a value or a form."""
    return [_key(message.id) for message in catalog if message.id and not _complete(message, catalog)]


def _complete(message: Message, catalog: Catalog) -> bool:
    strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
    forms = catalog.num_plurals if isinstance(message.id, tuple | list) else 1
    return len(strings) == forms and all(strings) and not list(message.check(catalog))


def main(arguments: list[str]) -> int:
    wrong = []
    for language, locales in product([code for code in LANGUAGES if code != SOURCE], CATALOGS):
        catalog, file = in_step(language, locales), locales / f"{language}.po"
        wrong += [f"{file.relative_to(ROOT)}: no translation of {text!r}" for text in missing(catalog)]
        if "--check" not in arguments:
            file.write_text(written(catalog), "utf-8")
        elif not file.exists() or file.read_text("utf-8") != written(catalog):
            wrong.append(
                f"{file.relative_to(ROOT)} is not in step with the sources. To mend: python tools/translations.py"
            )
    print("\n".join(wrong) or "Every text is translated.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
