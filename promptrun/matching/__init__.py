"""How text and JSON are searched by what a spec says: patterns, paths, words.

A spec may come from a stranger, so nothing here can run for minutes or fill the memory. Import the
module that you need: each loads its library only when it is used.
"""
