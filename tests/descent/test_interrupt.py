"""Ctrl-C, whatever the process that runs the tests does with it."""

import signal
import threading

import pytest

from optimlab import Every, Optimizer, descend, sgd
from tests.descent.problems import Bowl


@pytest.fixture(autouse=True)
def pythons_own_handler():
    """The tests may run where Ctrl-C is ignored, as under nohup."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class TestInterrupt:
    def test_ctrl_c_finishes_the_update_and_returns_what_there_is(self):
        class Pressed(Bowl):
            def gradient(self, w):
                if self.gradients == 5:
                    signal.raise_signal(signal.SIGINT)
                return super().gradient(w)

        optimizer = Optimizer(sgd(), 0.1)
        history = descend(Pressed(), optimizer, 100, record=Every(4))
        assert history.reason == "interrupted"
        assert history["step"].tolist() == [0, 4, 6]
        assert optimizer.t == 6
        assert history["value"][-1] == pytest.approx(5 * 0.64**6)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_the_second_does_not_wait(self):
        class Pressed(Bowl):
            def gradient(self, w):
                if self.gradients == 5:
                    signal.raise_signal(signal.SIGINT)
                    signal.raise_signal(signal.SIGINT)
                return super().gradient(w)

        history = descend(Pressed(), Optimizer(sgd(), 0.1), 100)
        assert history.reason == "interrupted"
        assert history["step"].tolist() == [0, 1, 2, 3, 4, 5]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_the_second_may_come_at_the_end(self):
        class Pressed(Bowl):
            def value(self, w):
                if self.gradients == 5:
                    signal.raise_signal(signal.SIGINT)
                return super().value(w)

        assert descend(Pressed(), Optimizer(sgd(), 0.1), 5, record=Every(4))["step"].tolist() == [0, 4, 5]

    def test_where_it_is_ignored_it_stays_so(self):
        class Pressed(Bowl):
            def gradient(self, w):
                assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
                signal.raise_signal(signal.SIGINT)
                return super().gradient(w)

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        assert descend(Pressed(), Optimizer(sgd(), 0.1), 3).reason == "steps"
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN

    def test_other_threads_and_other_handlers_are_left_alone(self):
        found = []
        thread = threading.Thread(target=lambda: found.append(descend(Bowl(), Optimizer(sgd(), 0.1), 3).reason))
        thread.start()
        thread.join()
        assert found == ["steps"]

        def handler(*_):
            found.append("mine")

        before = signal.signal(signal.SIGINT, handler)
        try:

            class Pressed(Bowl):
                def gradient(self, w):
                    signal.raise_signal(signal.SIGINT)
                    return super().gradient(w)

            assert descend(Pressed(), Optimizer(sgd(), 0.1), 1).reason == "steps"
        finally:
            signal.signal(signal.SIGINT, before)
        assert found == ["steps", "mine"]

    def test_other_errors_pass_and_the_handler_comes_back(self):
        class Broken(Bowl):
            def gradient(self, w):
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            descend(Broken(), Optimizer(sgd(), 0.1), 100)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
