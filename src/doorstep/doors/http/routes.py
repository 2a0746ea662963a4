"""routes: all operations of the API: the verbs, then what can be read and set up."""

from __future__ import annotations

from importlib import import_module

from doorstep.doors.http import verbs
from doorstep.doors.http.operations import OPERATIONS, Operation

# Each registers its operations when it is imported.
MODULES = ("orders", "floor", "goods", "setting_up", "feed", "webhooks", "hooks", "work", "exceptions", "reports",
           "papers", "customs", "rates", "leaving", "notices", "loads")  # fmt: skip


def every_operation() -> list[Operation]:
    for module in MODULES:
        import_module(f"doorstep.doors.http.{module}")
    return [*verbs.operations(), *OPERATIONS]
