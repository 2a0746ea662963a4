"""notices: `notices rules`, `on`, `off`, `addresses`, `quiet`, `words`, `say`, `reset`, `preview`, `test`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import Merchant, builtins_of, merchant_meant, reading, table, with_db, writing

if TYPE_CHECKING:
    from doorstep.spine.tenant import Db, Tx

app = typer.Typer()

MEDIA = ("email", "sms", "office", "webhook")
RULES = {"kind": "fact", **{medium: medium for medium in MEDIA}, "says": "what it says"}
WORDS = {"kind": "fact", "language": "language", "own": "own words", "subject": "subject"}
Kind = Annotated[
    str, typer.Argument(metavar="FACT", help="received, shipped, delivered … as `notices rules` has them.")
]
Medium = Annotated[str, typer.Argument(metavar="MEDIUM", help="email, sms, office or webhook.")]
Language = Annotated[str, typer.Option("--language", metavar="LANGUAGE", help="en, uk …")]
Subject = Annotated[str, typer.Option("--subject")]
Headline = Annotated[str, typer.Option("--headline")]
Lead = Annotated[str, typer.Option("--lead", help="The sentence below the headline.")]
Sms = Annotated[str, typer.Option("--sms", help="The whole text message.")]


@app.callback()
def notices() -> None:
    """What is told of an order, to whom, by which medium, in which words, and when it is quiet."""


@app.command("rules")
def show_rules(merchant: Merchant = "", json: Json = False) -> None:
    """Which fact speaks by which medium; where to; when it is quiet."""

    async def work(tx: Tx, meant: int) -> Any:
        from doorstep.setup.notices.rules import notice_rules

        return await notice_rules(tx, meant)

    found = builtins_of(reading(merchant, work))
    rows: dict[str, dict[str, str]] = {}
    for rule in found["rules"]:
        row = rows.setdefault(rule["kind"], {"kind": rule["kind"], "says": rule["says"]})
        row[rule["medium"]] = "on" if rule["on"] else ""
    quiet = [f"{name} {hours['begins']}–{hours['ends']}" for name, hours in found["quiet"].items() if hours]
    told = [
        table(list(rows.values()), RULES), "", f"Office: {found['office'] or 'none'}",
        f"Your own program: {found['webhook'] or 'none'}", f"Quiet: {', '.join(quiet) or 'never'}",
    ]  # fmt: skip
    answer(found, "\n".join(told), json)


@app.command("on")
def on(kind: Kind, medium: Medium, merchant: Merchant = "", json: Json = False) -> None:
    """Have a fact speak by a medium."""
    _set(kind, medium, True, merchant, json)


@app.command("off")
def off(kind: Kind, medium: Medium, merchant: Merchant = "", json: Json = False) -> None:
    """Have it say nothing there."""
    _set(kind, medium, False, merchant, json)


def _set(kind: str, medium: str, on: bool, merchant: str, json: bool) -> None:
    async def write(tx: Tx, meant: int) -> None:
        from doorstep.setup.notices.rules import set_rule

        await set_rule(tx, meant, kind, medium, on)

    writing(merchant, write)
    answer({"kind": kind, "medium": medium, "on": on}, f"{kind} by {medium}: {'on' if on else 'off'}.", json)


@app.command("addresses")
def addresses(
    office: Annotated[str | None, typer.Option("--office", help="Your own e-mail address; '' for none.")] = None,
    webhook: Annotated[str | None, typer.Option("--webhook", help="Your own program's; '' for none.")] = None,
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """Where the office reads, and where your own program takes notices. The secret is shown this one time."""

    async def write(tx: Tx, meant: int) -> str:
        from doorstep.kit import clock
        from doorstep.setup.notices.rules import set_addresses

        return await set_addresses(tx, meant, clock.now(), office=office, url=webhook)

    secret = writing(merchant, write)
    answer({"secret": secret}, f"Kept. Signed with {secret}" if secret else "Kept.", json)


@app.command("quiet")
def quiet(
    medium: Medium,
    begins: Annotated[str, typer.Option("--from", metavar="HH:MM", help="Local to the buyer.")] = "",
    ends: Annotated[str, typer.Option("--to", metavar="HH:MM")] = "",
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """Say when a medium is quiet; without hours, never."""

    async def write(tx: Tx, meant: int) -> None:
        from doorstep.setup.notices.quiet import read_quiet
        from doorstep.setup.notices.rules import set_quiet

        await set_quiet(tx, meant, {medium: read_quiet(begins, ends)})

    writing(merchant, write)
    told = f"{medium} is quiet from {begins} to {ends}." if begins or ends else f"{medium} is never quiet."
    answer({"medium": medium, "begins": begins or None, "ends": ends or None}, told, json)


@app.command("words")
def show_words(merchant: Merchant = "", json: Json = False) -> None:
    """Every notice as it is said now, in every language; with --json the names that are filled in too."""

    async def work(tx: Tx, meant: int) -> Any:
        from doorstep.doors.reads.notices import notice_words

        return await notice_words(tx, meant)

    found = builtins_of(reading(merchant, work))
    rows = [{**row, "own": "yes" if any(row["own"].values()) else ""} for row in found["notices"]]
    answer(found, table(rows, WORDS), json)


@app.command("say")
def say(
    kind: Kind, language: Language = "en", subject: Subject = "", headline: Headline = "", lead: Lead = "",
    sms: Sms = "", merchant: Merchant = "", json: Json = False,
) -> None:  # fmt: skip
    """Say it in your own words; names in braces are filled in: {order_number}. What is not given is as by default."""

    async def write(tx: Tx, meant: int) -> None:
        from doorstep.setup.notices.wording import OwnWords, keep_words

        await keep_words(tx, meant, kind, language, OwnWords(subject=subject, headline=headline, lead=lead, sms=sms))

    writing(merchant, write)
    answer({"kind": kind, "language": language}, f"{kind} is said in your own words ({language}).", json)


@app.command("reset")
def reset(kind: Kind, language: Language = "en", merchant: Merchant = "", json: Json = False) -> None:
    """Back to doorstep's own words."""

    async def write(tx: Tx, meant: int) -> bool:
        from doorstep.setup.notices.wording import reset_words

        return await reset_words(tx, meant, kind, language)

    there = writing(merchant, write)
    answer({"kind": kind, "language": language, "reset": there}, f"{kind} is said as by default ({language}).", json)


