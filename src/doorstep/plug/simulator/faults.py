"""faults: the bad days of the outside world, on demand and from a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Literal

from msgspec import Struct

Kind = Literal[
    "slow",  # waits, then acts and answers
    "late",  # acts, then waits, then answers
    "error_before",  # 500, nothing done
    "error_after",  # done, yet 500
    "drop_before",  # connection cut, nothing done
    "drop_after",  # done, connection cut
    "rate_limit",  # 429 with Retry-After, nothing done
    "garbage",  # done, answered with nonsense
    "huge",  # done, answered without end
    "redirect",  # 302 elsewhere, nothing done
    "repeated",  # the request comes twice, as a proxy may send it; the second answer is told
    "answered_twice",  # done once, and the answer stands twice in the connection
]


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: Kind
    path: str = "/"  # every path that begins so
    ends: str = ""  # and ends so
    probability: float = 1.0
    seconds: float = 5.0  # how long to wait; what Retry-After says
    times: int | None = None  # then never again


class FaultPlan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rules: tuple[Rule, ...] = ()
    seed: int = 1


class Faults:
    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.use(FaultPlan())

    def use(self, plan: FaultPlan) -> None:
        self._plan, self._random, self._used = plan, Random(plan.seed), Counter[int]()

    @property
    def rules(self) -> Sequence[Rule]:
        return self._plan.rules

    def pick(self, path: str) -> Rule | None:
        """The first rule that strikes this request, if any does."""
        for number, rule in enumerate(self._plan.rules):
            spent = rule.times is not None and self._used[number] >= rule.times
            if spent or not path.startswith(rule.path) or not path.endswith(rule.ends):
                continue
            if self._random.random() < rule.probability:
                self._used[number] += 1
                self.done[rule.kind] += 1
                return rule
        return None
