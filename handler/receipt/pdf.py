"""A receipt as a PDF of one page, in the fonts that every reader has."""

import io

import pydyf  # type: ignore[import-untyped]

from handler.receipt import Receipt
from handler.receipt.lines import lines

#: A4, and where text begins, in points.
WIDTH, HEIGHT, LEFT = 595, 842, 64

#: How many lines a shop's name has at most, and a fact: both may be anybody's text, and it is one page.
SHOP_LINES, FACT_LINES = 3, 6

#: https://opensource.adobe.com/dc-acrobat-sdk-docs/pdfstandards/PDF32000_2008.pdf, 9.6.2.2 and D.2
FONTS = {"Regular": "/Helvetica", "Bold": "/Helvetica-Bold"}

SOFT, INK, ACCENT = (0.33, 0.38, 0.37), (0.09, 0.13, 0.12), (0.06, 0.46, 0.43)


def pdf_of(receipt: Receipt) -> bytes:
    """Return it as a file; letters that Western European fonts lack are shown as question marks."""
    sheet = _Sheet()
    if receipt.shop:
        sheet.write(receipt.shop, "Bold", 12, INK, SHOP_LINES)
    sheet.write(receipt.title, "Bold", 20, INK)
    sheet.down(8)
    sheet.write(receipt.text, "Regular", 10.5, INK)
    sheet.down(10)
    for name, fact in receipt.facts:
        sheet.line()
        sheet.write(name, "Regular", 9, SOFT)
        sheet.write(fact, "Bold", 12, INK, FACT_LINES)
        sheet.down(4)
    sheet.line()
    sheet.write(receipt.footer, "Regular", 9, SOFT)
    return _document(sheet.stream, receipt)


class _Sheet:
    """A page that is written from the top down."""

    def __init__(self) -> None:
        self.stream = pydyf.Stream()
        self._y = HEIGHT - 90.0

    def write(
        self, text: str, font: str, size: float, color: tuple[float, float, float], most: int | None = None
    ) -> None:
        printed = text.encode("cp1252", "replace").decode("cp1252")
        for line in lines(printed, font, size, WIDTH - 2 * LEFT)[:most]:
            self._y -= size * 1.4
            self.stream.begin_text()
            self.stream.set_color_rgb(*color)
            self.stream.set_font_size(font, size)
            self.stream.set_text_matrix(1, 0, 0, 1, LEFT, self._y)
            self.stream.show_text(f"<{line.encode('cp1252').hex()}>")
            self.stream.end_text()

    def down(self, points: float) -> None:
        self._y -= points

    def line(self) -> None:
        self._y -= 4
        self.stream.set_color_rgb(*ACCENT, stroke=True)
        self.stream.set_line_width(0.5)
        self.stream.move_to(LEFT, self._y)
        self.stream.line_to(WIDTH - LEFT, self._y)
        self.stream.stroke()


def _document(stream: pydyf.Stream, receipt: Receipt) -> bytes:
    document = pydyf.PDF()
    fonts = pydyf.Dictionary()
    for name, font in FONTS.items():
        made = pydyf.Dictionary(
            {"Type": "/Font", "Subtype": "/Type1", "BaseFont": font, "Encoding": "/WinAnsiEncoding"}
        )
        document.add_object(made)
        fonts[name] = made.reference
    document.add_object(stream)
    document.add_page(
        pydyf.Dictionary(
            {
                "Type": "/Page",
                "Parent": document.pages.reference,
                "Contents": stream.reference,
                "MediaBox": pydyf.Array([0, 0, WIDTH, HEIGHT]),
                "Resources": pydyf.Dictionary({"Font": fonts}),
            }
        )
    )
    document.info["Title"] = pydyf.String(receipt.title)
    document.catalog["Lang"] = pydyf.String(receipt.language)
    written = io.BytesIO()
    document.write(written)
    return written.getvalue()
