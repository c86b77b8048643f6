"""Spec and variables → the exact request: templates in a sandbox, files, media, checks."""

from promptrun.render.expectations import render_expectations
from promptrun.render.request import render_request

__all__ = ["render_expectations", "render_request"]
