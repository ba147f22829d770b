import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from optimlab.lab.frame import StudyError
from optimlab.lab.frame.output import reserved, staging, whole_file


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
    pytest.importorskip("resource")
    path = tmp_path / "a.csv"
    path.write_bytes(b"earlier")
    code = f"""
        import resource
        from pathlib import Path
        from optimlab.lab.frame.output import whole_file
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        with whole_file(Path({str(path)!r})) as file:
            file.write(bytes(100_000))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
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


RECORD = "run.json"


def write(folder, *files, content="new", **facts):
    """A complete run of these files."""
    for name in files:
        (folder / name).write_text(content)
    (folder / RECORD).write_text(json.dumps({"files": list(files), "by": content} | facts))


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.name != RECORD}


@pytest.fixture
def earlier(tmp_path):
    """The folder of an earlier run, in which a user keeps a file of the own."""
    write(tmp_path, "both.csv", "old.csv", content="old")
    (tmp_path / "own.txt").write_text("mine")
    return tmp_path


OLD = {"both.csv": "old", "old.csv": "old", "own.txt": "mine"}
NEW = {"both.csv": "new", "more.csv": "new", "own.txt": "mine"}


def test_a_complete_run_takes_the_place_of_the_earlier_one(earlier):
    with staging(earlier) as fresh:
        write(fresh, "both.csv", "more.csv")
        assert {name for name in names(earlier) if name[0] != "."} == {*OLD, RECORD}
    assert contents(earlier) == NEW
    assert json.loads((earlier / RECORD).read_text())["by"] == "new"


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit, StudyError])
def test_a_run_that_ends_before_its_record_leaves_everything_as_it_was(earlier, failure):
    with pytest.raises(failure), staging(earlier) as fresh:  # noqa: PT012  the failure is inside
        (fresh / "both.csv").write_text("new")
        raise failure
    assert contents(earlier) == OLD
    assert json.loads((earlier / RECORD).read_text())["by"] == "old"


class Killed(BaseException):
    """Stands for the end of the process: nothing runs after it."""


def killed_after(count, monkeypatch):
    """Let the process die at the operation of this number, from 0; count those that there were."""
    done = [0]
    for name in ("replace", "unlink"):
        real = getattr(Path, name)

        def operation(path, *arguments, real=real, **options):
            if done[0] >= count:
                raise Killed
            done[0] += 1
            return real(path, *arguments, **options)

        monkeypatch.setattr(Path, name, operation)
    return done


@pytest.mark.parametrize("count", range(5))
def test_killed_anywhere_while_its_files_move_a_complete_run_is_published_by_the_next(earlier, count, monkeypatch):
    with monkeypatch.context() as patch:
        done = killed_after(count, patch)
        try:
            with staging(earlier) as fresh:
                write(fresh, "both.csv", "more.csv")
        except Killed:
            assert done == [count]
        else:
            assert done == [4]  # one file goes, three come
    with pytest.raises(RuntimeError), staging(earlier):  # the next run, which fails
        raise RuntimeError
    assert contents(earlier) == NEW
    assert json.loads((earlier / RECORD).read_text())["by"] == "new"


def test_ctrl_c_while_files_move_does_not_stop_them_half_way(earlier, monkeypatch):
    real, hit = Path.replace, []

    def interrupted(path, target):
        if path.name == "more.csv" and not hit:
            hit.append(path)
            signal.raise_signal(signal.SIGINT)
        return real(path, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), staging(earlier) as fresh:
        write(fresh, "both.csv", "more.csv")
    assert contents(earlier) == NEW


OUTSIDE = ["../victim.txt", "..", ".", "", "folder", "/etc/hostname", "a\0b", 3, None, ["x"], RECORD, "own.txt/.."]


def test_a_record_that_names_a_path_outside_is_not_followed(tmp_path):
    victim, folder = tmp_path / "victim.txt", tmp_path / "study"
    victim.write_text("here")
    (folder / "folder").mkdir(parents=True)
    for name in [*OUTSIDE, str(victim)]:
        write(folder, "a.csv", content="old", files=[name, "a.csv"])
        with staging(folder) as fresh:
            write(fresh, "b.csv")
        assert victim.read_text() == "here"
        assert "b.csv" in names(folder)
        assert "folder" in names(folder)
        assert names(folder).count(RECORD) == 1


@pytest.mark.parametrize("record", ["", "{", "[]", '{"files": 3}', '{"files": {"own.txt": 1', "[" * 100_000])
def test_a_damaged_record_is_replaced_and_removes_nothing(earlier, record):
    (earlier / RECORD).write_text(record)
    with staging(earlier) as fresh:
        write(fresh, "more.csv")
    assert contents(earlier) == OLD | {"more.csv": "new"}


def test_a_folder_in_the_way_of_a_file_is_found_before_anything_is_replaced(earlier):
    (earlier / "more.csv").mkdir()
    with (
        pytest.raises(StudyError, match=r"more.csv: a folder is in its place; move it away"),
        staging(earlier) as fresh,
    ):
        write(fresh, "both.csv", "more.csv")
    (earlier / "more.csv").rmdir()  # the remedy
    assert {path.name: path.read_text() for path in earlier.glob("*.[ct]*")} == OLD
    with staging(earlier):
        pass
    assert contents(earlier) == NEW


SLOW = """
    import os, signal, sys
    import pandas as pd
    from optimlab.lab.frame import study

    signal.signal(signal.SIGINT, signal.default_int_handler)

    def main(run):
        how = sys.argv[1] if sys.argv[1].isdigit() else ""
        run.table(pd.DataFrame({"by": [how]}), "draws")
        run.claim("one", "one is one", expected=1, measured=1)
        if how:
            os.kill(os.getpid(), int(how))
            signal.pause()

    raise SystemExit(study(main, options=lambda parser: parser.add_argument("how"), argv=sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
@pytest.mark.slow
def test_a_run_that_is_stopped_leaves_the_earlier_results_untouched(tmp_path):
    script, folder = tmp_path / "slow.py", tmp_path / "slow"
    script.write_text(textwrap.dedent(SLOW))

    def run(how):
        return subprocess.run([sys.executable, script, how, "--out", tmp_path], capture_output=True, text=True)

    assert run("none").returncode == 0
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    said = "interrupted: only the results of a complete run replace earlier ones\n"
    for how, status, errors in ((signal.SIGINT, 130, said), (signal.SIGTERM, 143, ""), (signal.SIGKILL, -9, "")):
        done = run(str(int(how)))
        assert (done.returncode, done.stderr, done.stdout) == (status, errors, "")
        assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before
        assert set(folder.iterdir()) - set(before) == ({folder / ".new.part"} if status == -9 else set())
    assert run("none").returncode == 0  # the next run: not locked out, and tidy
    assert set(folder.iterdir()) == set(before)
