"""The accepted replies: recorded, written, read back, proposed and accepted.

`docs/snapshots.md` shows the files. The dumper is not imported here: a replay only reads.
"""

from promptrun.snapshots.parse import BrokenSnapshotError, parse_snapshot
from promptrun.snapshots.paths import snapshot_path
from promptrun.snapshots.record import (
    KeptRequest,
    content_text,
    digest_request,
    make_snapshot,
    recall_reply,
    record_reply,
    record_request,
    request_as_kept,
)
from promptrun.snapshots.store import SnapshotStore
from promptrun.snapshots.values import Accepted

__all__ = [
    "Accepted",
    "BrokenSnapshotError",
    "KeptRequest",
    "SnapshotStore",
    "content_text",
    "digest_request",
    "make_snapshot",
    "parse_snapshot",
    "recall_reply",
    "record_reply",
    "record_request",
    "request_as_kept",
    "snapshot_path",
]
