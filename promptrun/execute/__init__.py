"""Many requests in, events out, in whatever order they come."""

from promptrun.execute.events import Answer, Call, Event, Idle, Piece, Restarted, Waiting
from promptrun.execute.meter import Meter
from promptrun.execute.pace import Pace, Rates
from promptrun.execute.policy import RetryPolicy
from promptrun.execute.run import execute
from promptrun.execute.stop import Stop
from promptrun.execute.terms import Terms

__all__ = [
    "Answer",
    "Call",
    "Event",
    "Idle",
    "Meter",
    "Pace",
    "Piece",
    "Rates",
    "Restarted",
    "RetryPolicy",
    "Stop",
    "Terms",
    "Waiting",
    "execute",
]
