"""Hooks of mkdocs: pages from outside docs/, the API reference, and links and formulas as in the repository."""

from __future__ import annotations

import html
import logging
import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import griffe
import ziafont
import ziamath
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
"""Files beside docs/ -> their pages on the site."""
REFERENCE = ("newaisle", "newaisle.graph", "newaisle.loaders", "newaisle.api")
"""The modules whose ``__all__`` is the public API."""

_CODE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```(?P<language>\w+)(?: (?:exact|norun))+$", re.MULTILINE)
_LINK = re.compile(r"(?P<text>!?\[(?:[^\[\]]|\[[^\]]*\])*\])\((?P<target>[^)\s]+)\)")
_FORMULA = re.compile(r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL)
_ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc):`~?(?P<name>[^`]+)`")

_FONT_SIZE = 16.0
ziafont.config.svg2 = False  # paths in place: with symbols, formulas of a page would share ids

log = logging.getLogger("mkdocs.hooks.site")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside docs/ and one page of reference per public module."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    package = griffe.load("newaisle", search_paths=[ROOT / "src"], docstring_parser="google", resolve_aliases=True)
    places: dict[str, str] = {}
    for module in REFERENCE:
        content = "".join(_reference(package, module, places))
        files.append(File.generated(config, f"reference/{module.rpartition('.')[2]}.md", content=content))
    return files


def _reference(package: griffe.Object | griffe.Alias, module: str, places: dict[str, str]) -> Iterator[str]:
    """The page of a module: all public names, with a warning for those without a docstring.

    ``places`` collects path -> public name; a name that an earlier page has is only linked to it.
    """
    room = package[module.partition(".")[2]] if "." in module else package
    yield f"# {module}\n\n{room.docstring.value if room.docstring else ''}\n\n"
    for name in map(str, room.exports or ()):
        public = room[name]
        path = public.final_target.path if public.is_alias else public.path
        if path in places:
            yield f"## {name}\n\nThe same as [{places[path]}][].\n\n"
            continue
        places[path] = f"{module}.{name}"
        for member in (public, *_members(public)):
            if not member.has_docstring:
                log.warning("%s has no docstring", member.path)
        yield f"::: {module}.{name}\n\n"


def _members(public: griffe.Object | griffe.Alias) -> Iterator[griffe.Object | griffe.Alias]:
    """The public methods and properties of a class; ``__len__`` and its like need no description."""
    for member in public.members.values() if public.is_class else ():
        if not member.name.startswith("_") and (member.is_function or "property" in member.labels):
            yield member


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Remove the marks for tests from code blocks, and point links to pages or to copies of files."""
    source = next((name for name, uri in PAGES.items() if uri == page.file.src_uri), f"docs/{page.file.src_uri}")
    parts = _CODE.split(_FENCE.sub(r"```\g<language>", markdown))
    for at in range(0, len(parts), 2):  # code is left alone
        parts[at] = _LINK.sub(lambda link: _site_link(link, source, page, config, files), parts[at])
    return "".join(parts)


def _site_link(link: re.Match[str], source: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A link of the repository, rewritten for a page of the site."""
    target, _, anchor = link["target"].partition("#")
    if not target or "://" in target or target.startswith("mailto:"):
        return link[0]
    path = PurePosixPath(os.path.normpath(PurePosixPath(source).parent / target)).as_posix()
    if (ROOT / path).is_dir():
        return link["text"].removeprefix("[").removesuffix("]")
    if path in PAGES:
        uri = PAGES[path]
    elif path.startswith("docs/"):
        uri = path.removeprefix("docs/")
    else:  # a file of the repository that is no page: the site carries a copy
        uri = f"files/{path}" if "." in path else f"files/{path}.txt"
        if (ROOT / path).is_file() and files.get_file_from_path(uri) is None:
            copy = File.generated(config, uri, abs_src_path=str(ROOT / path), inclusion=InclusionLevel.NOT_IN_NAV)
            files.append(copy)
    relative = os.path.relpath(uri, PurePosixPath(page.file.src_uri).parent)
    return f"{link['text']}({relative}{'#' * bool(anchor)}{anchor})"


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs names them
    """Draw formulas as SVG, which needs neither a script nor a mathematical font of the reader's."""
    return _FORMULA.sub(_svg, content)


def _svg(found: re.Match[str]) -> str:
    tag, tex = found["tag"], html.unescape(found["tex"])
    formula = ziamath.Latex(tex, size=_FONT_SIZE, color="currentColor", inline=tag == "span")
    svg = ElementTree.fromstring(formula.svg())  # noqa: S314 - made in the line before
    for side in ("width", "height"):
        svg.set(side, f"{float(svg.attrib[side]) / _FONT_SIZE:.3f}em")
    svg.set("style", f"vertical-align: {formula.getyofst() / _FONT_SIZE:.3f}em")
    svg.set("role", "img")
    svg.set("aria-label", tex)
    ElementTree.register_namespace("", "http://www.w3.org/2000/svg")
    return f'<{tag} class="formula">{ElementTree.tostring(svg, encoding="unicode")}</{tag}>'


class Roles(griffe.Extension):
    """Turns the roles of docstrings, :class:`CatalogGraph` for one, into links where the reference has such a name."""

    def on_package(self, *, pkg: griffe.Module, **_: object) -> None:
        """Go through all docstrings of the package."""
        remaining: list[griffe.Object] = [pkg]
        while remaining:
            part = remaining.pop()
            if part.docstring:
                part.docstring.value = _ROLE.sub(partial(_reference_link, part), part.docstring.value)
            remaining += [member for member in part.members.values() if isinstance(member, griffe.Object)]


def _reference_link(part: griffe.Object, role: re.Match[str]) -> str:
    name = role["name"]
    try:
        path = name if name.startswith("newaisle.") else part.resolve(name)
    except griffe.NameResolutionError:
        return f"`{name}`"
    return f'<autoref identifier="{path}" optional><code>{name}</code></autoref>'
