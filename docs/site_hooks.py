"""Hooks of MkDocs: the documents of the repository's root, and the files that pages link to, become pages of the site.

In the repository a link leads to a file, such as ``../examples/flask_app.py``. The site has no repository behind it, so
each such file gets a page below ``source/``, and links to it are rewritten.
"""

from __future__ import annotations

import posixpath
import re
from functools import cache
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).resolve().parent.parent
#: Documents in the root of the repository, and their pages.
ROOT_PAGES = {"CHANGELOG.md": "changelog.md", "SECURITY.md": "security-policy.md", "CONTRIBUTING.md": "contributing.md"}
#: Those that fewer readers look for; the search lists them last.
_LESS_SOUGHT = {"CHANGELOG.md", "CONTRIBUTING.md"}
_LANGUAGES = {".py": "python", ".js": "js", ".ts": "ts", ".astro": "html", ".conf": "nginx", ".yml": "yaml"}
_LINK = re.compile(r"(!?\[[^\]]*\]\()((?!https?:|mailto:|#)[^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that are not in ``docs/``."""
    for name, page in ROOT_PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        boost = 0.3 if name in _LESS_SOUGHT else 1
        files.append(File.generated(config, page, content=f"---\nsearch:\n  boost: {boost}\n---\n{text}"))
    for path in _linked():
        page = _site_path(path)
        if page.endswith(".md"):
            level = InclusionLevel.NOT_IN_NAV
            files.append(File.generated(config, page, content=_content(path), inclusion=level))
        elif not page.startswith("../"):
            files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rewrites links to files outside of ``docs/``."""
    return _LINK.sub(lambda match: _rewrite(match, page.file.src_uri), markdown)


def _rewrite(match: re.Match[str], page: str) -> str:
    start, target, anchor = match[1], match[2], match[3] or ""
    path = _repository_path(_source_of(page), target)
    if path.startswith("docs/") and not page.startswith("source/") and page not in ROOT_PAGES.values():
        return match[0]
    found = path if (ROOT / path).is_file() else posixpath.join(path, "README.md")
    if not (ROOT / found).is_file():
        return start.removesuffix("](").removeprefix("[")  # a folder: its name is enough
    return f"{start}{posixpath.relpath(_site_path(found), posixpath.dirname(page) or '.')}{anchor})"


@cache
def _linked() -> frozenset[str]:
    """Returns the files outside of ``docs/`` that pages link to, also by way of each other."""
    pages = [f"docs/{file.relative_to(ROOT / 'docs').as_posix()}" for file in (ROOT / "docs").rglob("*.md")]
    pages += ROOT_PAGES
    found: set[str] = set()
    while pages:
        page = pages.pop()
        for match in _LINK.finditer((ROOT / page).read_text(encoding="utf-8")):
            path = _repository_path(page, match[2])
            path = path if (ROOT / path).is_file() else posixpath.join(path, "README.md")
            if path.startswith("docs/") or path in found | set(ROOT_PAGES) or not (ROOT / path).is_file():
                continue
            found.add(path)
            pages += [path] if path.endswith(".md") else []
    return frozenset(found)


def _repository_path(page: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target))


def _source_of(page: str) -> str:
    """Returns the path in the repository of a page of the site."""
    for name, its_page in ROOT_PAGES.items():
        if page == its_page:
            return name
    return page.removeprefix("source/") if page.startswith("source/") else f"docs/{page}"


def _site_path(path: str) -> str:
    """Returns the page of the site that shows a file of the repository."""
    if path in ROOT_PAGES:
        return ROOT_PAGES[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"source/{path}" if path.endswith((".md", ".svg", ".png")) else f"source/{path}.md"


def _content(path: str) -> str:
    text = (ROOT / path).read_text(encoding="utf-8")
    if not path.endswith(".md"):
        text = f"# {path}\n\n````{_LANGUAGES.get(Path(path).suffix, 'text')}\n{text}````\n"
    return f"---\nsearch:\n  exclude: true\n---\n{text}"  # the documentation comes first
