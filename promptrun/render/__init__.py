"""Spec and variables → the exact request: templates in a sandbox, files, media, checks."""

from promptrun.render.request import render_request

__all__ = ["render_request"]
