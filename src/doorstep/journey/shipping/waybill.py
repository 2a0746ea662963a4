"""waybill: the number of an air waybill: three digits of the airline, seven of its own, the remainder by seven."""

from __future__ import annotations

import re

from doorstep.kit.refusals import Refusal

_SHAPE = re.compile(r"(\d{3})[- ]?(\d{4}) ?(\d{4})", re.ASCII)


class NotAWaybill(Refusal):
    """This is not the number of an air waybill: three digits, then eight, of which the last checks the seven before."""

    status = 422


def waybill(written: str) -> str:
    """As it is written everywhere: 020-12345675. Refuses NotAWaybill."""
    match = _SHAPE.fullmatch(written.strip())
    if match is None:
        raise NotAWaybill(number=written[:40])
    prefix, serial = match[1], match[2] + match[3]
    if int(serial[:7]) % 7 != int(serial[7]):
        raise NotAWaybill(number=written[:40], check_digit=int(serial[:7]) % 7)
    return f"{prefix}-{serial}"
