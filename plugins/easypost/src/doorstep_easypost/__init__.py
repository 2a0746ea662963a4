"""doorstep_easypost: EasyPost as a carrier of doorstep, over its API v2."""

from doorstep_easypost.carrier import PLUGIN

__all__ = ["PLUGIN"]
