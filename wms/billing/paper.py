"""Paper: an invoice as a PDF page and as CSV, with all that a qualified invoice must say.

    issuer's name and registration number, day of issue, month of supply, what it was for, net and
    tax of each rate, the owner's name (適格請求書); what a correction corrects (適格返還請求書)

A line of reduced tax (8 %) is marked "※". The same invoice is the same bytes. A draft says so.
"""

import csv
import io
from collections.abc import Sequence

from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]
from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]

from wms.billing.model import Invoice, InvoiceLine

FONT = "HeiseiKakuGo-W5"
EDGE_MM, TOP_MM, BOTTOM_MM, ROW_MM = 18.0, 279.0, 25.0, 6.0
REDUCED = 8
KINDS = {
    "INBOUND": "入荷料", "OUTBOUND": "出荷料", "STORAGE": "保管料", "RETURN": "返品処理料",
    "VAS": "流通加工料", "MINIMUM": "最低料金差額",
}  # fmt: skip
PERS = {
    "UNIT": "個", "LINE": "行", "PALLET": "パレット", "ORDER": "件", "PARCEL": "個口",
    "RETURN": "件", "UNIT_DAY": "個・日", "POSITION_DAY": "棚・日", "UNIT_TERM": "個・期",
    "MONTH": "月",
}  # fmt: skip
_COLUMNS = (EDGE_MM, 48.0, 92.0, 132.0, 152.0, 192.0)


def invoice_pdf(invoice: Invoice, lines: Sequence[InvoiceLine]) -> bytes:
    """The invoice, as many pages as it needs."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    out = io.BytesIO()
    page = Canvas(out, pagesize=A4, invariant=1)
    page.setTitle(invoice.number)
    y = _head(page, invoice)
    y = _row(page, y, ("拠点", "内容", "数量", "単価", "金額（税抜）"), size=9)
    page.line(EDGE_MM * mm, (y + ROW_MM - 1.5) * mm, 192 * mm, (y + ROW_MM - 1.5) * mm)
    for line in lines:
        if y < BOTTOM_MM:
            page.showPage()
            y = TOP_MM
        mark = "※" if line.tax_percent == REDUCED else ""
        what = f"{KINDS[line.kind]} {line.code}{mark}"
        quantity = f"{line.quantity:,} {PERS[line.per]}"
        y = _row(page, y, (line.site, what, quantity, line.rate, f"{line.amount_minor:,}"))
    _foot(page, invoice, y)
    page.showPage()
    page.save()
    return out.getvalue()


def invoice_csv(invoice: Invoice, lines: Sequence[InvoiceLine]) -> str:
    """The lines, with the totals of each tax rate behind them."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    parties = invoice.parties or {"issuer": {"registration": ""}, "owner": {"code": ""}}
    head = (invoice.number, f"{invoice.month:%Y-%m}", parties["owner"]["code"],
            parties["issuer"]["registration"], str(invoice.issued_on or ""))  # fmt: skip
    rows.writerow(
        ["number", "month", "owner", "registration", "issued_on", "line", "site", "code", "kind",
         "per", "quantity", "rate", "tax_percent", "amount_minor", "tax_minor"]
    )  # fmt: skip
    for line in lines:
        rows.writerow(
            [*head, line.no, line.site, line.code, line.kind, line.per, line.quantity, line.rate,
             line.tax_percent, line.amount_minor, ""]
        )  # fmt: skip
    for tax in invoice.taxes:
        rows.writerow(
            [*head, "", "", "TOTAL", "", "", "", "", tax["percent"], tax["net_minor"],
             tax["tax_minor"]]
        )  # fmt: skip
    return out.getvalue()


def _head(page: Canvas, invoice: Invoice) -> float:
    parties = invoice.parties or {}
    owner, by = parties.get("owner", {}), parties.get("issuer", {})
    title = "請求書" if invoice.kind == "INVOICE" else "請求書（訂正）"
    if invoice.kind == "CORRECTION" and invoice.net_minor < 0:
        title = "返還請求書"
    page.setFont(FONT, 20)
    title = title if invoice.state == "FINAL" else "請求書（案）"
    page.drawString(EDGE_MM * mm, TOP_MM * mm, title)
    page.setFont(FONT, 12)
    page.drawString(EDGE_MM * mm, 266 * mm, f"{owner.get('name', '')} 御中")
    page.setFont(FONT, 9)
    facts = [
        f"請求書番号 {invoice.number}",
        f"発行日 {invoice.issued_on or '未発行'}",
        f"対象月 {invoice.month:%Y年%m月}",
        f"発行者 {by.get('name', '')}",
        f"登録番号 {by.get('registration', '')}",
        str(by.get("address", "")),
    ]
    if invoice.corrects:
        facts.append(f"訂正前 {invoice.corrects}")
    for number, fact in enumerate(facts):
        page.drawString(120 * mm, (TOP_MM - number * 5) * mm, fact)
    total = invoice.net_minor + invoice.tax_minor
    page.setFont(FONT, 14)
    page.drawString(EDGE_MM * mm, 252 * mm, f"ご請求金額（税込） {total:,} 円")
    return 238.0


def _row(page: Canvas, y: float, cells: Sequence[str], *, size: float = 8) -> float:
    page.setFont(FONT, size)
    page.drawString(_COLUMNS[0] * mm, y * mm, cells[0][:14])
    page.drawString(_COLUMNS[1] * mm, y * mm, cells[1][:24])
    for at, cell in zip((125.0, 152.0, _COLUMNS[5]), cells[2:], strict=True):
        page.drawRightString(at * mm, y * mm, cell)
    return y - ROW_MM


def _foot(page: Canvas, invoice: Invoice, y: float) -> None:
    y -= 2
    page.line(EDGE_MM * mm, (y + ROW_MM) * mm, 192 * mm, (y + ROW_MM) * mm)
    for tax in invoice.taxes:
        said = f"{tax['percent']} % 対象 {tax['net_minor']:,} 円　消費税 {tax['tax_minor']:,} 円"
        page.setFont(FONT, 9)
        page.drawRightString(192 * mm, y * mm, said)
        y -= ROW_MM
    if any(tax["percent"] == REDUCED for tax in invoice.taxes):
        page.setFont(FONT, 7)
        page.drawString(EDGE_MM * mm, y * mm, "※ は軽減税率対象")
