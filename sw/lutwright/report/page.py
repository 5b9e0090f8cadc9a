"""The HTML page of the demo: one file, nothing loaded from anywhere."""

from __future__ import annotations

from typing import Any

import jinja2


def demo_page(values: dict[str, Any]) -> str:
    """The page of report/demo.html.j2; `values` must hold every name in it (StrictUndefined). SVG goes in as it is."""
    loader = jinja2.PackageLoader("lutwright.report", ".")
    env = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=True
    )
    return env.get_template("demo.html.j2").render(
        **{**values, "curve": jinja2.utils.markupsafe.Markup(values["curve"])}
    )
