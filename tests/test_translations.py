"""The README and the catalogs in other languages say what those in English say."""

import re
import tomllib
from collections.abc import Iterator
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from tests.running import ROOT

ENGLISH = (ROOT / "README.md").read_text()
LANGUAGES = ("es", "pt")

#: A translation ends with what it is a translation of.
STAMP = re.compile(r"\n<!-- of README\.md ([0-9a-f]{16}) -->\n$")


CATALOGS = sorted((ROOT / "handler").glob("*/catalogs/en.toml"))

#: What is the same in every language: names, an id, a setting, and what languages call themselves.
SAME = {"Mercado Pago", "WooCommerce", "Shopify", "Tiendanube", "English", "Español", "Português", "1319999999"} | {
    "MODE=enforce."
}

#: How friends are addressed; only the page does that.
FAMILIAR = re.compile(r"\b(te|tú|vos|tu|tus|tenés|tienes|podés|puedes|probá|poné|acá)\b", re.IGNORECASE)


def sections(page: str) -> list[str]:
    """Return a page by its headings, without the line that leads to other languages."""
    text = STAMP.sub("", re.sub(r"^\*\[.*\]\(README.*\*$", "", page, flags=re.MULTILINE))
    return re.split(r"^(?=## )", text, flags=re.MULTILINE)


def bones(section: str) -> dict[str, object]:
    """Return what no language changes of a section: what is run, named and linked, and how it is laid out."""
    prose = re.sub(r"```.*?```", "", section, flags=re.DOTALL)
    return {
        "blocks": re.findall(r"```.*?```", section, re.DOTALL),
        "names": sorted(re.findall(r"`[^`\n]+`", prose)),
        "links": re.findall(r"\]\(([^)]+)\)", prose),
        "rows": [line.count("|") for line in prose.splitlines() if line.startswith("|")],
        "lines": len(prose.splitlines()),
        "points": len(re.findall(r"^- ", prose, re.MULTILINE)),
        "bold": len(re.findall(r"\*\*", prose)),
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_same_bones(language: str) -> None:
    """Section by section: commands, settings, rules, links and tables."""
    page = (ROOT / f"README.{language}.md").read_text()

    assert [bones(section) for section in sections(page)] == [bones(section) for section in sections(ENGLISH)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_is_of_the_readme_as_it_is(language: str) -> None:
    """Whoever changes the README looks at its translations, and then stamps them anew."""
    page = (ROOT / f"README.{language}.md").read_text()
    stamp = STAMP.search(page)

    assert stamp
    assert stamp[1] == sha256(ENGLISH.encode()).hexdigest()[:16], "translate what changed, then put this stamp"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_is_one(language: str) -> None:
    """No line of prose is the English one."""
    page = (ROOT / f"README.{language}.md").read_text()
    theirs = set(re.sub(r"```.*?```", "", "\n".join(sections(page)), flags=re.DOTALL).splitlines())
    ours = set(ENGLISH.splitlines())

    same = {line for line in theirs & ours if re.search(r"[a-z]{4}.* [a-z]{2,} .*[a-z]{4}", line)}
    assert same == set()


def messages(catalog: Path, language: str) -> Iterator[tuple[str, str]]:
    """Yield the messages of a catalog in a language, each with its name."""

    def under(name: str, found: object) -> Iterator[tuple[str, str]]:
        if isinstance(found, Mapping):
            for key, value in found.items():
                yield from under(f"{name}.{key}", value)
        else:
            yield name, str(found)

    yield from under(catalog.parts[-3], tomllib.loads(catalog.with_name(f"{language}.toml").read_text()))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("catalog", CATALOGS, ids=lambda catalog: catalog.parts[-3])
def test_no_message_is_left_in_english(catalog: Path, language: str) -> None:
    """But for what is the same everywhere."""
    english, theirs = dict(messages(catalog, "en")), dict(messages(catalog, language))

    assert [name for name, text in theirs.items() if text == english[name] and text not in SAME] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("catalog", CATALOGS, ids=lambda catalog: catalog.parts[-3])
def test_a_message_names_the_same_commands_and_settings(catalog: Path, language: str) -> None:
    """Message by message: who copies one gets what the English one would do."""
    english, theirs = dict(messages(catalog, "en")), dict(messages(catalog, language))

    def named(text: str) -> list[str]:
        return sorted(re.findall(r"python -m handler \w+(?: (?:\{target\}|[A-Z]+))?|\b[A-Z]+_[A-Z_]+\b|`[^`]+`", text))

    assert {name: named(text) for name, text in theirs.items()} == {name: named(text) for name, text in english.items()}


@pytest.mark.parametrize("name", ["explain", "notices", "receipt"])
def test_spanish_speaks_to_nobody_in_particular(name: str) -> None:
    """From Mexico to Argentina, it says usted, or nothing."""
    catalog = ROOT / "handler" / name / "catalogs" / "en.toml"

    assert [text for _, text in messages(catalog, "es") if FAMILIAR.search(text)] == []


def test_a_log_is_no_record() -> None:
    """In Spanish one word could be both, and who looks into the wrong one finds nothing."""
    catalog = ROOT / "handler" / "explain" / "catalogs" / "en.toml"
    english, spanish = dict(messages(catalog, "en")), dict(messages(catalog, "es"))

    logs = {name for name, text in english.items() if re.search(r"\bthe log\b", text)}
    assert logs
    assert all(re.search(r"\bel log\b", spanish[name]) for name in logs)
