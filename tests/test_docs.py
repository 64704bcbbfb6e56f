"""The documentation: every link leads somewhere, every page is in the site, and the site can be built."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import pytest

from tools.site.outside_pages import OUTSIDE

ROOT = Path(__file__).parents[1]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *(ROOT / name for name in OUTSIDE)])
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def links_of(text: str) -> list[str]:
    """The addresses that a page links to. Code has none."""
    return [markdown or html for markdown, html in _LINK.findall(_CODE.sub("", text))]


def anchors_of(text: str) -> set[str]:
    """The anchors of the headings that GitHub and the site both have.

    >>> sorted(anchors_of("# Two words\\n## `a`, b (c)"))
    ['a-b-c', 'two-words']
    """
    found = set()
    for heading in _HEADING.findall(re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)):
        kept = re.sub(r"[^\w\s-]", "", heading.lower())
        github, site = kept.strip().replace(" ", "-"), re.sub(r"[-\s]+", "-", kept.strip())
        found |= {github} & {site}
    return found


def broken(page: Path) -> list[str]:
    wrong = []
    for link in links_of(page.read_text()):
        path, _, anchor = unquote(link).partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target.read_text())):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_of_a_page_leads_somewhere(page):
    assert broken(page) == []


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "b.md").write_text("# Here\n")
    page = tmp_path / "a.md"
    page.write_text("[1](b.md) [2](b.md#here) [3](c.md) [4](b.md#there) [5](#no) [6](https://a.example) `[7](d.md)`\n")
    assert broken(page) == ["c.md", "b.md#there", "#no"]


def test_links_from_the_site_to_files_outside_of_it_are_to_its_own_pages():
    """The hook changes links to these files only."""
    outside = {(ROOT / name).resolve() for name in OUTSIDE}
    for page in (ROOT / "docs").rglob("*.md"):
        for link in links_of(page.read_text()):
            if link.startswith("."):
                target = (page.parent / link.partition("#")[0]).resolve()
                assert target in outside or (ROOT / "docs") in target.parents, f"{page}: {link}"


def test_the_menu_of_the_site_has_every_page_once():
    listed = re.findall(r"([\w/.-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert sorted(listed) == sorted(pages | set(OUTSIDE.values()))


def test_every_guide_is_in_the_readme():
    readme = links_of((ROOT / "README.md").read_text())
    guides = {page.relative_to(ROOT).as_posix() for page in (ROOT / "docs" / "guides").iterdir()}
    assert {link for link in readme if link.startswith("docs/guides/")} == guides


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_a_list_begins_after_a_blank_line(page):
    """Otherwise it is a list on GitHub, and a part of the paragraph on the site."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"^(?![-*] |  ).+\n[-*] .+$", text, re.MULTILINE) == []


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed; `make docs` installs it")
def test_the_site_can_be_built(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", f"--site-dir={tmp_path}"]
    subprocess.run(command, cwd=ROOT, check=True)
    addresses = re.findall(r'(?:src|srcset|href)="([^"]+)"', (tmp_path / "index.html").read_text())
    assert "pictures/flow-dark.svg" in addresses and not any(address.startswith("docs/") for address in addresses)
    assert (tmp_path / "guides" / "make_c4" / "index.html").exists()
