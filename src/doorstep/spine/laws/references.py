"""references: whatever is pointed to exists, and belongs to the same merchant."""

from __future__ import annotations

from doorstep.spine.laws.law import OF_GOODS, OF_PLACES, Law, of_orders, rows_of, touched

# What points, how it is called, its order, to which table, by which columns; here:there where they differ.
_REFERENCES = (
    ("orders", "'ord_' || c.order_id", "c.order_id", "order_now", ("order_id",)),
    ("orders", "'ord_' || c.order_id", "c.order_id", "channel", ("channel_id",)),
    ("order_now", "'ord_' || c.order_id || ' summary'", "c.order_id", "orders", ("order_id",)),
    ("order_line", "'ord_' || c.order_id || ' line ' || c.line_no", "c.order_id", "orders", ("order_id",)),
    ("order_line", "'ord_' || c.order_id || ' line ' || c.line_no", "c.order_id", "sku", ("sku_id",)),
    ("hold", "'hld_' || c.hold_id", "c.order_id", "orders", ("order_id",)),
    ("hold", "'hld_' || c.hold_id", "c.order_id", "order_line", ("order_id", "line_no")),
    ("decision", "'decision ' || c.decision_id", "c.order_id", "orders", ("order_id",)),
    ("attention", "'attention ' || c.attention_id", "c.order_id", "orders", ("order_id",)),
    ("fulfillment_order", "'ful_' || c.fulfillment_order_id", "c.order_id", "orders", ("order_id",)),
    ("allocation", "'allocation of line ' || c.line_no", "c.order_id", "order_line", ("order_id", "line_no", "sku_id")),
    (
        "allocation", "'allocation of line ' || c.line_no", "c.order_id", "fulfillment_order",
        ("order_id", "fulfillment_order_id", "site_id"),
    ),
    ("allocation", "'allocation of line ' || c.line_no", "c.order_id", "sku", ("sku_id",)),
    ("parcel", "'par_' || c.parcel_id", "c.order_id", "orders", ("order_id",)),
    ("parcel", "'par_' || c.parcel_id", "c.order_id", "fulfillment_order", ("order_id", "fulfillment_order_id")),
    ("promise", "'promise ' || c.promise_id", "c.order_id", "orders", ("order_id",)),
    ("promise", "'promise ' || c.promise_id", "c.order_id", "fulfillment_order", ("order_id", "fulfillment_order_id")),
    ("promise_end", "'end of promise ' || c.promise_id", "c.order_id", "promise", ("order_id", "promise_id")),
    ("promise_end", "'end of promise ' || c.promise_id", "c.order_id", "parcel", ("order_id", "parcel_id")),
    ("parcel_line", "'par_' || c.parcel_id || ' line ' || c.line_no", "null::bigint", "parcel", ("parcel_id",)),
    ("parcel_event", "'event of par_' || c.parcel_id", "null::bigint", "parcel", ("parcel_id",)),
    ("parcel", "'par_' || c.parcel_id", "c.order_id", "manifest", ("manifest_id",)),
    ("return_label", "'ret_' || c.return_label_id", "c.order_id", "parcel", ("order_id", "parcel_id")),
    ("payment", "'pay_' || c.payment_id", "c.order_id", "orders", ("order_id",)),
    ("payment", "'pay_' || c.payment_id", "c.order_id", "payment", ("order_id", "parent_id:payment_id")),
    ("invoice", "'invoice ' || c.series || ' ' || c.number", "c.order_id", "parcel", ("order_id", "parcel_id")),
    ("attention", "'attention ' || c.attention_id", "c.order_id", "parcel", ("parcel_id",)),
    ("invoice", "'invoice ' || c.series || ' ' || c.number", "c.order_id", "orders", ("order_id",)),
    ("correction", "'cor_' || c.correction_id", "null::bigint", "channel", ("channel_id",)),
    (
        "correction_line", "'cor_' || c.correction_id || ' line ' || c.line_no", "null::bigint", "correction",
        ("correction_id",),
    ),
    ("correction_line", "'cor_' || c.correction_id || ' line ' || c.line_no", "null::bigint", "sku", ("sku_id",)),
    (
        "credit_link", "'link of cor_' || c.correction_id || ' line ' || c.line_no", "c.order_id", "correction_line",
        ("correction_id", "line_no"),
    ),
    (
        "credit_link", "'link of cor_' || c.correction_id || ' line ' || c.line_no", "c.order_id", "order_line",
        ("order_id", "order_line_no:line_no"),
    ),
    ("parcel_number", "'number of par_' || c.parcel_id", "null::bigint", "parcel", ("parcel_id",)),
    ("parcel_stay", "'stay of par_' || c.parcel_id", "null::bigint", "parcel", ("parcel_id",)),
    ("load", "'lod_' || c.load_id", "null::bigint", "load", ("parent_id:load_id",)),
    ("load_stay", "'stay of lod_' || c.load_id", "null::bigint", "load", ("load_id",)),
    ("load_stay", "'stay of lod_' || c.load_id", "null::bigint", "load", ("parent_id:load_id",)),
    ("load_share", "'share of lod_' || c.load_id", "null::bigint", "load", ("load_id",)),
    ("load_event", "'event of lod_' || c.load_id", "null::bigint", "load", ("load_id",)),
    ("asn_line", "'asn_' || c.asn_id || ' sku_' || c.sku_id", "null::bigint", "asn", ("asn_id",)),
    ("asn_line", "'asn_' || c.asn_id || ' sku_' || c.sku_id", "null::bigint", "sku", ("sku_id",)),
    ("availability", "'stock of sku_' || c.sku_id", "null::bigint", "sku", ("sku_id",)),
    ("bin_stock", "'sku_' || c.sku_id || ' in ' || c.place", "null::bigint", "sku", ("sku_id",)),
)  # fmt: skip


