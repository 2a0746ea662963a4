"""Papers come over the API as a printer or a person wants them."""

from __future__ import annotations

import io

import pypdfium2
import zxingcpp
from PIL import Image

from tests.doors.web import Client
from tests.shop import Shop


def page(pdf: bytes) -> Image.Image:
    image: Image.Image = pypdfium2.PdfDocument(io.BytesIO(pdf))[0].render(scale=3).to_pil()
    return image


def words(pdf: bytes) -> str:
    return "".join(sheet.get_textpage().get_text_range() for sheet in pypdfium2.PdfDocument(io.BytesIO(pdf)))


async def shipped(shop: Shop) -> tuple[str, str]:
    await shop.stock("MUG", 9)
    order = await shop.place(("MUG", 2), payment_term="on_account")
    parcel = await shop.to_packed(order)
    await shop.do("keep_label", parcel=parcel, carrier="Courier", tracking_number="RB123456785US")
    await shop.do("hand_over", parcel=parcel)
    await shop.work()
    return order, parcel


async def test_every_paper_of_a_parcel_can_be_fetched(shop: Shop, api: Client) -> None:
    order, parcel = await shipped(shop)
    label = await api.get(f"/v1/parcels/{parcel}/label.pdf")
    assert label.headers["content-type"] == "application/pdf"
    assert "RB123456785US" in {code.text for code in zxingcpp.read_barcodes(page(label.content))}
    zpl = await api.get(f"/v1/parcels/{parcel}/label.zpl")
    assert zpl.content.startswith(b"^XA") and zpl.content.rstrip().endswith(b"^XZ")
    slip = await api.get(f"/v1/parcels/{parcel}/packing-slip.pdf")
    assert "A mug" in words(slip.content)
    customs = await api.get(f"/v1/parcels/{parcel}/cn22.pdf")
    assert "691200" in words(customs.content)
    (invoice,) = (await api.get(f"/v1/orders/{order}")).json()["invoices"]
    billed = await api.get(f"/v1/invoices/{invoice['id']}/invoice.pdf")
    assert "INV-000001" in words(billed.content) and "25.00" in words(billed.content)


async def test_a_paper_that_is_not_needed_says_why(shop: Shop, api: Client) -> None:
    _, parcel = await shipped(shop)
    answer = await api.get(f"/v1/parcels/{parcel}/cn23.pdf")
    assert answer.status_code == 404
    assert (answer.json()["code"], answer.json()["why"]["papers"]) == ("NoSuchPaper", ["label", "cn22"])


async def test_the_pick_list_names_what_is_on_the_floor(shop: Shop, api: Client) -> None:
    await shop.stock("MUG", 9)
    order = await shop.place(("MUG", 2), payment_term="on_account")
    await shop.to_released(order)
    answer = await api.get("/v1/pick-list.pdf", site=shop.site("NJ"))
    assert "A-1" in words(answer.content) and "MUG" in words(answer.content)
