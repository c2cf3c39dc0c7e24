from __future__ import annotations

from proxy.domain import Priority
from proxy.engine.admission import AdmissionQueue
from proxy.engine.request import Request


def request(id_: int, priority: Priority = Priority.USER) -> Request:
    """A small request."""
    return Request(id=id_, prompt=(1,), max_tokens=1, priority=priority)


def test_users_come_before_background_and_in_order() -> None:
    """Within a priority it is first come, first served."""
    queue = AdmissionQueue()
    for one in (
        request(1, Priority.BACKGROUND), request(2), request(3, Priority.BACKGROUND), request(4),
    ):  # fmt: skip
        queue.add(one)
    assert [queue.pop().id for _ in range(4)] == [2, 4, 1, 3]
    assert queue.peek() is None


def test_peek_shows_what_pop_takes() -> None:
    """Peeking leaves the request where it is."""
    queue = AdmissionQueue()
    queue.add(request(1))
    peeked = queue.peek()
    assert len(queue) == 1
    assert queue.pop() is peeked


def test_removed_request_is_gone_and_an_unknown_one_is_reported() -> None:
    """Cancelling in the queue."""
    queue = AdmissionQueue()
    queue.add(request(1))
    queue.add(request(2))
    assert queue.remove(1)
    assert not queue.remove(1)
    assert [one.id for one in queue.clear()] == [2]
    assert len(queue) == 0


def test_request_that_is_put_back_waits_where_its_age_places_it() -> None:
    """Behind the elder, before the younger, whoever was put back first."""
    queue = AdmissionQueue()
    for one in (request(5), request(6), request(1, Priority.BACKGROUND)):
        queue.add(one)
    for id_ in (2, 4, 3):
        queue.put_back(request(id_))
    assert [queue.pop().id for _ in range(6)] == [2, 3, 4, 5, 6, 1]
