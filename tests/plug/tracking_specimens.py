"""What carriers answer about parcels, made up here in the shapes that they answer in."""

from __future__ import annotations

from typing import Any

SPECIMENS: dict[str, Any] = {
    "meest": {"status": "ok", "result": [
        {"parcelNumber": "MWL-100", "barCode": "CR100", "eventDateTime": "2026-03-02 09:00:00", "eventCode": 101,
         "eventCodeUPU": "EMA", "eventCountryDescr": {"descrEN": "UNITED STATES"},
         "eventCityDescr": {"descrEN": "Newark"}, "eventDescr": {"descrEN": "Accepted"}},
        {"parcelNumber": "MWL-100", "barCode": "CR100", "eventDateTime": "2026-03-09 15:10:00", "eventCode": 1625,
         "eventCodeUPU": "EMH", "eventCountryDescr": {"descrEN": "UKRAINE"}, "eventCityDescr": {"descrEN": "Lviv"},
         "eventDescr": {"descrEN": "Receiver unavailable"}, "eventDetailDescr": {"descrEN": ""}},
    ]},
    "easypost": {"result": {"object": "Tracker", "tracking_code": "EZ1", "carrier": "USPS", "signed_by": "A BYRNE",
        "status": "delivered", "tracking_details": [
            {"object": "TrackingDetail", "message": "Held by customs: documents missing", "status": "in_transit",
             "status_detail": "status_update", "datetime": "2026-03-04T10:00:00Z",
             "tracking_location": {"city": "DUBLIN", "state": None, "country": "IE"}},
            {"object": "TrackingDetail", "message": "Delivered", "status": "delivered",
             "status_detail": "arrived_at_destination", "datetime": "2026-03-06T10:00:00Z",
             "tracking_location": {"city": "DUBLIN", "state": None, "country": "IE"}}]}},
    "karrio": [{"carrier_name": "ups", "carrier_id": "ups", "tracking_number": "1ZK1", "delivered": True,
        "status": "delivered", "info": {"signed_by": "BYRNE"}, "events": [
            {"date": "2026-03-05", "time": "18:30", "timestamp": "2026-03-05T18:30:00.000Z", "code": "KB",
             "status": "delivered", "description": "DELIVERED", "location": "DUBLIN, IE"},
            {"date": "2026-03-04", "time": "09:30 AM", "code": "9E", "status": "on_hold", "location": "DUBLIN, D, IE",
             "reason": "consignee_incorrect_address", "description": "The street number is incorrect."}]}],
    "shippo": {"event": "track_updated", "data": {"tracking_number": "SH1", "carrier": "usps",
        "tracking_status": {"status": "FAILURE", "status_details": "The address is incomplete",
                            "status_date": "2026-03-05T08:00:00Z", "substatus": {"code": "address_issue"},
                            "location": {"city": "Reno", "state": "NV", "country": "US"}},
        "tracking_history": [{"status": "TRANSIT", "status_details": "Departed facility",
                              "status_date": "2026-03-04T08:00:00Z", "location": None}]}},
    "ups": {"trackResponse": {"shipment": [{"package": [{"trackingNumber": "1Z1",
        "deliveryInformation": {"receivedBy": "BYRNE", "location": "FRONT DOOR", "deliveryPhoto": {"photo": "aGk="}},
        "activity": [
            {"status": {"type": "D", "description": "DELIVERED", "code": "KB"}, "gmtDate": "20260305",
             "gmtTime": "18:30:00", "location": {"address": {"city": "BOSTON", "countryCode": "US"}}},
            {"status": {"type": "X", "description": "The street number is incorrect. This may delay delivery.",
                        "code": "9E"}, "date": "20260304", "time": "093000", "location": {}}]}]}]}},
    "fedex": {"output": {"completeTrackResults": [{"trackingNumber": "FX1", "trackResults": [{
        "deliveryDetails": {"signedByName": "A.BYRNE", "locationDescription": "Receptionist"},
        "availableImages": [{"type": "SIGNATURE_PROOF_OF_DELIVERY"}],
        "scanEvents": [
            {"date": "2026-03-05T12:00:00-05:00", "eventType": "DL", "eventDescription": "Delivered",
             "scanLocation": {"city": "BOSTON", "stateOrProvinceCode": "MA", "countryCode": "US"}},
            {"date": "2026-03-04T12:00:00-05:00", "eventType": "DE", "eventDescription": "Delivery exception",
             "exceptionCode": "08", "exceptionDescription": "Customer not available or business closed"}]}]}]}},
    "usps": [{"trackingNumber": "US1", "trackingEvents": [
        {"eventType": "Delivered, Front Door/Porch", "GMTTimestamp": "2026-03-05T18:00:00Z", "eventCity": "RENO",
         "eventState": "NV", "eventCountry": None, "name": None, "eventCode": "01"},
        {"eventType": "Insufficient Address", "GMTTimestamp": "2026-03-04T18:00:00Z", "eventCode": "22"}]}],
    "dhl": {"shipments": [{"id": "DH1", "service": "express",
        "details": {"proofOfDelivery": {"signed": {"name": "BYRNE"}, "documentUrl": "https://example.com/pod"}},
        "events": [
            {"timestamp": "2026-03-05T10:00:00+01:00", "statusCode": "delivered", "status": "DELIVERED",
             "location": {"address": {"addressLocality": "Dublin", "countryCode": "IE"}}},
            {"timestamp": "2026-03-04T10:00:00+01:00", "statusCode": "transit", "status": "OUT_FOR_DELIVERY"}]}]},
    "sendle": {"sendle_reference": "SE1", "tracking_events": [
        {"event_type": "Card Left", "scan_time": "2026-03-04T18:00:00Z", "description": "Card left"}]},
    "smartkargo": [{"pieceReference": "SK1", "eventType": "RCF", "eventDate": "2026-03-04T18:00:00",
                    "eventLocation": "WAW", "description": "Received from flight"}],
    "teleship": {"trackingNumber": "TE1", "lastMile": {"trackingNumber": "LM1"}, "events": [
        {"timestamp": "2026-03-04T18:00:00Z", "code": "customs_hold", "description": "Held",
         "location": "Dublin, IE"}]},
    "stamps": """<?xml version="1.0"?><E><TrackingEvents><TrackingEvent><Timestamp>2026-03-04T18:00:00</Timestamp>
        <Event>NOTICE LEFT</Event><TrackingEventType>NoticeLeft</TrackingEventType><City>RENO</City><State>NV</State>
        <Country>US</Country><SignedBy/></TrackingEvent></TrackingEvents></E>""",
}  # fmt: skip

