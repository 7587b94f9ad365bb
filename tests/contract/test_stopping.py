"""Work stops where nobody waits for it: looks, waits, and what cannot look itself."""

import threading

import pytest

from lineage.contract.stopping import Stop, go_on, is_to_stop, stopping, waited, while_wanted


class GoneError(Exception):
    pass


def test_work_goes_on_until_it_is_asked_to_stop() -> None:
    go_on()
    assert not is_to_stop()
    stop = Stop()
    with stopping(stop):
        numbers = while_wanted(range(3))
        assert next(numbers) == 0
        stop.ask(GoneError())
        stop.ask(ValueError("the first counts"))
        assert is_to_stop()
        with pytest.raises(GoneError):
            next(numbers)
        with pytest.raises(GoneError):
            go_on()
    go_on()


def test_another_threads_work_goes_on() -> None:
    stop, seen = Stop(), []
    stop.ask(GoneError())
    with stopping(stop):
        other = threading.Thread(target=lambda: seen.append(is_to_stop()))
        other.start()
        other.join()
    assert seen == [False]


def test_work_rests_at_each_look_until_it_stops() -> None:
    rests: list[None] = []
    stop = Stop(lambda: rests.append(None))
    with stopping(stop):
        go_on()
        assert not is_to_stop()
        assert waited(lambda _: True, 1)  # a wait computes nothing
        stop.ask(GoneError())
        assert is_to_stop()
    assert len(rests) == 2


def test_what_cannot_look_is_broken_off_while_it_goes_on() -> None:
    broken: list[int] = []
    stop = Stop()
    with stopping(stop):
        with stop.breaking(lambda: broken.append(1)):
            pass
        with stop.breaking(lambda: broken.append(2)), stop.breaking(lambda: broken.append(3)):
            stop.ask(GoneError())
            stop.ask(GoneError())
        with pytest.raises(GoneError), stop.breaking(lambda: broken.append(4)):
            raise AssertionError
    assert broken == [2, 3]


def test_a_wait_is_made_in_turns_and_ends_in_time() -> None:
    turns: list[float] = []

    def never(seconds: float) -> bool:
        turns.append(seconds)
        return False

    assert not waited(never, 0)
    assert turns == [0]
    assert waited(lambda seconds: seconds > 0, 5)
    stop = Stop()

    def asked(seconds: float) -> bool:
        stop.ask(GoneError())
        return False

    with stopping(stop), pytest.raises(GoneError):
        waited(asked, 1_000)
