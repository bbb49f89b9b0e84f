from __future__ import annotations

import json
import threading

import sqlalchemy.exc

from mqn.search.notify.courier import MOST_WAITING, Courier
from mqn.search.notify.event import Event


class Listener:
    """A target that keeps what it is told, and answers as it is asked to."""

    name = "listener"

    def __init__(self, *answers):
        self.answers, self.told = list(answers), []
        self.free = threading.Event()
        self.free.set()

    def send(self, document):
        self.free.wait(10)
        self.told.append(json.loads(document)["text"])
        return self.answers.pop(0) if self.answers else ""

    def stop(self):
        self.stopped = True


def event(text):
    return Event(kind="front", key=text, text=text)


def once():
    seen = set()

    def first_time(key):
        seen.add(key) if (new := key not in seen) else None
        return new

    return first_time


def open_courier(*targets, first_time=None):
    return Courier("s", targets, first_time or once(), pause_seconds=0.0)


def test_events_are_told_in_order_and_each_once():
    listener = Listener()
    courier = open_courier(listener)
    for text in ("a", "b", "a", "c"):
        courier.post(event(text))
    courier.close(10)
    assert (listener.told, courier.news()) == (["a", "b", "c"], [])


def test_a_failure_is_tried_again_and_said_once_a_kind():
    broken, other = Listener(*["answers 500"] * 5), Listener()
    courier = open_courier(broken, other)
    for text in ("a", "b", "c", "d"):
        courier.post(event(text))
    courier.close(10)
    assert broken.told == ["a", "a", "b", "b", "c", "c", "d"]
    assert other.told == ["a", "b", "c", "d"]
    assert courier.news() == ["notify: the listener answers 500"]
    assert courier.news() == []


def test_a_target_that_hangs_holds_nobody_up():
    hangs = Listener()
    hangs.free.clear()
    courier = open_courier(hangs)
    for number in range(2 * MOST_WAITING):
        courier.post(event(str(number)))
    courier.close(0.05)
    said = courier.news()
    assert said[0] == f"notify: {MOST_WAITING} events wait, so further ones are not told"
    assert said[-1] == "notify: what happened last is not told, for too many events wait"
    hangs.free.set()


def test_what_does_not_end_in_time_is_said():
    hangs = Listener()
    hangs.free.clear()
    courier = open_courier(hangs)
    courier.post(event("a"))
    courier.close(0.05)
    assert courier.news() == ["notify: not everything was told within 0.05 s"]
    assert hangs.stopped
    hangs.answers = ["stopped"]
    hangs.free.set()
    courier._thread.join(10)
    assert hangs.told == ["a"]  # It is not tried again.
    hangs.free.set()


def test_a_database_that_is_away_costs_the_event_and_nothing_else():
    answers = [sqlalchemy.exc.OperationalError("x", {}, Exception("gone")), True]

    def first_time(key):
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    listener = Listener()
    courier = open_courier(listener, first_time=first_time)
    courier.post(event("a"))
    courier.post(event("b"))
    courier.close(10)
    assert listener.told == ["b"]
    assert courier.news() == ["notify: the study's database does not answer, so an event is not told"]
