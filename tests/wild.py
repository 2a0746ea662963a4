"""wild: bodies that nobody in their right mind would send, of any type, often with ids of what is there."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import inspect

WORDS = ("", "x", "MUG", "é漢字🎈", "'; drop table orders; --", "x" * 130, "ord_1", "\u202e", " ", "-1", "null")
NUMBERS = (0, 1, 2, 3, 7, -1, 1_000_000, 1_000_001, 10**15, 2**53 - 1, 2**63)
PRICES = ("12.50", "0", "0.000001", "-1", "999999999", "1e3", "12.5000001")
WHEN = datetime(2026, 3, 2, 12, tzinfo=UTC)

Pools = Mapping[str, Sequence[Any]]


class Wild:
    """Makes bodies of any type; `pools` says which values a field of that name may well have."""

    def __init__(self, chance: random.Random, pools: Callable[[], Pools]) -> None:
        self.chance = chance
        self.pools = pools

    def body(self, kind: type) -> dict[str, Any]:
        made = self._value("", inspect.type_info(kind))
        assert isinstance(made, dict)
        return made

    def _value(self, name: str, kind: inspect.Type) -> Any:
        pool = self.pools().get(name)
        if pool and not isinstance(kind, inspect.StructType | inspect.ListType) and self.chance.random() < 0.9:
            return self.chance.choice(pool)
        match kind:
            case inspect.Metadata():
                return self._value(name, kind.type)
            case inspect.UnionType():
                return self._value(name, self.chance.choice(kind.types))
            case inspect.StructType():
                return self._struct(kind)
            case inspect.ListType() | inspect.VarTupleType():
                return [self._value(name, kind.item_type) for _ in range(self.chance.choice((0, 1, 1, 2, 3)))]
            case inspect.LiteralType():
                return self.chance.choice(kind.values)
            case inspect.IntType():
                return self._number(kind)
            case inspect.StrType():
                return self._word(kind)
            case inspect.DecimalType():
                return self.chance.choice(PRICES)
            case inspect.BoolType():
                return self.chance.random() < 0.5
            case inspect.DateTimeType():
                return (WHEN + timedelta(hours=self.chance.randint(-9000, 9000))).isoformat()
            case inspect.DateType():
                return "2026-03-02"
            case inspect.DictType():
                return {}
        return None

    def _struct(self, kind: inspect.StructType) -> dict[str, Any]:
        return {
            one.encode_name: self._value(one.encode_name, one.type)
            for one in kind.fields
            if one.required or self.chance.random() < 0.3
        }

    def _number(self, kind: inspect.IntType) -> int:
        near = (kind.ge or 0, (kind.ge or 0) + 1, kind.le or 2**53 - 1)
        return self.chance.choice((*NUMBERS, *near, self.chance.randint(0, 5000)))

    def _word(self, kind: inspect.StrType) -> str:
        if kind.pattern:
            return self.chance.choice(("USD", "EUR", "US", "IE", "PL", "XX"))
        return self.chance.choice(WORDS)
