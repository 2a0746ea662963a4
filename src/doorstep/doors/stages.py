"""stages: the doors know all of them; importing this binds every verb and errand of the journey to its code."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import doorstep.journey as journey

STAGES = ("intake", "processing", "fulfillment", "shipping", "tracking", "changes", "cash", "inventory")

for stage in STAGES:
    package = import_module(f"{journey.__name__}.{stage}")
    for module in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
