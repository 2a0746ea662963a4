"""preview: what would happen. The verb and its pure `then` chain run in a transaction that is rolled back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import asyncpg
import msgspec

from doorstep.kit.refusals import Refusal
from doorstep.spine.outcome import Ask, Cash, Demand, Insert, Outcome, Stock
from doorstep.spine.record import record
from doorstep.spine.statement import RowsMissing
from doorstep.spine.tenant import Db, Tx, tenant_tx
from doorstep.spine.verbs import ERRAND, VERBS
from doorstep.spine.walls import refusal_of

LONGEST_CHAIN = 50


class _RollBack(Exception):
    """Ends the preview's transaction without a trace."""


async def preview(db: Db, name: str, ask: Ask[Any]) -> dict[str, Any]:
    """The effect on demand, stock, cash, promise and holds, without ids and times; raises the verb's refusal."""
    effect = _Effect()
    try:
        async with tenant_tx(db, await VERBS[name].merchants(db, [ask])) as tx:
            await tx.run("set local statement_timeout = '5s'")
            await _play(tx, name, ask, effect)
            raise _RollBack
    except _RollBack:
        return effect.told()
    except (asyncpg.CheckViolationError, RowsMissing) as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from None


async def _play(tx: Tx, name: str, ask: Ask[Any], effect: _Effect) -> None:
    waiting: list[tuple[str, Ask[Any]]] = [(name, ask)]
    for step in range(LONGEST_CHAIN):
        if not waiting:
            return
        verb, next_ask = waiting.pop(0)
        (result,) = await VERBS[verb].run(tx, [replace(next_ask, key=None)])
        if isinstance(result, Refusal):
            if step == 0:
                raise result
            effect.refused.append({"verb": verb, "error": result.code, "sentence": result.sentence})
            continue
        await record(tx, [(next_ask, result)])
        for outcome in result.whole():
            effect.add(outcome)
        for merchant, job in ((outcome.merchant, job) for outcome in result.whole() for job in outcome.then):
            if job.verb in ERRAND:
                effect.asked_later.append(job.verb)
            else:
                body = msgspec.convert(job.body, VERBS[job.verb].body, strict=False)
                waiting.append((job.verb, Ask(merchant, body, ask.at)))


class _Effect:
    def __init__(self) -> None:
        self.verbs: list[str] = []
        self.demand: Counter[tuple[Any, ...]] = Counter()
        self.stock: Counter[tuple[Any, ...]] = Counter()
        self.cash: Counter[tuple[Any, ...]] = Counter()
        self.holds: list[dict[str, Any]] = []
        self.promise: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []
        self.asked_later: list[str] = []

    def add(self, outcome: Outcome) -> None:
        for event in outcome.events:
            self.verbs.append(event.verb)
            for move in event.moves:
                if isinstance(move, Demand):
                    self.demand[move.line_no, move.source, move.target] += move.quantity
                elif isinstance(move, Stock):
                    self.stock[move.sku, move.site, move.source, move.target] += move.quantity
                elif isinstance(move, Cash):
                    self.cash[move.source, move.target] += move.amount_minor
        for fact in outcome.facts:
            if isinstance(fact, Insert) and fact.table == "hold":
                self.holds.append({name: fact.values[name] for name in ("type", "line_no", "reason")})
            if isinstance(fact, Insert) and fact.table == "promise":
                dates = ("deliver_from", "deliver_by", "basis")
                self.promise.append({name: fact.values.get(name) for name in dates})

    def told(self) -> dict[str, Any]:
        return {
            "verbs": self.verbs,
            "demand": _listed(self.demand, ("line", "from", "to"), "quantity"),
            "stock": _listed(self.stock, ("sku_id", "site_id", "from", "to"), "quantity"),
            "cash": _listed(self.cash, ("from", "to"), "amount_minor"),
            "holds": self.holds,
            "promise": self.promise,
            "refused": self.refused,
            "asked_later": self.asked_later,
        }


def _listed(moves: Counter[tuple[Any, ...]], names: tuple[str, ...], amount: str) -> list[dict[str, Any]]:
    return [{**dict(zip(names, key, strict=True)), amount: total} for key, total in moves.items()]
