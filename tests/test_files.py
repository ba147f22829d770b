"""A file is there whole, or as it was before."""

import errno
import os
import signal
import stat
import subprocess
import sys

import pytest

from optimlab import files
from optimlab.files import PART, replacing, unfinished

posix = pytest.mark.skipif(os.name != "posix", reason="modes, links and folders of POSIX")


def write(path, data=b"new"):
    with replacing(path) as file:
        file.write(data)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "Path"])
@pytest.mark.parametrize("before", [None, b"old and longer"])
def test_a_file_is_written_or_replaced(tmp_path, before, kind):
    path = tmp_path / "a.txt"
    if before is not None:
        path.write_bytes(before)
    write(kind(path))
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.txt"]


def test_until_it_is_complete_the_old_one_is_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        (part,) = set(names(tmp_path)) - {"a.txt"}
        assert part.startswith(".a.txt.")
        assert part.endswith(PART)
    assert path.read_bytes() == b"new"


def interrupted(path, error):
    with replacing(path) as file:
        file.write(b"half")
        raise error


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, OSError])
@pytest.mark.parametrize("before", [None, b"old"])
def test_whatever_happens_the_old_one_stays_and_nothing_is_left_behind(tmp_path, before, error):
    path = tmp_path / "a.txt"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(error):
        interrupted(path, error)
    assert names(tmp_path) == ([] if before is None else ["a.txt"])
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_disk_that_fails_changes_nothing(tmp_path, monkeypatch, failing):
    def fail(*_):
        raise OSError("no space left on device")

    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="no space left"):
        write(path)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.txt"]


def test_two_may_write_the_same_file(tmp_path):
    path = tmp_path / "a.txt"
    with replacing(path) as one, replacing(path) as two:
        one.write(b"one")
        two.write(b"two")
    assert path.read_bytes() == b"one"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_that_is_not_there_is_an_ordinary_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "none" / "a.txt")


