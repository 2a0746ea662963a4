"""doing: `do VERB`: every verb of the journey table by its name; its options are the fields of its body."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorstep.doors.cli.answer import answer
from doorstep.doors.cli.session import commander, merchant_searched, order_meant, with_db
from doorstep.kit.refusals import Invalid, Refusal
from doorstep.spine.journey import JOURNEY, Row

if TYPE_CHECKING:
    from doorstep.spine.tenant import Db
    from doorstep.spine.verbs import Verb

# Options that every verb has; their names inside end in _, so that no field of a body is hidden by them.
OWN: dict[str, Any] = {
    "merchant_": Annotated[str, typer.Option("--merchant", metavar="KEY", envvar="DOORSTEP_MERCHANT",
        show_envvar=False, help="Whose it is; may be left out while there is one merchant only.")],
    "body_": Annotated[str, typer.Option("--body", metavar="JSON", help="The whole body: JSON, @FILE, or -.")],
    "preview_": Annotated[bool, typer.Option("--preview", help="Tell what would happen, and do nothing.")],
    "key_": Annotated[str, typer.Option("--key", help="The same key with the same body is done once.")],
    "json_": Annotated[bool, typer.Option("--json", help="Answer in JSON.")],
}  # fmt: skip


def build(asked: str) -> typer.Typer:
    """A command per row of the journey table; only of the one that is asked for the code is loaded."""
    app = typer.Typer(no_args_is_help=True)
    app.callback()(do)
    for row in JOURNEY:
        shown = row.verb.replace("_", "-")
        if asked in (row.verb, shown):
            verb = _loaded(row.verb)
            app.command(asked, help=_help(verb), no_args_is_help=_must_be_given(verb))(_function(verb))
        else:
            app.command(shown, help=_told(row))(_not_loaded)
    return app


def do() -> None:
    """Ask a verb of the journey. The options of each are the fields of its body; nested ones are JSON."""


def _not_loaded() -> None:
    """Stands in the list of verbs for one that was not asked for."""


def _told(row: Row) -> str:
    return f"{row.says[0].upper()}{row.says[1:]}."


def _asked(words: list[str]) -> str:
    after = words[words.index("do") + 1 :] if "do" in words else []
    return next((word for word in after if not word.startswith("-")), "")


def _loaded(name: str) -> Verb:
    import doorstep.doors.stages  # noqa: F401  (binds the verbs)
    from doorstep.spine.verbs import VERBS

    return VERBS[name]


def _must_be_given(verb: Verb) -> bool:
    import msgspec

    return any(field.required for field in msgspec.structs.fields(verb.body))


def _help(verb: Verb) -> str:
    row = verb.row
    ways = (("demand", row.demand), ("stock", row.stock), ("cash", row.cash))
    moves = "; ".join(f"{kind} {way.replace('|', ' or ')}" for kind, way in ways if way)
    told = [verb.says, f"Moves {moves}." if moves else "", "An open hold stops it." if row.held else ""]
    return " ".join(" ".join(part for part in told if part).split())


def _function(verb: Verb) -> Callable[..., None]:
    """A function with the verb's fields as its parameters: the frame reads its signature."""
    kinds = {**dict(_fields(verb)), **OWN}
    empty = {"preview_": False, "json_": False}
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=empty.get(name), annotation=kind)
        for name, kind in kinds.items()
    ]

    def ask(**given: Any) -> None:
        own = {name: given.pop(name) for name in OWN}
        said = {name: value for name, value in given.items() if value is not None}
        body = _body(verb, own["body_"], said)
        told = with_db(lambda db: _ask(db, verb, body, own))
        answer(told, _lines(told), own["json_"])

    ask.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    ask.__annotations__ = kinds
    return ask


def _fields(verb: Verb) -> Iterator[tuple[str, Any]]:
    import msgspec

    for place, field in enumerate(msgspec.structs.fields(verb.body)):
        if place == 0 and field.type is str and field.required:
            yield (
                field.name,
                Annotated[
                    str | None,
                    typer.Argument(
                        metavar=field.name.upper(), show_default=False, help="must be given, here or in --body"
                    ),
                ],
            )
        else:
            yield field.name, _option(field)


