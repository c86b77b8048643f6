"""The addresses of a review, and what each answers."""

from __future__ import annotations

from asyncio import Lock
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from promptrun.errors import PromptrunError, UsageError
from promptrun.reports.style import visible, visible_line
from promptrun.web import answers, pages
from promptrun.web.aside import run_aside
from promptrun.web.choose import Filter
from promptrun.web.desk import Answer, Desk, Order
from promptrun.web.guard import Guard
from promptrun.web.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from starlette.requests import Request

    from promptrun.pipeline.options import Options
    from promptrun.web.told import Told

MOST_LINES: Final = 50
"""Changes of one order, or of another tab, that are told one by one."""
REPORT_POLICY: Final = (
    "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'none'"
)
"""A report has a policy of its own in it. In a sandbox it is of no origin, and cannot ask here."""
_PIECE: Final = 2**16
_T = TypeVar("_T")


class Review:
    """One review in the browser: `guard` is the application that is served."""

    def __init__(self, options: Options, *, host: str, port: int) -> None:
        """Read what waits; raises PromptrunError where the command line cannot be meant."""
        self.desk = Desk(options)
        self._runs = Runs(options)
        self.on_end: Callable[[], None] | None = None
        """Called when somebody ends the review from the page."""
        self._lock = Lock()
        """Held by whoever reads or writes the disk: one at a time."""
        self._report_lock = Lock()
        """Held by who makes a report; it opens records of its own."""
        self.guard = Guard(self._make_app(), host=host, port=port, refuse=answers.refuse)

    def _make_app(self) -> Starlette:
        routes = [
            Route("/", self._show_review),
            Route("/list", self._show_list),
            Route("/change", self._show_change),
            Route("/plan", self._show_plan),
            Route("/state", self._show_state),
            Route("/settle", self._settle, methods=["POST"]),
            Route("/end", self._end, methods=["POST"]),
            Route("/runs", self._show_runs),
            Route("/runs/{run_id}", self._show_report),
            Route("/style.css", _show_style),
            Route("/script.js", _show_script),
        ]
        handlers: dict[Any, Any] = {
            PromptrunError: _tell_problem,
            HTTPException: answers.tell_http,
            msgspec.DecodeError: answers.tell_malformed,
            Exception: answers.tell_bug,
        }
        return Starlette(routes=routes, exception_handlers=handlers)

    async def _show_review(self, request: Request) -> Response:
        wanted = _read_filter(request)

        def write() -> str:
            self.desk.refresh(force=True)
            live = pages.write_live(self._runs.newest(), None)
            items = self.desk.items(wanted)
            return pages.write_review(self.desk, items, wanted, secret=self.guard.secret, live=live)

        return answers.page(await self._with_disk(write))

    async def _show_list(self, request: Request) -> Response:
        wanted = _read_filter(request)

        def write() -> dict[str, Any]:
            self.desk.refresh()
            return self._tell_list(wanted)

        return answers.as_json(await self._with_disk(write))

    async def _show_change(self, request: Request) -> Response:
        wanted = _read_filter(request)
        key = request.query_params.get("key")

        def write() -> str:
            return pages.write_detail(self.desk, self.desk.items(wanted), key, wanted)

        return answers.as_json({"detail": await self._with_disk(write)})

    async def _show_plan(self, request: Request) -> Response:
        wanted = _read_filter(request)
        act = msgspec.convert(request.query_params.get("act"), pages.Act)

        def write() -> str:
            self.desk.refresh()
            return pages.write_plan(self.desk.plan(act, wanted), act)

        return answers.as_json({"plan": await self._with_disk(write)})

    async def _show_state(self, request: Request) -> Response:
        """What moved since the page asked last, so that it need not be loaded again."""
        seen = request.query_params.get("told", "")
        number = int(seen) if seen.isdecimal() and len(seen) < 16 else 0
        if self._lock.locked():
            # Somebody settles many changes: the page is told how far that is, and waits for nobody.
            told = self.desk.under_way
            return answers.as_json({"live": pages.write_live(None, told)} if told else {})

        def look() -> dict[str, Any]:
            self.desk.refresh()
            news = [line for line in self.desk.told if line.number > number]
            return {
                "version": self.desk.version,
                "waiting": self.desk.waiting,
                "live": pages.write_live(self._runs.newest(), None),
                "told": _describe_told(news),
                "number": self.desk.told[-1].number if self.desk.told else 0,
            }

        return answers.as_json(await self._with_disk(look))

    async def _settle(self, request: Request) -> Response:
        order = _read_order(await request.body())

        def act() -> tuple[Answer, dict[str, Any]]:
            answer = self.desk.settle(order)
            return answer, self._tell_list(order.filter)

        answer, listed = await self._with_disk(act)
        if answer.moved is not None:
            return answers.as_json(listed | {"error": visible(answer.moved)}, 409)
        return answers.as_json(listed | {"told": _describe_told(answer.told)})

    async def _end(self, request: Request) -> Response:
        del request
        if self.on_end is not None:
            self.on_end()
        return answers.as_json({"ended": True})

    async def _show_runs(self, request: Request) -> Response:
        del request

        def write() -> str:
            live = pages.write_live(self._runs.newest(), None)
            return pages.write_runs(
                self._runs.all(), secret=self.guard.secret, waiting=self.desk.waiting, live=live
            )

        return answers.page(await self._with_disk(write))

    async def _show_report(self, request: Request) -> Response:
        run_id: str = request.path_params["run_id"]
        try:
            # Not under the lock: a large record, or a stranger's, must not keep the review waiting.
            async with self._report_lock:
                file = await run_aside(lambda: self._runs.write_report(run_id))
        except UsageError as error:
            return answers.refuse(request, 404, error.message, error.hint)
        headers = {"Content-Security-Policy": REPORT_POLICY}
        return StreamingResponse(_read_pieces(file), media_type="text/html", headers=headers)

    async def _with_disk(self, work: Callable[[], _T]) -> _T:
        async with self._lock:
            return await run_in_threadpool(work)

    def _tell_list(self, wanted: Filter) -> dict[str, Any]:
        return {
            "list": pages.write_list(self.desk, self.desk.items(wanted), wanted),
            "filters": pages.write_specs(self.desk.specs, wanted),
            "version": self.desk.version,
            "waiting": self.desk.waiting,
            "number": self.desk.told[-1].number if self.desk.told else 0,
        }


def _read_filter(request: Request) -> Filter:
    query = request.query_params
    return msgspec.convert({name: query.get(name, "") for name in Filter.__struct_fields__}, Filter)


def _read_order(body: bytes) -> Order:
    """What the script sent; raises DecodeError for anything else."""
    try:
        return msgspec.json.decode(body.decode(), type=Order)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(str(error)) from None


def _describe_told(lines: Sequence[Told]) -> list[dict[str, str | None]]:
    told: list[dict[str, str | None]] = [
        {
            "kind": line.kind,
            "id": visible_line(line.id),
            "text": visible(line.text),
            "hint": None if line.hint is None else visible(line.hint),
        }
        for line in lines[:MOST_LINES]
    ]
    if len(lines) > MOST_LINES:
        more = f"and {len(lines) - MOST_LINES:,} more"
        told.append({"kind": "more", "id": "", "text": more, "hint": None})
    return told


def _read_pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


async def _show_style(request: Request) -> Response:
    del request
    return answers.own_file(pages.read_style(), "text/css")


async def _show_script(request: Request) -> Response:
    del request
    return answers.own_file(pages.read_file("script.js"), "text/javascript")


async def _tell_problem(request: Request, error: PromptrunError) -> Response:
    return answers.refuse(request, 500, error.message, error.hint)
