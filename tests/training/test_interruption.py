"""What a training makes of Ctrl-C and of SIGTERM, which schedulers send before they kill."""

from __future__ import annotations

import os
import signal

import pytest
from vistry.training.interruption import CtrlC


def _send(*numbers: signal.Signals) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_is_put_off_and_handlers_are_as_before_afterwards(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with CtrlC() as ctrl_c:
        assert not ctrl_c.pressed
        _send(number)
        assert ctrl_c.pressed
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_stops_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), CtrlC():
        _send(signal.SIGINT, signal.SIGINT)


def test_sigterm_however_often_never_does() -> None:
    """Who watches over trials tells them by SIGINT, and a scheduler may have told them, too."""
    with CtrlC() as ctrl_c:
        _send(signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGTERM)
    assert ctrl_c.pressed


def test_a_handler_of_the_programs_own_for_sigterm_stays() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with CtrlC() as ctrl_c:
            _send(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]
    assert not ctrl_c.pressed
