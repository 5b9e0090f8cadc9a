"""Rendering of rtl_templates: StrictUndefined, so that a missing value is an error and never an empty string."""

from __future__ import annotations

import jinja2

from lutwright.resources import room


def render(template: str, values: dict[str, object]) -> bytes:
    """The text of `template` (a file of room rtl_templates) with `values`, as UTF-8."""
    loader = jinja2.FileSystemLoader(room("rtl_templates"))
    env = jinja2.Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return env.get_template(template).render(**values).encode()
