"""users: `user add`, `user role`, `user password`, `user end`, `user list`, and `link`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import table, with_db
from doorstep.kit.refusals import Refusal

if TYPE_CHECKING:
    from doorstep.spine.tenant import Db

app = typer.Typer()

COLUMNS = {"email": "e-mail", "name": "name", "role": "role", "merchant": "merchant", "seen_at": "last seen"}
Email = Annotated[str, typer.Argument(metavar="EMAIL")]
RoleName = Literal["owner", "operator", "floor", "merchant", "read_only"]
Role = Annotated[
    RoleName,
    typer.Option(
        "--role",
        help="owner: everything; operator: the sites and every merchant's orders; floor: picks and packs, on a phone; "
        "merchant: its own orders only; read_only: looks.",
    ),
]


class WebNotRunning(Refusal):
    """The web part does not run: start it with `doorstep up`."""


@app.callback()
def users() -> None:
    """People who sign in to the console."""


@app.command("add")
def add(
    email: Email,
    role: Role = "operator",
    name: Annotated[str, typer.Option("--name")] = "",
    merchant: Annotated[str, typer.Option("--merchant", metavar="KEY", help="Of the role merchant: whose.")] = "",
    json: Json = False,
) -> None:
    """Let somebody sign in; then `doorstep link EMAIL` lets them in."""
    if role == "merchant" and not merchant:
        raise typer.BadParameter("of the role merchant, say whose: --merchant KEY", param_hint="--role")

    async def work(db: Db) -> None:
        from doorstep.setup.merchants import merchant_of
        from doorstep.setup.people import add_person

        own = await merchant_of(db, merchant) if merchant else None
        await add_person(db, email, role, name=name, merchant=own)

    with_db(work)
    answer({"email": email, "role": role}, f"{email} may sign in: doorstep link {email}", json)


@app.command("role")
def role(
    email: Email,
    role: Annotated[RoleName, typer.Argument(metavar="ROLE", help="The new one.")],
    merchant: Annotated[str, typer.Option("--merchant", metavar="KEY", help="Of the role merchant: whose.")] = "",
    json: Json = False,
) -> None:
    """Give somebody another role; it counts from their next page on."""

    async def work(db: Db) -> None:
        from doorstep.setup.merchants import merchant_of
        from doorstep.setup.people import change_role

        await change_role(db, email, role, await merchant_of(db, merchant) if merchant else None)

    with_db(work)
    answer({"email": email, "role": role}, f"{email} has the role {role} now.", json)


@app.command("password")
def password(email: Email, json: Json = False) -> None:
    """Set somebody's password: typed twice, or the first line of what is piped in. They are signed out everywhere."""
    import sys

    if sys.stdin.isatty():
        new = typer.prompt("New password", hide_input=True, confirmation_prompt=True)
    else:
        new = sys.stdin.readline().rstrip("\n")

    async def work(db: Db) -> None:
        from doorstep.kit import clock
        from doorstep.setup.log import MACHINE
        from doorstep.setup.people import person_called, set_password

        await set_password(db, await person_called(db, email), new, clock.now(), MACHINE)

    with_db(work)
    answer({"email": email, "password": "set"}, f"{email} signs in with the new password.", json)


@app.command("end")
def end(email: Email, json: Json = False) -> None:
    """From now on they are nobody here, wherever they are signed in."""

    async def work(db: Db) -> None:
        from doorstep.setup.people import end_person

        await end_person(db, email)

    with_db(work)
    answer({"email": email, "ended": True}, f"{email} is signed out everywhere.", json)


@app.command("list")
def list_users(json: Json = False) -> None:
    """Everybody who may sign in."""

    async def work(db: Db) -> list[dict[str, Any]]:
        from doorstep.setup.people import everybody

        return await everybody(db)

    found = with_db(work)
    answer({"users": found}, table(found, COLUMNS) if found else "Nobody yet: doorstep user add", json)


@app.command("link")
def link(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Who; else the owner.")] = "",
    json: Json = False,
) -> None:
    """A link that lets them into the console: once, within the hour."""
    from doorstep.doors import supervisor
    from doorstep.kit import home as homes

    web = supervisor.state(homes.home(), "web") if homes.home().exists() else None
    if web is None or not web.running:
        raise WebNotRunning

    async def work(db: Db) -> str:
        from doorstep.setup.sessions import issue_link

        return await issue_link(db, email)

    address = f"{str(web.address).rstrip('/')}/in/{with_db(work)}"
    answer({"link": address}, address, json)
