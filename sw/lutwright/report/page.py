"""The HTML pages: each one file, nothing loaded from anywhere."""

from __future__ import annotations

from typing import Any

import jinja2
from markupsafe import Markup


def demo_page(values: dict[str, Any]) -> str:
    """The page of report/demo.html.j2; `values` must hold every name in it (StrictUndefined). SVG goes in as it is."""
    return _page("demo.html.j2", {**values, "curve": Markup(values["curve"])})


def check_page(values: dict[str, Any]) -> str:
    """The page of report/check.html.j2; `values` must hold every name in it. Each `plots[name]` is SVG, or ""."""
    plots = {name: Markup(text) for name, text in values["plots"].items()}
    return _page("check.html.j2", {**values, "plots": plots})


def refused_page(values: dict[str, Any]) -> str:
    """The page of report/check_refused.html.j2; `values` must hold every name in it."""
    return _page("check_refused.html.j2", values)


def learn_page(values: dict[str, Any]) -> str:
    """The page of report/learn.html.j2; `values` must hold every name in it. SVG goes in as it is."""
    return _page("learn.html.j2", {**values, "curve": Markup(values["curve"])})


def _page(template: str, values: dict[str, Any]) -> str:
    loader = jinja2.PackageLoader("lutwright.report", ".")
    env = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True
    )
    return env.get_template(template).render(**values)