def _option(field: Any) -> Any:
    from msgspec import inspect as types

    kind = _bare(types.type_info(field.type))
    flag = f"--{field.name.replace('_', '-')}"
    about = "; ".join(filter(None, ("must be given" if field.required else _default(field), _shape_told(kind))))
    if isinstance(kind, types.BoolType):
        both = f"{flag}/--no-{field.name.replace('_', '-')}"
        return Annotated[bool | None, typer.Option(both, help=about, show_default=False)]
    return Annotated[str | None, typer.Option(flag, metavar=_metavar(kind), help=about, show_default=False)]


def _bare(kind: Any) -> Any:
    """Without its bounds and without `or nothing`."""
    from msgspec import inspect as types

    while isinstance(kind, types.Metadata):
        kind = kind.type
    if isinstance(kind, types.UnionType):
        others = [one for one in kind.types if not isinstance(one, types.NoneType)]
        return _bare(others[0]) if len(others) == 1 else kind
    return kind


# So many fields of an object are named, of those that may be left out.
MORE_SAID = 12
WORDS = {"IntType": "NUMBER", "DecimalType": "DECIMAL", "DateTimeType": "TIME", "DateType": "DAY", "StrType": "TEXT"}


def _metavar(kind: Any) -> str:
    from msgspec import inspect as types

    if isinstance(kind, types.LiteralType):
        return "|".join(str(value) for value in kind.values)
    return WORDS.get(type(kind).__name__, "JSON")


def _default(field: Any) -> str:
    """What is plain enough to be said in a word."""
    return f"else {field.default}" if field.default and isinstance(field.default, str | int | float) else ""


def _shape_told(kind: Any) -> str:
    """What JSON is meant, for a person: [{"sku": …, "quantity": …}], or @FILE; may have lot, bin."""
    if _metavar(kind) != "JSON" or not (shape := _shape(kind)):
        return ""
    more = [field.encode_name for field in _struct_of(kind) if not field.required]
    few = ", ".join(more[:MORE_SAID]) + (" …" if len(more) > MORE_SAID else "")
    return f"{shape}, or @FILE" + (f"; may have {few}" if few else "")


def _shape(kind: Any) -> str:
    from msgspec import inspect as types

    kind = _bare(kind)
    if isinstance(kind, types.ListType | types.VarTupleType | types.SetType):
        return f"[{_shape(kind.item_type) or '…'}]"
    if isinstance(kind, types.StructType):
        needed = ", ".join(
            f'"{field.encode_name}": {_shape(field.type) or "…"}' for field in kind.fields if field.required
        )
        return "{" + (needed or "…") + "}"
    return "{…}" if isinstance(kind, types.DictType) else ""


def _struct_of(kind: Any) -> tuple[Any, ...]:
    """The fields of the object, or of those in the list."""
    from msgspec import inspect as types

    kind = _bare(kind)
    if isinstance(kind, types.ListType | types.VarTupleType | types.SetType):
        return _struct_of(kind.item_type)
    return kind.fields if isinstance(kind, types.StructType) else ()


def _body(verb: Verb, whole: str | None, said: dict[str, Any]) -> dict[str, Any]:
    """The body as plain values: the whole of it first, single fields on top."""
    import json

    import msgspec
    from msgspec import inspect as types

    body: Any = {}
    if whole is not None:
        try:
            body = json.loads(_read(whole, "--body"))
        except ValueError as error:
            raise typer.BadParameter(f"--body is no JSON: {error}") from None
        if not isinstance(body, dict):
            raise typer.BadParameter("--body must be a JSON object")
    kinds = {field.name: _bare(types.type_info(field.type)) for field in msgspec.structs.fields(verb.body)}
    return {**body, **{name: _value(kinds[name], value, name) for name, value in said.items()}}


