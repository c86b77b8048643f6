"""What a run may spend: requests, and US dollars."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from promptrun.protocol.prices import FREE, load_prices, reply_cost, token_counts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from promptrun.execute import Meter, Stop
    from promptrun.models import Reply
    from promptrun.pipeline.options import Options


class Budget:
    """Counts what replies cost, and stops a run that may spend no more.

    What is under way when a limit of cost is reached is still paid for. Each of these requests is
    taken to cost what the replies so far cost on average, so the limit is passed only where
    they turn out dearer. The first request goes alone: its reply tells what one costs.
    """

    def __init__(
        self, options: Options, providers: Iterable[str], stop: Stop, meter: Meter
    ) -> None:
        self._most_requests = options.max_requests
        self._most_cost = None if options.max_cost is None else Decimal(str(options.max_cost))
        self._stop = stop
        self._meter = meter
        self.cost = Decimal(0)
        """US dollars, as far as prices are known."""
        self._replies = 0
        self._cold = any(name != FREE for name in providers)

    def may_send(self) -> bool | None:
        """Whether one more request may go out; where it may not, the run is stopped.

        None: not yet, for the cost of the first one is not known.
        """
        if self._cold:
            self._cold = False
            _load_prices_soon()
        most = self._most_requests
        if most is not None and self._meter.sent >= most:
            self._stop.ask(f"`--max-requests {most}` is reached")
            return False
        if self._most_cost is not None:
            if not self._replies and self._meter.in_flight:
                return None
            if self._expected() > self._most_cost:
                self._stop.ask(f"`--max-cost {self._most_cost.normalize():f}` is reached")
                return False
        return True

    def add(self, reply: Reply, provider: str) -> float | None:
        """Count a reply; what it cost, where that is known."""
        cost = reply_cost(reply.raw, provider)
        if cost is None:
            if self._most_cost is not None:
                self._give_up(reply)
            return None
        self.cost += cost
        self._replies += 1
        return float(cost)

    def _give_up(self, reply: Reply) -> None:
        if token_counts(reply.raw) is None:
            why, hint = "the server does not say what a reply took", "`--max-requests N`"
            if reply.streamed:
                hint = f"ask for it: `stream_options: {{include_usage: true}}`; or {hint}"
        else:
            why = f"nobody knows what `{reply.raw.get('model')}` costs"
            hint = "limit the requests: `--max-requests N`"
        self._stop.ask(f"`--max-cost` cannot be kept: {why}", hint)

    def _expected(self) -> Decimal:
        """The cost once this request and all that are under way have been answered."""
        if not self._replies:
            return Decimal(0)
        return self.cost + self.cost / self._replies * (self._meter.in_flight + 1)


def _load_prices_soon() -> None:
    """Load what tells prices once the first requests have left, while they are under way."""
    from threading import Timer

    timer = Timer(0.05, load_prices)
    timer.daemon = True
    timer.start()
