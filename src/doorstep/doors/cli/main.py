"""main: the command `doorstep`. A command lives in a module beside this one and is loaded when it is asked for.

To add one: write `doors/cli/<module>.py` with `app = typer.Typer()`, and a line in COMMANDS. If the module has a
command of that very name, it is that command (`doorstep audit`); else its commands come below the name
(`doorstep orders list`). Keep imports at the head of a module light: it is loaded for its `--help` too.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

import typer

from doorstep.kit.refusals import Refusal

# name: (module beside this one, what it does)
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("processes", "Start database, web and worker; prints the address."),
    "down": ("processes", "Stop what runs, the database last."),
    "status": ("processes", "What runs, and where."),
    "demo": ("demo", "Play three shops through two weeks, and leave the page open."),
    "migrate": ("database", "Bring the database's tables up to date."),
    "backup": ("database", "Write the whole database into one file."),
    "restore": ("database", "Replace the database by what a backup holds."),
    "audit": ("auditing", "Replay every move: do the books hold?"),
    "orders": ("orders", "List orders; show one; tell why it waits."),
    "do": ("doing", "Ask any verb of the journey: `doorstep do pick --help`."),
    "loads": ("loads", "Bags, pallets, flights, customs entries: open, fill, close, tell where they are."),
    "import": ("importing", "Take in a shop's files: orders, products, stock."),
    "report": ("reporting", "Sales, credits, delivery, time in each stage, stock: over any period."),
    "print": ("printing", "Write a label, a customs paper, a manifest into a file: PDF or ZPL."),
    "export": ("exporting", "Write orders, lines, moves, parcels, cash … as CSV or parquet."),
    "exceptions": ("exceptions", "What somebody must look at, and its end."),
    "jobs": ("jobs", "What waits, was refused or gave up; try it again."),
    "merchant": ("merchants", "Add, change and list merchants."),
    "site": ("sites", "Add and list the operator's sites."),
    "sku": ("skus", "List SKUs and set them; say what a channel calls one."),
    "method": ("methods", "What a channel's ways to ship mean here."),
    "connect": ("connecting", "Accounts with carriers, payment providers and gateways for text messages."),
    "rate-cards": ("rate_cards", "Carriers' price lists: import them from CSV or Excel, list them."),
    "rates": ("rates", "What all carriers offer for a packed parcel, and why which is chosen."),
    "shipping-rules": ("shipping_rules", "By which rules a label's carrier is chosen; try them for a parcel."),
    "notices": ("notices", "What is told of an order, to whom, by which medium, in which words, and when."),
    "key": ("keys", "Make, list and end keys for the API."),
    "secrets": ("sealed", "The key that seals passwords and accounts' secrets: change it, end an old one."),
    "user": ("users", "Add, end and list people who sign in."),
    "link": ("users", "A link that lets somebody into the console, once."),
    "setup": ("operators", "Set up an operation from a file; load lists of customs rules."),
}
PACKAGE = "doorstep.doors.cli"
# 0: done; 1: refused, or not in order; 2: asked wrongly; 130: interrupted.
REFUSED, INTERRUPTED = 1, 130


def main() -> None:
    """What the shell calls."""
    arguments = sys.argv[1:]
    try:
        build(_named(arguments))(args=arguments, prog_name="doorstep")
    except Refusal as refusal:
        _tell(refusal, as_json="--json" in arguments)
        sys.exit(REFUSED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has heard enough; what is left must not be flushed into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(REFUSED)


def build(wanted: str | None) -> typer.Typer:
    """All commands by name and one line each; only the wanted one is loaded."""
    app = typer.Typer(
        name="doorstep",
        help="Orders from the shop's checkout to the customer's doorstep, and from the order to cash.",
        no_args_is_help=True,
        invoke_without_command=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        callback=_whole,
    )
    for name, (module, line) in COMMANDS.items():
        if name == wanted:
            _load(app, name, module, line)
        else:
            app.command(name, help=line)(_not_loaded)
    return app


def _whole(
    version: bool = typer.Option(False, "--version", help="Print the version and end.", is_eager=True),
) -> None:
    if version:
        from importlib.metadata import version as version_of

        typer.echo(version_of("doorstep"))
        raise typer.Exit


def _not_loaded() -> None:
    """Stands in the list of commands for one that was not asked for."""


def _named(arguments: list[str]) -> str | None:
    return next((word for word in arguments if not word.startswith("-")), None)


def _load(app: typer.Typer, name: str, module: str, line: str) -> None:
    group: typer.Typer = importlib.import_module(f"{PACKAGE}.{module}").app
    own = [command for command in group.registered_commands if command.name == name]
    if own:
        app.registered_commands.extend(own)
    else:
        app.add_typer(group, name=name, help=line, no_args_is_help=True)


def _tell(refusal: Refusal, as_json: bool) -> None:
    """Plain sentences for a person, the code and the reasons for a program."""
    from doorstep.doors.cli.saying_no import lines

    if as_json:
        told: dict[str, Any] = {"error": {"code": refusal.code, "sentence": refusal.sentence, **refusal.why}}
        print(json.dumps(told, default=str, ensure_ascii=False))
    else:
        print("\n".join(lines(refusal)), file=sys.stderr)


if __name__ == "__main__":
    main()
