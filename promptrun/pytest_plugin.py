"""Specs as pytest items; switched on by `--promptrun`."""
