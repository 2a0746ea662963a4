"""problems: what can be wrong with an order of a file, in words, and what of it should stop the order."""

from __future__ import annotations

from typing import Literal

import msgspec

# What is wrong, in words.
REASONS: dict[str, str] = {
    "no_order_row": "only rows that continue the order are here, not its first row with the amounts",
    "row_left_out": "a row of this order could not be read",
    "name_shared": "several orders in the file have this name; this is not the first of them",
    "name_missing": "the row names no order; it was read as part of the order before it",
    "no_lines": "the order has no line that can be sold; a line with its whole amount stands in",
    "no_sku": "the line has no SKU",
    "quantity_unclear": "the quantity is blank or no number; taken as 1",
    "quantity_zero": "the quantity is 0; the line is left out",
    "quantity_negative": "the quantity is below 0; the line is left out",
    "quantity_not_whole": "the quantity is no whole number; taken as one piece of the line's whole price",
    "quantity_too_large": "the quantity is too large; taken as one piece of the line's whole price",
    "price_missing": "the line has no price",
    "price_negative": "the price is below 0; the line is left out",
    "price_too_large": "the line's amount is too large; the line is left out",
    "price_rounded": "the price has more than six decimals and was rounded",
    "price_raised_to_subtotal": "Subtotal is more than the lines; this price was raised to reach it",
    "subtotal_is_not_the_lines": "Subtotal is not the lines less the discounts; Subtotal was kept",
    "total_does_not_add_up": "Total is not Subtotal, shipping, taxes and duties together; Total was kept",
    "taxes_do_not_add_up": "the taxes by name are not Taxes together",
    "amount_unreadable": "this is no amount; read as nothing",
    "amount_negative": "this amount is below 0; read as nothing",
    "amount_rounded": "the amount has more decimals than its currency and was rounded",
    "currency_unknown": "this is no currency; the default was taken",
    "date_unreadable": "this is no date that can be read",
    "date_ambiguous": "day and month could be swapped; read as month first",
    "status_unknown": "this status is not one of Shopify's",
    "paid_yet_outstanding": "the order is paid, but a balance is outstanding; the status was believed",
    "paid_part_unknown": "the order is partly paid, but the file does not say how much",
    "no_address": "the order ships, but has no address to ship to",
    "country_missing": "the address names no country",
    "country_unknown": "no country of that name is known",
    "phone_unclear": "this is hardly a phone number",
    "email_unclear": "this is hardly an e-mail address",
    "id_unreadable": "this Id is no whole number and was not kept",
    "text_cut": "the text is too long and was cut",
    "encoding_guessed": "the text was not UTF-8; read as Windows-1252",
    # of products and stock
    "sku_repeats": "another row has this SKU too; the later one counts",
    "barcode_unreadable": "a spreadsheet has turned this barcode into a rounded number; not kept",
    "barcode_check_digit": "the last digit of this barcode is not the one its other digits call for",
    "weight_unreadable": "this is no weight; read as not known",
    "size_unreadable": "this is no length; read as not known",
    "hs_code_unclear": "this is no customs tariff number; not kept",
    # of rows and files that could not be taken
    "not_a_table": "this file is no table; it was not read",
    "folder_not_readable": "this folder cannot be opened; nothing in it was read",
    "name_differs": "this file is not what its name says; it was read as what it is",
    "sheet_not_read": "this sheet holds rows, too, and was not read; to read it, name it: orders.xlsx#May",
    "sheet_hidden_not_read": "this hidden sheet holds rows, and was not read; to read it, name it: orders.xlsx#May",
    "sheet_hidden": "only hidden sheets hold rows; this one was read",
    "above_header": "this row stands above the header; it was left out",
    "not_an_order_export": "this file does not have the columns of an order export; it was not read",
    "header_repeated": "this row is the header once more",
    "quote_not_closed": "a quotation mark opens here and never closes",
    "cell_too_long": "a cell of this row is too long to be one",
    "too_many_cells": "the row has more cells than the header: its columns have shifted",
    "order_row_unreadable": "the order's own row could not be read, so this row could not be taken either",
    "too_many_lines": "the order has more than 2,000 lines",
    "too_many_rows": "the order has more than 5,000 rows",
    "no_name": "the row names no order and continues none",
    "order_unknown": "the row belongs to an order that none of the files has",
    "order_repeated": "this order stands there before, and says something else; the first one was taken",
    "payment_of_correction": "this payment belongs to a correction, which has none; it was not taken",
    "file_not_mapped": "the mapping does not say what this file is; it was not read",
    "no_handle": "the row names no product",
    "site_missing": "the row names no site",
    "sku_missing": "the row names no SKU",
    "quantity_unreadable": "this is no whole number of pieces, 0 or more",
}

# What a problem of an order that comes in may stop it as; empty: it stops nothing.
Stops = Literal["", "unknown_item", "amounts", "address", "duplicate", "changed"]

# The problems that should stop an order, and the type of hold that fits.
HOLDS: dict[str, Stops] = {
    "no_order_row": "amounts",
    "row_left_out": "unknown_item",
    "name_shared": "duplicate",
    "no_lines": "unknown_item",
    "quantity_unclear": "unknown_item",
    "quantity_not_whole": "unknown_item",
    "quantity_too_large": "unknown_item",
    "price_negative": "amounts",
    "price_too_large": "amounts",
    "price_raised_to_subtotal": "amounts",
    "subtotal_is_not_the_lines": "amounts",
    "total_does_not_add_up": "amounts",
    "amount_unreadable": "amounts",
    "amount_negative": "amounts",
    "currency_unknown": "amounts",
    "no_address": "address",
    "country_missing": "address",
    "country_unknown": "address",
}


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with an order, or a product, that is taken all the same."""

    line: int
    column: str
    reason: str
    value: str
