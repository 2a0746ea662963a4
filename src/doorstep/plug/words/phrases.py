"""phrases: what carriers' sentences say, whoever says them. Read from the top: the first that is found counts.

A sentence only makes a coarse code finer (see meaning.FINER), or stands in where there is no code at all.
"""

from __future__ import annotations

import re

from doorstep.plug.states import NEWS

_ROWS: tuple[tuple[str, str, str, str], ...] = (
    # pattern, state, reason, party at fault
    (r"pre-?shipment|label (has been )?(created|printed)|created a label|instruction data|electronic (notification|"
     r"information)|information (has been )?(sent|received|submitted)|shipment (info|confirmed|entered)|"
     r"order (created|processed|received|information)|booking|prenotif|preparing shipment|data received|"
     r"awaiting (item|package|parcel)|not (yet )?(been )?received|shipment created", "pre_transit", "", ""),
    (r"\bvoid(ed)?\b|label (was )?deleted|shipment (was )?cancel", "canceled", "", ""),
    (r"delivered,? (back )?(to|at) (the )?(original )?(sender|shipper)|returned to (the )?original sender",
     "returned_to_sender", "", ""),
    (r"(refus|reject|denied|declin|not (been )?(admitted|cleared)).{0,40}(customs|clearance|import)|"
     r"(customs|clearance|import).{0,40}(refus|reject|denied|declin)", "refused", "forbidden", "customs"),
    (r"refus|reject(ed)? by|declined by", "refused", "refused", "buyer"),
    (r"damage", "damaged", "damaged", "carrier"),
    (r"seiz|confiscat", "seized", "forbidden", "customs"),
    (r"destroy|disposed|disposal", "destroyed", "destroyed", "carrier"),
    (r"\blost\b|unable to locate|cannot be (located|found)|could not be (located|found)", "lost", "lost", "carrier"),
    (r"(export|outbound).{0,30}(customs|clearance)", "export_customs", "", ""),
    (r"(releas|clear(ed|ance complet)|complet|finish|out of).{0,40}(customs|clearance)|"
     r"(customs|clearance).{0,40}(complet|cleared|releas|finish)", "customs_released", "", ""),
    (r"(held|hold|stopped|retained).{0,40}(customs|clearance)|(customs|clearance).{0,40}(held|hold|delay|document|"
     r"paper|payment|information (is )?(missing|required|needed))|duties.{0,30}(due|unpaid|awaiting)",
     "customs_hold", "papers", "merchant"),
    (r"customs|clearance", "in_customs", "", ""),
    (r"return(ed|ing|s)? to (the )?(sender|shipper|origin|hub)|return(ed|ing)? .{0,20}(sender|shipper)|"
     r"to (the )?shipper|unclaimed|storage period ended|being returned", "returning", "", ""),
    (r"undeliverable as addressed|addressee unknown|no such (number|address)|moved,? left no|"
     r"(incorrect|insufficient|incomplete|wrong|invalid|bad|unknown) (delivery )?address|address (is |was )?"
     r"(incorrect|insufficient|incomplete|wrong|invalid|unknown|not found|correction)|"
     r"(street|house|suite|apartment|postal code|zip ?code).{0,30}(incorrect|missing|invalid|wrong)",
     "exception", "wrong_address", "merchant"),
    (r"not (at )?home|nobody|no ?one|absent|(customer|recipient|receiver|consignee).{0,30}(not |un)available|"
     r"business (was |is )?closed|odbiorcy nie by", "attempted", "absent", "buyer"),
    (r"(no|not|without|unable to) .{0,12}access|access code|no secure location|gate (was )?closed",
     "attempted", "no_access", "buyer"),
    (r"(attempt|notice|card) .{0,12}left|attempt|unable to deliver|could not be delivered|cannot be delivered|"
     r"undeliver|not (be )?delivered|unsuccessful|missed delivery|niepowodzeniem", "attempted", "", ""),
    (r"available for (pick ?up|collection)|ready for (pick ?up|collection|customer)|awaiting (collection|pick ?up)|"
     r"held at (the )?(post office|location|depot)|hold at location|(at|to) (a |the )?(parcel ?shop|service ?point|"
     r"access point|pick-?up point)|oczekuje na odbi", "available_for_pickup", "", ""),
    (r"out for delivery|with (the )?(delivery )?(courier|driver)|(loaded )?on(to)? (the )?(delivery )?"
     r"(vehicle|board) ?(for delivery)?|handed over to courier|en route to delivery", "out_for_delivery", "", ""),
    (r"weather|natural disaster", "delayed", "weather", "carrier"),
    (r"(reschedul|postpon|future delivery|hold).{0,40}(request|recipient|customer|receiver)",
     "delayed", "rescheduled", "buyer"),
    (r"missort|missent|mis-?ship|misrout|wrong (facility|depot)", "delayed", "missorted", "carrier"),
    (r"delay|reschedul|late\b|next business day|strike|mechanical", "delayed", "", "carrier"),
    (r"estimated|expected|scheduled|planned|notification|notified|signature recorded|advis|transmitted", NEWS, "", ""),
    (r"redirect|reroute|re-rout|forwarded|address (was |has been )?changed|delivery option|delivery change",
     "redirected", "readdressed", "buyer"),
    (r"\bdelivered\b|proof of delivery|left (at|with|in) (the )?(front|door|mail|neighbo|reception|locker)|"
     r"dor[ęe]czon", "delivered", "", ""),
    (r"\breturn", "returning", "", ""),
    (r"(depart|left|leav).{0,40}(country|origin country|outward|international|\b(uk|us|usa)\b)|vessel departure|"
     r"plane in flight|departed uk", "departed", "", ""),
    (r"(arriv|land|reach).{0,40}(destination country|country of destination|destination airport|inbound|import)|"
     r"vessel arrival|plane (has )?landed|in the destination country|inward", "arrived", "", ""),
    (r"picked up|pick-?up|collected|accept|in possession|possession of|drop(ped)?[ -]?off|origin scan|tender|"
     r"received (by|from (the )?(shipper|sender))|posted", "accepted", "", ""),
    (r"arriv|depart|process|sort|transit|en ?route|transfer|facility|hub\b|depot|shipped|dispatch|handed over|"
     r"linehaul|forward|gated out|unloaded|loaded|moving|scan", "in_transit", "", ""),
)  # fmt: skip

PHRASES: tuple[tuple[re.Pattern[str], str, str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), state, reason, party) for pattern, state, reason, party in _ROWS
)
