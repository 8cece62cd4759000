"""Who asks a run to stop, and what happens then."""

import os
import signal
import threading

import pytest

from ssr.training.loop import Rhythm, run_loop
from ssr.training.runfolder import RunFolder
from ssr.training.stopping import listening
from tests.unit.training.runs import Noise, new_step


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_after_the_step_under_way_and_saves(number, tmp_path):
    folder = RunFolder(tmp_path, "run")

    def progress(done, _means):
        if done == 2:
            os.kill(os.getpid(), number)

    with listening() as stop:
        end = run_loop(
            new_step(),
            Noise(),
            folder=folder,
            n_done=0,
            rhythm=Rhythm(n_steps=6, log_every=100, checkpoint_every=100, validate_every=100),
            validate=None,
            progress=progress,
            stop=stop,
        )
    assert (end.n_done, end.stopped_by) == (3, number)  # heard after step 2, so step 3 was under way
    assert folder.newest_state().name == "3.state"
    assert (folder.models / "net_g_latest.pth").exists()


def test_a_second_interrupt_does_not_wait():
    with listening() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked_by is signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with listening():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_other_threads_hear_nothing_and_disturb_nothing():
    before, heard = signal.getsignal(signal.SIGTERM), []

    def listen():
        with listening() as stop:
            heard.append((stop.asked_by, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert heard == [(None, before)]