_BY_PARCEL = touched("""and (c.merchant_id, c.parcel_id) in (select t.merchant_id, p.parcel_id from touched_order t
      join parcel p on p.merchant_id = t.merchant_id and p.order_id = t.order_id)""")
_BY_CORRECTION = touched(
    "and (c.merchant_id, c.correction_id) in (select merchant_id, correction_id from touched_correction)"
)
_BY_ASN = touched("and (c.merchant_id, c.asn_id) in (select merchant_id, id from touched_stream where kind = 'asn')")
_BY_LOAD = touched("and (c.merchant_id, c.load_id) in (select merchant_id, id from touched_stream where kind = 'load')")
# How the rows that were touched are found; those of an order where nothing else is said.
_NARROWED = {
    "parcel_line": _BY_PARCEL, "parcel_event": _BY_PARCEL,
    "correction": _BY_CORRECTION, "correction_line": _BY_CORRECTION, "credit_link": _BY_CORRECTION,
    "parcel_number": _BY_PARCEL, "parcel_stay": _BY_PARCEL,
    "load": _BY_LOAD, "load_stay": _BY_LOAD, "load_share": _BY_LOAD, "load_event": _BY_LOAD,
    "asn": _BY_ASN, "asn_line": _BY_ASN,
    "availability": OF_GOODS, "bin_stock": OF_PLACES,
}  # fmt: skip


def _dangling(child: str, name: str, order: str, parent: str, columns: tuple[str, ...]) -> str:
    pairs = [tuple(column.split(":")) if ":" in column else (column, column) for column in columns]
    same = " and ".join(f"p.{there} = c.{here}" for here, there in pairs)
    known = " and ".join(f"c.{here} is not null" for here, _ in pairs)
    key = " || ', ' || ".join(f"'{there} ' || c.{here}" for here, there in pairs)
    return f"""
select c.merchant_id, {name} || ' -> {parent}' as what, {key} as expected, 'no such row of this merchant' as found,
    'order' as kind, {order} as id
  from {child} c where c.merchant_id = any($1) {_NARROWED.get(child, of_orders("c."))} and {known}
    and not exists (select from {parent} p where p.merchant_id = c.merchant_id and {same})"""


def _at_no_site(child: str, name: str) -> str:
    return f"""
select c.merchant_id, {name} || ' -> site' as what, 'site_id ' || c.site_id as expected, 'no such site' as found
  from {child} c where c.merchant_id = any($1) {_NARROWED.get(child, of_orders("c."))} and c.site_id is not null
    and not exists (select from site s where s.site_id = c.site_id)"""


_AT_SITES = (
    ("availability", "'stock of sku_' || c.sku_id"),
    ("fulfillment_order", "'ful_' || c.fulfillment_order_id"),
    ("parcel", "'par_' || c.parcel_id"),
    ("asn", "'asn_' || c.asn_id"),
    ("correction_line", "'cor_' || c.correction_id || ' line ' || c.line_no"),
)
EVENTS_OF_NO_ORDER = f"""
select e.merchant_id, 'ord_' || e.id || ' events' as what, 'order_id ' || e.id as expected,
    'no such row of this merchant' as found, 'order' as kind, e.id
  from event e where e.merchant_id = any($1) and e.kind = 'order' and e.seq = 1 {of_orders("e.", "id")}
    and not exists (select from orders o where o.merchant_id = e.merchant_id and o.order_id = e.id)"""

LAWS = (
    Law(
        "references",
        "Whatever is pointed to exists, and belongs to the same merchant.",
        "find the verb that wrote the row: it took an id from a request without reading it through the tenant wall; "
        "then point the row to the right one, or bring back what was deleted",
        rows_of(*dict.fromkeys(reference[0] for reference in _REFERENCES), "event"),
        (
            *(_dangling(*reference) for reference in _REFERENCES),
            *(_at_no_site(*at) for at in _AT_SITES),
            EVENTS_OF_NO_ORDER,
        ),
    ),
)  # fmt: skip
