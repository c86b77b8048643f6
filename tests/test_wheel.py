from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    [built] = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"promptrun"}
    assert "promptrun/py.typed" in names
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "promptrun").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert package <= set(names)


def test_an_installed_wheel_runs_outside_of_the_repository(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site, wheel],
        check=True,
        capture_output=True,
    )
    project = tmp_path / "project"
    # `-I` and a path of its own: the checkout that this test runs from is not seen.
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r}); from promptrun.cli import main; main()"
    )

    def promptrun(*arguments: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-I", "-c", program, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout + ran.stderr

    promptrun("init", str(project))
    assert "1 case in 1 spec is in order" in promptrun("check", str(project))
    assert "specs/hello.yaml::default\tlocal\tnone" in promptrun("list", str(project))
