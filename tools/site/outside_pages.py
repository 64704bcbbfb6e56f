"""A hook of MkDocs: README.md, CONTRIBUTING.md and CHANGELOG.md become pages of the site, though they are not in docs/.

In the checkout, these files and those in docs/ link to each other by their paths. The links are changed for the site.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

# File of the checkout -> page of the site.
OUTSIDE = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md"}
_INTO_DOCS = re.compile(r"""(\]\(|["'])docs/""")
_OUT_OF_DOCS = re.compile(rf"\]\(((?:\.\./)+)({'|'.join(map(re.escape, OUTSIDE))})")


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Add the pages."""
    from mkdocs.structure.files import File

    for source, page in OUTSIDE.items():
        text = Path(config.config_file_path).with_name(source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_INTO_DOCS.sub(r"\1", text)))
    return files


def on_page_markdown(markdown: str, page: "Page", config: "MkDocsConfig", files: "Files") -> str:
    """Change the links that leave docs/: one `../` less, and the name of the page."""
    return _OUT_OF_DOCS.sub(lambda link: f"]({link[1].removeprefix('../')}{OUTSIDE[link[2]]}", markdown)
