"""problems: what a check found wrong; each becomes one hold, on the order or on the line it is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """`why` names the fields and how to mend them; the same `why` is the same reason."""

    type: str
    reason: str
    why: dict[str, Any] = field(default_factory=dict)
    line_no: int | None = None

    @property
    def key(self) -> tuple[str, int | None]:
        return self.type, self.line_no


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field of an address, what is wrong with it and how to mend it."""

    field: str
    detail: str
    mend: str

    def told(self) -> dict[str, str]:
        return {"field": self.field, "detail": self.detail, "mend": self.mend}
