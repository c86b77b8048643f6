"""Writing the record of a run while the run goes on."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING

from promptrun.errors import UsageError
from promptrun.files.hidden import make_hidden
from promptrun.files.tree import FileProblem
from promptrun.runs.claim import TakenError, claim
from promptrun.runs.encode import (
    ADD_CASE,
    ADD_MEDIUM,
    ADD_REPLY,
    case_row,
    meta_row,
    reply_row,
    size_of,
)
from promptrun.runs.file import begin_record, end_record, leave_wal, resume_record
from promptrun.runs.place import (
    FOLDER,
    SHOWN,
    check_id,
    companions,
    named_record,
    record_path,
)
from promptrun.runs.record import RecordError
from promptrun.runs.refusal import describe_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from sqlite3 import Connection
    from typing import Self

    from promptrun.runs.encode import Row
    from promptrun.runs.record import EndState, Image, RecordedCase, RecordedReply, RunMeta

MOST_HELD = 64
"""Cases that wait for a transaction."""
MOST_HELD_SIZE = 2**20
"""Characters of them: a case holds its request, which may be large."""
LONGEST_HELD = 0.5
"""Seconds after which they go with whatever is added next."""
_LOOKS = 3
"""At the lock of a run that is to be resumed: somebody may just look whether it goes on."""


class RunWriter:
    """The open record of one run: ``.promptrun/runs/ID.sqlite``, readable by its owner only.

    What was added is in the file with the next `flush`, in one transaction, and outlives a killed
    process from then on; a power failure may cost the last rows, and never the file. Cases go by
    themselves once `MOST_HELD` of them wait: what became of one can be told again by its replies.
    Values are masked before they come here.

    Where the disk refuses, the call raises RecordError and the record ends: what is in it stays,
    what was held back is lost with it, and later calls do nothing. A value that no record can hold
    raises RecordError, too, and the record goes on without it. A writer serves one thread at a
    time.
    """

    def __init__(self, root: Path, run_id: str, meta: RunMeta) -> None:
        """Make the file. RecordError where that fails or it exists; UsageError for a bad id."""
        check_id(run_id)
        row = meta_row(meta)
        path = _create_file(root, run_id)
        try:
            self._open(path, lambda: begin_record(path, row))
        except BaseException:
            for left in (path, *companions(path)):
                with suppress(OSError):
                    left.unlink()
            raise

    @classmethod
    def resume(cls, root: Path, run_id: str, meta: RunMeta) -> Self:
        """Go on with the record of a run that ended, or whose process was killed.

        What it says of its end is cleared; its cases and replies stay, and so do its targets. By
        which programs, settings and commit it goes on is told by `meta`. Raises UsageError for a
        record that is not there or cannot be read, as `RunReader` does, and RecordError where
        another process writes it still, or the disk refuses.
        """
        path = named_record(root, run_id)
        if not os.path.lexists(path):
            raise UsageError(
                f"no run `{run_id}` is recorded in `{SHOWN}`", hint=f"looked in `{root}`"
            )
        writer = cls.__new__(cls)
        writer._open(path, lambda: resume_record(path, meta))  # noqa: SLF001 - its own
        return writer

    def _open(self, path: Path, begin: Callable[[], Connection]) -> None:
        self.path = path
        self._connection: Connection | None = None
        self._replies: list[Row] = []
        self._held: list[Row] = []
        self._media: list[Row] = []
        self._held_size = 0
        self._held_until = 0.0
        self._claim = ExitStack()
        try:
            with self._disk():
                self._claim.enter_context(claim(path, looks=_LOOKS))
                self._connection = begin()
        except BaseException as error:
            self._end()
            if isinstance(error, TakenError):
                raise _goes_on(path.stem) from None
            raise

    @property
    def is_open(self) -> bool:
        """Whether more can be added; False once the disk refused, and after `close`."""
        return self._connection is not None

    def add_reply(self, reply: RecordedReply) -> None:
        """Keep one reply, or one failure, with the next `flush`."""
        if self._connection is not None:
            self._replies.append(reply_row(reply))

    def add_case(self, case: RecordedCase) -> None:
        """Keep what became of a case; one that is added again takes its own place."""
        self._hold(case_row(case))
        if self._is_due():
            self.flush()

    def add_medium(self, image: Image) -> None:
        """Keep an image for those who read the record; one that is kept already is kept once."""
        if self._connection is not None:
            self._media.append(image)
            self._held_size += len(image[2])

    def flush(self) -> None:
        """Put into the file what is held back."""
        if self._replies or self._held or self._media:
            self._write()

    def close(self, state: EndState, exit_code: int | None = None) -> None:
        """Say how the run ended, and make the record one file that can be copied alone.

        While somebody reads it, its companions stay beside it. Closing again does nothing.
        """
        self.flush()
        if self._connection is None:
            return
        with self._disk():
            end_record(self._connection, state, exit_code)
            leave_wal(self._connection)
        self._end()

    def _hold(self, row: Row) -> None:
        if self._connection is None:
            return
        if not self._held:
            self._held_until = monotonic() + LONGEST_HELD
        self._held.append(row)
        self._held_size += size_of(row)

    def _is_due(self) -> bool:
        held = self._held
        return bool(held) and (
            len(held) >= MOST_HELD
            or self._held_size >= MOST_HELD_SIZE
            or monotonic() >= self._held_until
        )

    def _write(self) -> None:
        if self._connection is None:
            return
        # Leaving the inner block commits, or rolls back; an interrupt may strike anywhere in it.
        with self._disk(), self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(ADD_REPLY, self._replies)
            connection.executemany(ADD_CASE, self._held)
            connection.executemany(ADD_MEDIUM, self._media)
        # Only now: what an interrupt rolled back is written again.
        self._forget()

    @contextmanager
    def _disk(self) -> Iterator[None]:
        import sqlite3

        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._end()
            why, hint = describe_refusal(error, self.path.parent)
            raise RecordError(f"the record `{self.path}` ends here: {why}", hint=hint) from error

    def _forget(self) -> None:
        self._replies = []
        self._held = []
        self._media = []
        self._held_size = 0

    def _end(self) -> None:
        self._forget()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._claim.close()


def _goes_on(run_id: str) -> RecordError:
    return RecordError(
        f"the run `{run_id}` still goes on",
        hint="resume it when it has ended; `promptrun history` tells which runs go on",
    )


def _create_file(root: Path, run_id: str) -> Path:
    """An empty file of its own for the run; a link in its place is not followed."""
    try:
        folder = make_hidden(root.resolve(), FOLDER)
        path = record_path(folder, run_id)
        _claim_name(path)
    except FileProblem as problem:
        raise RecordError(
            f"the run cannot be recorded: {problem.message}", hint=problem.hint
        ) from None
    except FileExistsError:
        raise RecordError(
            f"the run cannot be recorded: a run `{run_id}` is recorded already",
            hint="give the run another name, or delete that record",
        ) from None
    except OSError as error:
        # A write that fails names no file.
        name = error.filename or SHOWN
        why, hint = describe_refusal(error, name)
        raise RecordError(
            f"the run cannot be recorded: cannot write `{name}`: {why}", hint=hint
        ) from None
    return path


def _claim_name(path: Path) -> None:
    # A log that was left here would be taken for the new record's own.
    if any(map(os.path.lexists, companions(path))):
        raise FileExistsError
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
