import threading

import pytest

from core.deadline import Ending


def test_it_ends_when_it_is_stopped():
    stop = threading.Event()
    ending = Ending(stop, None)
    assert not ending.is_set()
    stop.set()
    assert ending.is_set() and not ending.late


@pytest.mark.parametrize(("seconds", "late"), [(None, False), (1e9, False), (0.0, True)])
def test_it_ends_when_the_time_is_up(seconds, late):
    ending = Ending(threading.Event(), seconds)
    assert ending.is_set() is late and ending.late is late
