from __future__ import annotations

import signal

import pytest

from mqn.processes.interruption import signals_as_interrupt


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_polite_kill_and_a_lost_terminal_end_a_command_as_ctrl_c_does(number, heard_signals):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), signals_as_interrupt():
        signal.raise_signal(number)
    assert signal.getsignal(number) == before


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    try:
        with signals_as_interrupt():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
