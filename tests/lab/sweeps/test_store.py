"""A store: what is put is there, bit for bit and once; what cannot be opened or written is told, and nothing lost."""

import csv
import json
import math
import shlex
import shutil
import sqlite3
import sys
import threading
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from optimlab.lab.frame import StudyError
from optimlab.lab.sweeps.store import VERSION, Store


@dataclass(frozen=True)
class Named:
    key: str

    @property
    def config(self):
        return {"name": self.key, "lr": [0.1]}


def some_rows(name, count=3):
    return [{"name": name, "place": i, "loss": i / 3} for i in range(count)]


def filled(path, names="ab"):
    store = Store(path)
    for name in names:
        store.put(Named(name), some_rows(name), 0.5)
    return store


def bits(rows):
    """Texts that differ wherever two numbers do, also in sign and kind."""
    return json.dumps(rows)


@pytest.mark.parametrize("memory", [True, False])
def test_every_number_comes_back_with_all_its_bits(tmp_path, memory):
    numbers = np.random.default_rng(0).integers(0, 2**64, 500, np.uint64).view(np.float64)
    special = [math.inf, -math.inf, math.nan, -0.0, 0.0, 5e-324, sys.float_info.max, 0.1, 1.0]
    rows = [{"x": x, "n": 2**53 + 1, "ok": True, "none": None, "text": "β"} for x in [*numbers.tolist(), *special]]
    with Store(None if memory else tmp_path / "s.db") as store:
        store.put(Named("a"), rows, 1.0)
        back = store.rows(["a"])["a"]
        assert bits(back) == bits(rows)
        kept = store.frame()["x"].to_numpy()
        given = np.array([row["x"] for row in rows])
        finite = ~np.isnan(given)
        assert (np.isnan(kept) == ~finite).all()
        assert (kept[finite].view(np.uint64) == given[finite].view(np.uint64)).all()


def test_numpy_numbers_are_kept_and_other_things_refused():
    with Store() as store:
        store.put(
            Named("a"), [{"x": np.float64(0.1), "y": np.float32(0.1), "n": np.int64(3), "ok": np.bool_(True)}], 1.0
        )
        assert store.rows()["a"] == [{"x": 0.1, "y": float(np.float32(0.1)), "n": 3, "ok": True}]
        with pytest.raises(TypeError, match="must hold texts, numbers, Booleans and None; got <object"):
            store.put(Named("b"), [{"x": object()}], 1.0)
        assert store.have("ab") == {"a"}


def test_what_is_put_is_there_for_the_next_process_and_once(tmp_path):
    with filled(tmp_path / "deep" / "er" / "s.db") as store:
        assert store.have(["a", "c"]) == {"a"}
        store.put(Named("a"), some_rows("other"), 9.0)
    with Store(tmp_path / "deep" / "er" / "s.db") as store:
        assert store.rows() == {"a": some_rows("a"), "b": some_rows("b")}
    assert [path.name for path in (tmp_path / "deep" / "er").iterdir()] == ["s.db"]


def test_order_is_that_of_the_keys_or_of_the_configurations(tmp_path):
    with filled(tmp_path / "s.db", "cab") as store:
        assert list(store.rows(["c", "nothing", "b"])) == ["c", "b"]
        assert store.frame(["c", "b"])["name"].tolist() == [*"cccbbb"]
        assert list(store.rows()) == ["a", "b", "c"]


def test_provenance_stands_beside_each_task(tmp_path):
    with filled(tmp_path / "s.db", "ba") as store:
        store.put(Named("c"), [], 2.0, where={"cpu": {"model": "elsewhere"}})
        tasks = store.tasks().set_index("key")
    assert tasks.index.tolist() == ["a", "b", "c"]
    assert tasks.loc["a", "versions.numpy"] == np.__version__
    assert tasks["cpu.model"].isna().tolist() == [False, False, False]
    assert tasks.loc["c", "cpu.model"] == "elsewhere"
    assert tasks["seconds"].tolist() == [0.5, 0.5, 2.0]
    assert tasks["config.lr"].tolist() == [[0.1]] * 3
    assert tasks["command"].tolist() == [shlex.join(sys.orig_argv)] * 3
    assert pd.to_datetime(tasks["finished"]).dt.tz is not None
    assert {"blas", "revision", "platform"} <= set(tasks.columns)
    assert "provenance" not in tasks.columns