# carrier: the state it ends in, the reason and the party of the trouble on the way
ENDS: dict[str, tuple[str, str, str]] = {
    "meest": ("attempted", "absent", "buyer"),
    "easypost": ("delivered", "papers", "merchant"),
    "karrio": ("delivered", "wrong_address", "merchant"),
    "shippo": ("exception", "wrong_address", "merchant"),
    "ups": ("delivered", "wrong_address", "merchant"),
    "fedex": ("delivered", "absent", "buyer"),
    "usps": ("delivered", "wrong_address", "merchant"),
    "dhl": ("delivered", "", ""),
    "sendle": ("attempted", "absent", "buyer"),
    "smartkargo": ("in_transit", "", ""),
    "teleship": ("customs_hold", "papers", "merchant"),
    "stamps": ("attempted", "absent", "buyer"),
}
USPS_XML = """<?xml version="1.0"?><TrackResponse>
  <TrackInfo ID="91"><TrackSummary><EventTime>9:01 am</EventTime><EventDate>April 28, 2026</EventDate>
    <Event>Delivered, Parcel Locker</Event><EventCity>RENO</EventCity><EventState>NV</EventState>
    <EventCountry/><Name/><EventCode>01</EventCode></TrackSummary>
    <TrackDetail><EventTime/><EventDate/><Event>Origin Post is Preparing Shipment</Event><EventCode>NP</EventCode>
    </TrackDetail></TrackInfo>
  <TrackInfo ID="92"><Error><Number>-1</Number><Description>not found</Description></Error></TrackInfo>
</TrackResponse>"""
