"""Lines of text as wide as they are printed, in the two fonts of a receipt. No I/O."""

from collections.abc import Iterator

#: How wide letters are in thousandths of the size of their font, by width; of those that differ between makers, the
#: wider. https://adobe-type-tools.github.io/font-tech-notes/pdfs/5004.AFM_Spec.pdf tells what such a table means.
WIDTHS = {
    "Regular": {
        191: "'",
        222: "ijl‚‘’",
        260: "|¦",
        278: " !,./:;I[\\]ft\xa0·ÌÍÎÏìíîï",
        333: "()-`r„ˆ‹“”˜›¡¨\xad²³´¸¹",
        334: "{}",
        350: "•",
        355: '"',
        370: "ªº",
        389: "*",
        400: "°",
        469: "^",
        500: "Jcksvxyzšžçýÿ",
        556: "#$0123456789?L_abdeghnopqu€ƒ†‡–¢£¤¥§«»àáâãäåèéêëðñòóôõöùúûüþ¶¯",
        584: "+<=>~¬×±÷µ",
        611: "FTZŽ¿ßø",
        667: "&ABEKPSVXYŠŸÀÁÂÃÄÅÈÉÊËÝÞ",
        722: "CDHNRUwÇÐÑÙÚÛÜ",
        737: "©®",
        778: "GOQÒÓÔÕÖØ",
        834: "Mm¼½¾",
        889: "%æ",
        944: "Wœ",
        1015: "@…‰Œ—™Æ",
    },
    "Bold": {
        238: "'",
        278: " ,./I\\ijl‚‘’\xa0·ÌÍÎÏìíîï",
        280: "|¦",
        333: "!()-:;[]`ftˆ‹˜›¡¨\xad²³´¸¹",
        350: "•",
        370: "ªº",
        389: "*r{}",
        400: "°",
        474: '"',
        500: "z„“”ž",
        556: "#$0123456789J_aceksvxy€ƒ†‡–š¢£¤¥§«¶»àáâãäåçèéêëýÿ¯",
        584: "+<=>^~¬×±÷µ",
        611: "?FLTZbdghnopquŽ¿ßðñòóôõöøùúûüþ",
        667: "EPSVXYŠŸÈÉÊËÝÞ",
        722: "&ABCDHKNRUÀÁÂÃÄÅÇÐÑÙÚÛÜ",
        737: "©®",
        778: "GOQwÒÓÔÕÖØ",
        834: "M¼½¾",
        889: "%mæ",
        944: "Wœ",
        975: "@",
        1000: "…‰Œ—™Æ",
    },
}

_WIDTH_OF = {
    font: {letter: width for width, letters in table.items() for letter in letters} for font, table in WIDTHS.items()
}


def width_of(text: str, font: str, size: float) -> float:
    """Return how wide a text is in points; what no letter of the fonts is counts as a question mark."""
    widths = _WIDTH_OF[font]
    return sum(widths.get(letter, widths["?"]) for letter in text) * size / 1000


def lines(text: str, font: str, size: float, room: float) -> list[str]:
    """Return a text in lines that fit the room, in points; a word that is wider than that goes on in the next."""
    found = [""]
    for word in text.split():
        longer = f"{found[-1]} {word}".strip()
        if width_of(longer, font, size) <= room:
            found[-1] = longer
        else:
            found += _pieces(word, font, size, room)
    return [line for line in found if line]


def _pieces(word: str, font: str, size: float, room: float) -> Iterator[str]:
    piece = ""
    for letter in word:
        if width_of(piece + letter, font, size) > room:
            yield piece
            piece = ""
        piece += letter
    yield piece
