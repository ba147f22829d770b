import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from optimlab.lab.frame import StudyError
from optimlab.lab.frame.output import reserved, whole_file

ENDLESS = """
    import numpy as np, pandas as pd
    from optimlab.lab.frame import study

    def main(run):
        for k in range(10**6):
            run.table(pd.DataFrame({"generation": np.full(300_000, k), "row": np.arange(300_000)}), "draws")

    raise SystemExit(study(main))
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_whole_file_is_written_and_replaces(tmp_path):
    path = tmp_path / "a.csv"
    for content in (b"a longer first version", b"second"):
        with whole_file(path) as file:
            file.write(content)
        assert path.read_bytes() == content
    assert names(tmp_path) == ["a.csv"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_after_an_exception_the_earlier_version_stays_alone(tmp_path, failure):
    path = tmp_path / "a.csv"
    path.write_bytes(b"earlier")
    with pytest.raises(failure), whole_file(path) as file:  # noqa: PT012  the failure is inside
        file.write(b"half")
        assert len(names(tmp_path)) == 2
        raise failure
    assert path.read_bytes() == b"earlier"
    assert names(tmp_path) == ["a.csv"]


def test_new_files_get_the_usual_permissions(tmp_path):
    (tmp_path / "usual").touch()
    with whole_file(tmp_path / "ours"):
        pass
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_full_disk_keeps_the_earlier_version(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "a.csv"
    path.write_bytes(b"earlier")
    code = f"""
        from pathlib import Path
        from optimlab.lab.frame.output import whole_file
        with whole_file(Path({str(path)!r})) as file:
            file.write(bytes(100_000))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
    )
    assert f"StudyError: cannot write {path}: File too large" in done.stderr
    assert path.read_bytes() == b"earlier"
    assert names(tmp_path) == ["a.csv"]


def test_a_folder_in_place_of_the_file_is_reported(tmp_path):
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(StudyError, match=r"cannot write .*a\.csv: Is a directory"), whole_file(tmp_path / "a.csv"):
        pass
    assert names(tmp_path) == ["a.csv"]


@pytest.mark.parametrize("below", ["", "study"])
def test_a_file_in_place_of_the_folder_is_reported(tmp_path, below):
    (tmp_path / "results").write_text("a file")
    expected = r"cannot write into the folder .*: a file is in its place; choose another with --out"
    with pytest.raises(StudyError, match=expected), reserved(tmp_path / "results" / below):
        pass


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a file system that nobody can write")
def test_an_unwritable_folder_is_reported():
    place = Path("/proc/self/fdinfo")
    with pytest.raises(StudyError, match=f"cannot write into the folder {place}: .*--out"), reserved(place):
        pass


def test_what_a_killed_run_left_is_swept_up_and_nothing_else(tmp_path):
    for name in (".draws.csv.123.part", ".hidden", "draws.csv", "chapter.part"):
        (tmp_path / name).touch()
    with reserved(tmp_path):
        assert names(tmp_path) == [".hidden", "chapter.part", "draws.csv"]


@pytest.mark.skipif(sys.platform == "win32", reason="no folder locks")
def test_two_runs_cannot_share_a_folder_and_the_second_harms_nothing(tmp_path):
    with reserved(tmp_path):
        (tmp_path / ".draws.csv.1.part").touch()
        with pytest.raises(StudyError, match="another run is writing into"), reserved(tmp_path):
            pass
        assert names(tmp_path) == [".draws.csv.1.part"]
    with reserved(tmp_path):
        assert names(tmp_path) == []


def wait_for_half_a_file(folder):
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            if (folder / "draws.csv").exists() and any(p.stat().st_size > 10**5 for p in folder.glob(".*.part")):
                return
        except FileNotFoundError:  # renamed while we looked
            continue
        time.sleep(0.001)
    raise TimeoutError("the study wrote nothing")


def killed_while_writing(tmp_path, how):
    script = tmp_path / "endless.py"
    script.write_text(textwrap.dedent(ENDLESS))
    process = subprocess.Popen([sys.executable, script, "--out", tmp_path], stderr=subprocess.PIPE)
    folder = tmp_path / "endless"
    try:
        wait_for_half_a_file(folder)
    finally:
        process.send_signal(how)
    process.communicate()
    lines = (folder / "draws.csv").read_text().splitlines()
    assert len(lines) == 300_001
    assert len({line.split(",")[0] for line in lines[1:]}) == 1
    assert "run.json" not in names(folder)
    return folder, process.returncode


@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9")
def test_a_run_killed_while_writing_leaves_whole_tables(tmp_path):
    folder, status = killed_while_writing(tmp_path, signal.SIGKILL)
    assert status == -signal.SIGKILL
    with reserved(folder):  # the next run: not locked out, and tidy
        assert names(folder) == ["draws.csv"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM")
def test_a_terminated_run_tidies_up_itself(tmp_path):
    folder, status = killed_while_writing(tmp_path, signal.SIGTERM)
    assert status == 143
    assert names(folder) == ["draws.csv"]