@app.command("preview")
def preview(
    kind: Kind, language: Language = "en", subject: Subject = "", headline: Headline = "", lead: Lead = "",
    sms: Sms = "", merchant: Merchant = "", json: Json = False,
) -> None:  # fmt: skip
    """A notice as its buyer would see it, with these words or with those that are kept. Nothing is kept or sent."""

    async def work(db: Db) -> Any:
        from doorstep.doors.reads import notices as reads
        from doorstep.kit import clock
        from doorstep.setup.notices.wording import NONE, OwnWords, check, own_words
        from doorstep.spine.tenant import tenant_tx

        meant = await merchant_meant(db, merchant)
        given = OwnWords(subject=subject, headline=headline, lead=lead, sms=sms)
        check(kind, language, given)
        async with tenant_tx(db, [meant], readonly=True) as tx:
            own = given if given != NONE else await own_words(tx, meant, kind, language)
            return await reads.preview(tx, meant, kind, language, own, clock.now())

    found = builtins_of(with_db(work))
    answer(found, f"{found['subject']}\n\n{found['text']}\n\nSMS: {found['sms']}", json)


@app.command("test")
def test(
    kind: Kind,
    to: Annotated[str, typer.Option("--to", help="An e-mail address, or a number with its country code.")],
    language: Language = "en",
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """Send a sample, of an order that is nobody's."""

    async def work(db: Db) -> str:
        from doorstep.doors.sample_notice import send_sample
        from doorstep.kit import clock

        return await send_sample(db, await merchant_meant(db, merchant), kind, language, to, clock.now())

    medium = with_db(work)
    answer({"kind": kind, "medium": medium, "to": to}, f"Sent by {medium} to {to}.", json)
