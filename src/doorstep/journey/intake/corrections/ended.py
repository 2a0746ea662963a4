"""ended: where units are that were credited on their way and are credited no more: with what their parcel came to.

What a credit lets go of is on the road again only as far as parcels on it hold it. The rest came with its parcel, was
lost with it, or is here again with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from doorstep.journey.intake.corrections.linking import Links, Sale
from doorstep.spine.roads import LineKey, Road

Ended = dict[tuple[int, int, str], int]  # units that are on the road no more: order, line, the stage they came to


def end(links: Links, every_sale: Mapping[LineKey, Sale], roads: Mapping[LineKey, Road]) -> Ended:
    """What these links let go of and no parcel holds on the road; taken off there, and added where it came to."""
    ended: Ended = {}
    for key in sorted({(ends.order_id, ends.order_line_no) for ends in links if ends.stage == "shipped"}):
        if key in roads and key in every_sale:
            left, road = every_sale[key].left, roads[key]
            beyond = max(0, left["shipped"] - road.on_its_way)
            lost = min(beyond, max(0, road.lost - left["lost"]))
            back = min(beyond - lost, road.came_back)
            road.came_back -= back
            left["shipped"] -= beyond
            for stage, units in (("delivered", beyond - lost - back), ("lost", lost), ("taken_back", back)):
                left[stage] = left.get(stage, 0) + units
                ended[*key, stage] = units
    return {reached: units for reached, units in ended.items() if units}
