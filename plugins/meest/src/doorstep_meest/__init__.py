"""doorstep_meest: Meest as a carrier of doorstep, over its Open API v3."""

from doorstep_meest.carrier import PLUGIN

__all__ = ["PLUGIN"]
