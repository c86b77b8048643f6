"""The one place where the stages meet; the command line, the Python API and pytest stand on it.

``options`` → ``projects`` → ``plan`` (``faults``: what is wrong with a case; ``needs``: what
judging takes) → ``run``. Of each case ``prepare`` makes a request, ``conduct`` says what is asked,
step by step (``judges`` for judgements), ``settle`` and ``sets`` (with ``tally``) what becomes of
the answers (``judge``: the verdict); ``replay`` judges what was accepted, ``record`` keeps a run
and ``again`` judges a kept one. ``changes``, ``review`` and ``prune`` settle what waits and what is
left over, by the specs as they are ``today``. ``inspect`` looks without sending, ``trust`` grants,
``api`` serves ``import promptrun``. Import the module that you need: each command loads only its
own.
"""
