"""Many requests in, events out, in whatever order they come."""

from promptrun.execute.events import Answer, Call, Event, Idle, Piece, Restarted, Waiting
from promptrun.execute.policy import RetryPolicy
from promptrun.execute.run import execute

__all__ = [
    "Answer",
    "Call",
    "Event",
    "Idle",
    "Piece",
    "Restarted",
    "RetryPolicy",
    "Waiting",
    "execute",
]
