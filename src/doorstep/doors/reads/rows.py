"""rows: a database's row as it is told: the struct's fields from the columns of their names."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import Struct

S = TypeVar("S", bound=Struct)


def told(row: Any, kind: type[S], **otherwise: Any) -> S:
    """`otherwise`: what is told in another way than it is kept, such as an id."""
    same = {name: row[name] for name in kind.__struct_fields__ if name not in otherwise}
    return kind(**same, **otherwise)
