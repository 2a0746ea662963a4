"""doorstep_karrio: connectors of Karrio's SDK as carriers of doorstep."""

from doorstep_karrio.carrier import PLUGIN

__all__ = ["PLUGIN"]
