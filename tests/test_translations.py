"""The README in other languages says what the README says."""

import re
from hashlib import sha256

import pytest

from tests.running import ROOT

ENGLISH = (ROOT / "README.md").read_text()
LANGUAGES = ("es", "pt")

#: A translation ends with what it is a translation of.
STAMP = re.compile(r"\n<!-- of README\.md ([0-9a-f]{16}) -->\n$")


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
