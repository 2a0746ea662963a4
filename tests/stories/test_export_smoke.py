from pathlib import Path
from doorstep.doors.exports.every import EXPORTS
from doorstep.doors.exports.running import Narrowed, Target, export_books
from tests.shop import Shop

async def test_smoke(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    o = await shop.place(("MUG", 2), ("CUP", 3), discount_minor=700, note="=1+1", tags=["a,b", "c"], payment_term="on_account")
    await shop.stock("CUP", 5)
    p = await shop.to_packed(o)
    await shop.do("keep_label", parcel=p, carrier="sim", tracking_number="T1")
    await shop.do("hand_over", parcel=p)
    await shop.do("issue_invoice", order=o)
    await shop.do("record_payment", order=o, amount_minor=100)
    for f in ("csv", "parquet", "csv.gz"):
        ts = [Target(e, f, Path(f"/tmp/exp/{e.name}.{f}")) for e in EXPORTS.values()]
        print(await export_books(shop.db, shop.merchant, ts, Narrowed(), force=True))
