"""Circumstances: what there is not is None, and never another's."""

import json
import re
import subprocess

import numpy as np
import pytest

import optimlab
from optimlab.lab.frame import circumstances as module
from optimlab.lab.frame.circumstances import blas, circumstances, revision


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package in a folder that is no checkout."""
    package = tmp_path / "lib" / "optimlab"
    package.mkdir(parents=True)
    monkeypatch.setattr(optimlab, "__file__", str(package / "__init__.py"))
    return package.parent


def git(folder, *words):
    return subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True).stdout.strip()


def test_the_facts_are_plain_data():
    facts = circumstances()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["versions"]["numpy"] == np.__version__


def test_blas_is_what_numpy_says(monkeypatch):
    assert blas() is None or blas().split()[0] in str(np.show_config(mode="dicts"))
    monkeypatch.setattr(np, "show_config", lambda mode: {"Build Dependencies": {}})
    assert blas() is None


def test_the_revision_is_that_of_the_checkout(installed):
    assert revision() is None
    try:
        git(installed, "init", "-q")
    except OSError:
        pytest.skip("there is no git")
    (installed / "a").write_text("1")
    git(installed, "add", "a")
    git(installed, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "first")
    head = git(installed, "rev-parse", "HEAD")
    assert re.fullmatch("[0-9a-f]{40}", head)
    assert revision() == head
    (installed / "a").write_text("2")
    assert revision() == f"{head}-dirty"


def test_there_is_no_revision_of_a_checkout_around_an_installation(installed):
    (installed.parent / ".git").mkdir()
    assert revision() is None


def test_there_is_no_revision_without_git(installed, monkeypatch):
    (installed / ".git").mkdir()
    assert revision() is None  # git finds it empty
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: (_ for _ in ()).throw(FileNotFoundError("git")))
    assert revision() is None
