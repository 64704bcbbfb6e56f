"""The web pages of the demo, made from English prose that every Python installation contains.

Sources: the topics of `pydoc`, the docstrings of the standard library and of installed packages (read from their source
files with `ast`, without importing them), and the descriptions of installed packages.
"""

import ast
import inspect
import re
import sysconfig
import warnings
from collections.abc import Iterator
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import cast

_SKIPPED_FOLDERS = {"test", "tests", "testing", "site-packages", "idlelib", "lib2to3", "__pycache__", "_vendor"}
_SHORTEST_PAGE_CHARACTERS = 400
_LARGEST_SOURCE_BYTES = 1_000_000
_MODULES_PER_PACKAGE = 60


def pages() -> Iterator[tuple[str, str]]:
    """(URL, text) of every page, in an order that depends only on the installation."""
    yield from _topics()
    library = Path(sysconfig.get_path("stdlib"))
    yield from _module_pages("https://stdlib.example.org/python", library, sorted(library.rglob("*.py")))
    yield from _packages()


def _topics() -> Iterator[tuple[str, str]]:
    from pydoc_data.topics import topics

    for name, text in sorted(topics.items()):
        yield f"https://docs.example.org/topics/{name}.html", as_web_text(text)


def _packages() -> Iterator[tuple[str, str]]:
    distributions = {d.metadata["Name"].lower(): d for d in metadata.distributions() if d.metadata["Name"]}
    for name, distribution in sorted(distributions.items()):
        about = cast(Message, distribution.metadata)
        description = about.get_payload() or about.get("Description") or ""
        if isinstance(description, str) and len(description) >= _SHORTEST_PAGE_CHARACTERS:
            yield f"http://packages.example.com/{name}/", as_web_text(description)
        sources = [file for file in distribution.files or () if file.suffix == ".py" and ".." not in file.parts]
        root = Path(str(distribution.locate_file("")))
        paths = [root / file for file in sorted(sources)[:_MODULES_PER_PACKAGE]]
        yield from _module_pages(f"https://api.example.net/{name}", root, paths)


def _module_pages(site: str, root: Path, paths: list[Path]) -> Iterator[tuple[str, str]]:
    for path in paths:
        inner = path.relative_to(root)
        if _SKIPPED_FOLDERS & set(inner.parts) or not path.is_file():
            continue
        text = _docstrings(path)
        if len(text) >= _SHORTEST_PAGE_CHARACTERS:
            yield f"{site}/{inner.with_suffix('').as_posix()}.html", text


def _docstrings(path: Path) -> str:
    """All docstrings of a source file, in order, as the text of a page."""
    if path.stat().st_size > _LARGEST_SOURCE_BYTES:
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return ""
    parts = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            docstring = ast.get_docstring(node, clean=True)
            if docstring:
                heading = [node.name] if not isinstance(node, ast.Module) else []
                parts.append("\n\n".join([*heading, docstring]))
    return as_web_text("\n\n".join(parts))


def as_web_text(text: str) -> str:
    """Text as it would be extracted from a rendered page: each paragraph or list item becomes a line.

    >>> as_web_text("A line that\\ngoes on.\\n\\n* An item\\n  of two lines.\\n* Another.")
    'A line that goes on.\\n* An item of two lines.\\n* Another.'
    """
    lines: list[str] = []
    open_paragraph = False
    for line in inspect.cleandoc(text).splitlines():
        stripped = line.strip()
        if not stripped or re.fullmatch(r"[=\-~^*#`+.:_]{3,}", stripped):
            open_paragraph = False
        elif open_paragraph and not re.match(r"([*\-+#>|]|\d+\.|:\w|\.\. )", stripped):
            lines[-1] += " " + stripped
        else:
            lines.append(stripped)
            open_paragraph = True
    return "\n".join(lines)
