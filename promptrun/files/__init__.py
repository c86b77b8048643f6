"""Untrusted files: found below a root, read within bounds, parsed with their places kept.

Everything that reaches promptrun from a disk comes through here, so the rules about roots, byte
order marks, line ends, sizes and nesting stand in one place.
"""