def test_export_is_the_frame(tmp_path):
    with filled(tmp_path / "s.db") as store:
        store.put(Named("c"), [{"name": "c", "place": 0, "loss": math.inf}], 1.0)
        store.export(tmp_path / "s.csv")
        with open(tmp_path / "s.csv", encoding="utf-8", newline="") as file:
            read = [
                {"name": name, "place": int(place), "loss": float(loss)}
                for name, place, loss in [*csv.reader(file)][1:]
            ]
        assert read == [row for rows in store.rows().values() for row in rows]
        with pytest.raises(StudyError, match="cannot write"):
            store.export(tmp_path / "none" / "s.csv")


def another_version(path):
    filled(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()


def another_program(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE task (name)")
    db.close()


def damaged(path):
    filled(path, "abcdefgh").close()
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (another_version, f"schema version {VERSION}; it has {VERSION + 1}; give another path, a new file is made"),
        (another_program, "a database of another program; give another path, a new file is made"),
        (damaged, "it is damaged; move it away and run again"),
        (lambda path: path.write_text("a,b\n1,2\n" * 99), "no SQLite file; give another path, a new file is made"),
        (lambda path: path.mkdir(), "must be a file in a folder that can be written; give another path"),
    ],
)
def test_what_is_no_store_is_left_as_it_is_and_another_path_helps(tmp_path, make, words):
    path = tmp_path / "s.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StudyError, match=words):
        filled(path)
    assert before is None or path.read_bytes() == before
    shutil.move(path, tmp_path / "away")
    with filled(path) as store:
        assert store.have("ab") == {"a", "b"}


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match=r"its folder cannot be made: .*; give another path"):
        Store(tmp_path / "file" / "deep" / "s.db")


@pytest.mark.parametrize("path", ["", 3, b"s.db", True])
def test_a_path_is_a_path(path):
    with pytest.raises(TypeError, match="path of a store must be a str, a PathLike or None; got"):
        Store(path)


@pytest.mark.parametrize("patience", [-1.0, math.nan])
def test_patience_is_a_time(patience):
    with pytest.raises(ValueError, match="patience must be"):
        Store(patience=patience)


def test_a_file_that_another_holds_is_waited_for_then_told(tmp_path):
    filled(tmp_path / "s.db").close()
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with Store(tmp_path / "s.db", patience=0.05) as store:
        assert store.have("a") == {"a"}
        with pytest.raises(StudyError, match="another process holds it; what was finished before is kept"):
            store.put(Named("c"), [], 1.0)
        assert store.have("abc") == {"a", "b"}
    with Store(tmp_path / "s.db") as store:
        release = threading.Timer(0.2, other.rollback)
        release.start()
        store.put(Named("c"), [], 1.0)
        release.join()
        assert store.have("abc") == {"a", "b", "c"}
    other.close()


def test_a_new_file_that_another_holds_is_told(tmp_path):
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StudyError, match="another process holds it"):
        Store(tmp_path / "s.db", patience=0.05)
    other.close()
    filled(tmp_path / "s.db").close()


def test_a_full_disk_loses_nothing(tmp_path):
    with filled(tmp_path / "s.db") as store:
        pages = store._db.execute("PRAGMA page_count").fetchone()[0]
        store._db.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StudyError, match="the disk is full; what was finished before is kept"):
            store.put(Named("c"), some_rows("c", 9999), 1.0)
        assert store.have("abc") == {"a", "b"}
        store._db.execute("PRAGMA max_page_count = 1000000")
        store.put(Named("c"), some_rows("c", 9999), 1.0)
    with Store(tmp_path / "s.db") as store:
        assert len(store.frame()) == 6 + 9999