def _read(whole: str, flag: str) -> str:
    if whole == "-":
        return sys.stdin.read()
    if whole.startswith("@"):
        try:
            return Path(whole[1:]).read_text("utf-8")
        except OSError as error:
            raise typer.BadParameter(f"{whole[1:]}: {error.strerror or error}", param_hint=flag) from None
        except UnicodeDecodeError:
            raise typer.BadParameter(f"{whole[1:]} is no text in UTF-8", param_hint=flag) from None
    return whole


def _value(kind: Any, value: Any, name: str) -> Any:
    """Text as it is, everything else as JSON has it."""
    import json

    from msgspec import inspect as types

    is_text = isinstance(kind, types.LiteralType) or _metavar(kind) in ("TEXT", "DECIMAL", "TIME", "DAY")
    if not isinstance(value, str) or is_text:
        return value
    flag = f"--{name.replace('_', '-')}"
    try:
        return json.loads(_read(value, flag) if _metavar(kind) == "JSON" else value)
    except ValueError:
        like = f"; write {shape}" if (shape := _shape(kind)) else ""
        raise typer.BadParameter(f"{value[:60]!r} is no {_metavar(kind)}{like}", param_hint=flag) from None


async def _ask(db: Db, verb: Verb, given: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    from hashlib import blake2b

    import msgspec

    from doorstep.doors.http.shapes import faults
    from doorstep.kit import clock
    from doorstep.spine.outcome import Ask
    from doorstep.spine.preview import preview
    from doorstep.spine.runner import run_one
    from doorstep.spine.tenant import tenant_tx

    merchant = await merchant_searched(db, own["merchant_"])
    if isinstance(given.get("order"), str) and given["order"]:
        async with tenant_tx(db, [merchant], readonly=True) as tx:
            given["order"] = await order_meant(tx, merchant, given["order"])
    found = faults(verb.body, given)
    if found and own["json_"]:
        raise Invalid(fields=[{"pointer": fault.pointer, "detail": fault.detail} for fault in found])
    if found and (flag := _option_of(verb, given)):
        raise typer.BadParameter(f"this is what {flag} takes: give it by {flag}, or in the body under that name")
    if found:
        raise typer.BadParameter("; ".join(f"{fault.pointer.lstrip('/')} {fault.detail}" for fault in found))
    body = msgspec.convert(given, verb.body, strict=False)
    encoded = msgspec.json.encode(body)
    key = blake2b(b"cli\0" + own["key_"].encode(), digest_size=16).digest() if own["key_"] else None
    digest = blake2b(verb.name.encode() + b"\0" + encoded, digest_size=16).digest()
    ask = Ask(merchant, body, clock.now(), commander(), key, digest)
    try:
        return await preview(db, verb.name, ask) if own["preview_"] else await run_one(db, verb.name, ask)
    except Refusal as refusal:
        await _name_alike(db, merchant, refusal)
        raise


async def _name_alike(db: Db, merchant: int, refusal: Refusal) -> None:
    """A SKU that is not there may be there in other letters: mug, MUG."""
    from doorstep.setup.catalog import codes_alike
    from doorstep.spine.tenant import tenant_tx

    if refusal.code in ("NotFound", "UnknownSku", "SkuUnknown") and isinstance(refusal.why.get("sku"), str):
        async with tenant_tx(db, [merchant], readonly=True) as tx:
            refusal.why["alike"] = await codes_alike(tx, merchant, refusal.why["sku"])


def _option_of(verb: Verb, given: dict[str, Any]) -> str:
    """The one option that all strange fields of a body belong to: the order itself, where {"order": …} is meant."""
    import msgspec
    from msgspec import inspect as types

    fields = msgspec.structs.fields(verb.body)
    strange = set(given) - {field.encode_name for field in fields}
    for field in fields:
        kind = _bare(types.type_info(field.type))
        if strange and isinstance(kind, types.StructType) and strange <= {one.encode_name for one in kind.fields}:
            return f"--{field.name.replace('_', '-')}"
    return ""


def _lines(told: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {_plain(value)}" for name, value in told.items()) or "Done."


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    if isinstance(value, list):
        return "; ".join(_plain(one) for one in value) or "none"
    return str(value)


app = build(_asked(sys.argv))
