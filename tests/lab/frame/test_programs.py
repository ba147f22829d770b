import os
import subprocess
import sys
import time
from contextlib import closing

import pytest

from optimlab.lab.frame.programs import run_programs


def python(code):
    return [sys.executable, "-c", code]


def test_every_program_is_reported_once_with_status_and_errors():
    commands = {f"{k}": python(f"import sys; print('dropped'); sys.exit('told {k}' if {k} else 0)") for k in range(5)}
    found = sorted(run_programs(commands, jobs=2))
    assert [(name, status) for name, status, _ in found] == [("0", 0), ("1", 1), ("2", 1), ("3", 1), ("4", 1)]
    assert [errors.strip() for _, _, errors in found] == ["", "told 1", "told 2", "told 3", "told 4"]


@pytest.mark.parametrize("jobs", [1, 3])
def test_they_run_side_by_side_and_no_more_of_them_than_allowed(jobs, tmp_path, monkeypatch):
    wait = f"""
import os, time
from pathlib import Path
mark = Path({str(tmp_path)!r}, str(os.getpid()))
mark.touch()
for _ in range(3000):
    if len(list(mark.parent.iterdir())) >= {jobs}:
        break
    time.sleep(0.01)
"""
    started, together = [], []

    class Counted(subprocess.Popen):
        def __init__(self, *arguments, **options):
            together.append(sum(program.poll() is None for program in started))
            started.append(self)
            super().__init__(*arguments, **options)

    monkeypatch.setattr("optimlab.lab.frame.programs.subprocess.Popen", Counted)
    assert len(list(run_programs({str(k): python(wait) for k in range(6)}, jobs))) == 6
    assert max(together) == jobs - 1


def test_a_full_pipe_holds_nobody_up():
    code = "import sys; sys.stdout.write('x' * 10**6); sys.stderr.write('y' * 10**6)"
    (found,) = run_programs({"loud": python(code)}, jobs=1)
    assert found.status == 0
    assert len(found.errors) == 10**6


def test_what_still_runs_is_stopped_when_nobody_waits_for_it(tmp_path):
    mark = tmp_path / "started"
    slow = f"import pathlib, time; pathlib.Path({str(mark)!r}).touch(); time.sleep(600)"
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(mark)!r}).exists(): time.sleep(.01)"
    started = time.monotonic()
    with closing(run_programs({"slow": python(slow), "quick": python(wait)}, jobs=2)) as ended:
        assert next(ended).name == "quick"
    assert time.monotonic() - started < 300


def test_a_program_that_is_not_there_is_an_error_and_the_others_are_stopped():
    commands = {"slow": python("import time; time.sleep(600)"), "none": [os.devnull + "/none"]}
    started = time.monotonic()
    with pytest.raises(OSError, match="none"):
        list(run_programs(commands, jobs=2))
    assert time.monotonic() - started < 300


def test_the_environment_is_passed_on():
    code = "import os, sys; sys.exit(os.environ.get('LAMBDA', 'none'))"
    (found,) = run_programs({"a": python(code)}, 1, {**os.environ, "LAMBDA": "set"})
    assert found.errors.strip() == "set"
