"""A file is there whole, or as it was before."""

import os
import stat

import pytest

from optimlab.files import PART, replacing

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
