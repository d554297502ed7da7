"""A brief as one HTML page that needs nothing else: it reads on a screen and prints on A4."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dataflows.briefs.document import Block, Brief
from dataflows.briefs.plots import picture
from dataflows.briefs.words import NUMERALS

PAGES = Path(__file__).parents[1] / "pages"


def page(brief: Brief) -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["picture"] = picture
    environment.tests["kind"] = is_kind
    return environment.get_template("brief.html.j2").render(brief=brief, numerals=NUMERALS)


def is_kind(block: Block, name: str) -> bool:
    """Whether a block is a `Paragraph`, `Note`, `Table` or `Chart`."""
    return type(block).__name__ == name
