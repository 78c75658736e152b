"""A receipt as one HTML file that stands for itself, for a screen and for paper."""

from html import escape
from string import Template

from handler.receipt import Receipt

_PAGE = Template("""<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #16201f; background: #fff; max-width: 40rem; }
body { margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
dl { border-top: 2px solid #0f766e; }
dl div { padding: .5rem 0; border-bottom: 1px solid #d5dadb; }
dt, footer { font-size: .875rem; color: #55625f; }
dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
</style>
</head>
<body>
<main>
<p>$shop</p>
<h1>$title</h1>
<p>$text</p>
<dl>
$facts
</dl>
</main>
<footer>$footer</footer>
</body>
</html>
""")


def html_of(receipt: Receipt) -> bytes:
    """Return it as a file."""
    facts = "\n".join(f"<div><dt>{escape(name)}</dt><dd>{escape(fact)}</dd></div>" for name, fact in receipt.facts)
    told = {name: escape(getattr(receipt, name)) for name in ("language", "title", "shop", "text", "footer")}
    page = _PAGE.substitute(told, facts=facts)
    return page.replace("<p></p>\n", "").encode(errors="replace")
