"""The one place where the stages meet; the command line and the Python API stand on it.

``options`` → ``plan`` → ``run`` (``settle`` and ``judge`` for one case); ``changes`` accepts and
rejects, ``inspect`` looks without sending, ``trust`` grants, ``api`` serves ``import promptrun``.
Import the module that you need: each command loads only its own.
"""