@posix
def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_it_returns(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(
        os, "fsync", lambda handle: (done.append(stat.S_ISDIR(os.fstat(handle).st_mode)), fsync(handle))
    )
    monkeypatch.setattr(os, "replace", lambda *paths: (done.append("replace"), replace(*paths)))
    with replacing(tmp_path / "a.txt") as file:
        file.write(b"new")  # less than a buffer: not yet in the file
    assert done == [False, "replace", True]


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_has_the_mode_of_new_files(tmp_path, mask):
    before = os.umask(mask)
    try:
        write(tmp_path / "a.txt")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o666 & ~mask


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    path.chmod(mode)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() == b"new"


@posix
@pytest.mark.parametrize("before", [None, b"old"])
def test_a_link_stays_one(tmp_path, before):
    folder, link = tmp_path / "far", tmp_path / "link.txt"
    folder.mkdir()
    if before is not None:
        (folder / "a.txt").write_bytes(before)
    link.symlink_to(folder / "a.txt")
    write(link)
    assert link.is_symlink()
    assert (folder / "a.txt").read_bytes() == b"new"
    assert names(tmp_path) == ["far", "link.txt"]
    assert names(folder) == ["a.txt"]


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o400, 0o644])
@pytest.mark.parametrize("mask", [0o022, 0o000])
def test_the_unfinished_file_is_open_to_no_one_more_than_the_old_one(tmp_path, mode, mask):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    path.chmod(mode)
    before = os.umask(mask)
    try:
        with replacing(path) as file:
            (part,) = [entry for entry in tmp_path.iterdir() if entry != path]
            assert stat.S_IMODE(part.stat().st_mode) == mode & ~mask
            file.write(b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


WRITING = """
import sys
from optimlab.files import replacing
for path in sys.argv[1:]:
    manager = replacing(path)
    manager.__enter__().write(b"half")
    globals()[path] = manager
print("open", flush=True)
sys.stdin.read()
"""


def writer(*paths):
    """Return a process that is in the midst of writing."""
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", WRITING, *map(str, paths)], **pipe)
    assert process.stdout.readline() == "open\n"
    return process


@posix
def test_what_killed_writers_left_is_removed_by_the_next_and_nothing_else(tmp_path):
    path, other, like = tmp_path / "a[1].txt", tmp_path / "b.txt", tmp_path / "a[1].txt.old"
    for _ in range(3):
        process = writer(path, other, like)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    (tmp_path / ".a[1].txt.mine.part").write_bytes(b"of someone else")
    left = names(tmp_path)
    assert len(left) == 4  # each writer has removed what the one before it left
    living = writer(path)
    during = [name for name in names(tmp_path) if name.startswith(".a[1].txt.") and name.endswith(PART)]
    write(path)
    assert [name for name in names(tmp_path) if name.startswith(".a[1].txt.") and name.endswith(PART)] == during
    living.communicate("")
    write(path)
    found = names(tmp_path)
    assert path.read_bytes() == b"new"
    assert ".a[1].txt.mine.part" in found
    assert sum(name.startswith(".b.txt.") for name in found) == 1
    assert sum(name.startswith(".a[1].txt.old.") for name in found) == 1
    assert len(found) == 4
    write(other)
    write(like)
    assert names(tmp_path) == [".a[1].txt.mine.part", "a[1].txt", "a[1].txt.old", "b.txt"]


@posix
def test_a_file_that_is_removed_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    made, begin = [], os.open

    def removed(path, *args, **options):
        handle = begin(path, *args, **options)
        if str(path).endswith(PART):
            made.append(path)
            if len(made) < 3:
                os.unlink(path)
        return handle

    monkeypatch.setattr(os, "open", removed)
    write(tmp_path / "a.txt")
    assert len(made) == 3
    assert names(tmp_path) == ["a.txt"]


@posix
def test_where_there_are_no_locks_nothing_is_removed(tmp_path, monkeypatch):
    import fcntl

    def none(*_):
        raise OSError(errno.ENOLCK, "no locks available")

    part = tmp_path / f".a.txt.{'0' * 12}{PART}"
    part.write_bytes(b"half")
    monkeypatch.setattr(fcntl, "flock", none)
    write(tmp_path / "a.txt")
    assert names(tmp_path) == [part.name, "a.txt"]
    monkeypatch.undo()
    write(tmp_path / "a.txt")
    assert names(tmp_path) == ["a.txt"]


FULL = """
import resource, signal, sys
from optimlab.files import replacing
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with replacing(sys.argv[1]) as file:
        for _ in range(100):
            file.write(bytes(10_000))
except OSError as error:
    print(error.errno)
"""


@posix
def test_a_file_that_does_not_fit_keeps_the_old_one(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) == errno.EFBIG
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.txt"]


def ended(path, end):
    with unfinished(path) as part:
        part.file.write(b"new")
        part.end = end
        raise KeyError


@pytest.mark.parametrize("end", ["removed", "kept", "whole"])
def test_an_unfinished_file_ends_as_it_is_told_also_after_an_error(tmp_path, end):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    with pytest.raises(KeyError):
        ended(path, end)
    assert path.read_bytes() == (b"new" if end == "whole" else b"old")
    assert names(tmp_path) == [*([".a.txt.unfinished"] if end == "kept" else []), "a.txt"]
    with unfinished(path) as part:
        assert part.file.read() == (b"new" if end == "kept" else b"")


@posix
def test_an_unfinished_file_keeps_the_mode_and_the_link_of_the_one_it_replaces(tmp_path):
    path, link = tmp_path / "a.txt", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    with unfinished(link) as part:
        part.end = "whole"
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@posix
def test_an_unfinished_file_that_became_whole_before_it_was_locked_is_not_written_again(tmp_path, monkeypatch):
    path, locked = tmp_path / "a.txt", files._locked

    def late(handle):
        monkeypatch.setattr(files, "_locked", locked)
        os.replace(tmp_path / ".a.txt.unfinished", path)
        return locked(handle)

    monkeypatch.setattr(files, "_locked", late)
    with unfinished(path) as part:
        part.file.write(b"new")
    assert path.read_bytes() == b""
    assert names(tmp_path) == ["a.txt"]
