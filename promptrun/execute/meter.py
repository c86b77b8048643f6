"""What an executor counts while it works."""

from __future__ import annotations


class Meter:
    """Numbers for whoever watches; one for all executors of a run."""

    __slots__ = ("in_flight", "retries", "sent")

    def __init__(self) -> None:
        self.sent = 0
        """Requests, retries included."""
        self.retries = 0
        """Those of them that had been sent before."""
        self.in_flight = 0
        """Those of them that have no answer yet."""
