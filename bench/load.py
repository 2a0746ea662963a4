"""load: many clients of an HTTP API in one cheap process: keep-alive connections, each asking again when answered.

Requests are built beforehand, only their number is put in; one thread, raw sockets, epoll. What it takes is told beside
what it measures, so that its share of the machine is known. A status nobody expected ends it.
"""

from __future__ import annotations

import pickle
import select
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.meter import US, family_cpu_s

NUMBER = b"%012d"  # where a request's own number goes, as often as the request likes
END_OF_HEAD, LENGTH = b"\r\n\r\n", b"content-length:"
PATIENCE_S = 30.0
MOST = 1 << 18


class Unexpected(AssertionError):
    """An answer that no measurement may contain."""


class NothingMeasured(Unexpected):
    """There was no answer at all in the measured time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask, how and for how long. `requests` take turns; each is a template with `NUMBER` in it.

    `marker` must be in an expected answer so often: what a batch answered per order. `measured`: processes whose CPU is
    told, by name.
    """

    port: int
    requests: Sequence[bytes]
    connections: int
    seconds: float
    warm_up_s: float = 0.5
    first_number: int = 0
    expected: tuple[int, ...] = (201,)
    marker: bytes = b""
    markers: int = 0
    measured: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Loaded:
    """`statuses` counts everything that was answered; the other figures are of the measured time alone."""

    statuses: dict[int, int]
    answered: int
    seconds: float
    p50_ms: float
    p99_ms: float
    load_us: float
    cpu_us: dict[str, float]

    @property
    def per_s(self) -> float:
        return self.answered / self.seconds


def post(path: str, secret: str, body: bytes, host: str = "127.0.0.1") -> bytes:
    """A request as a template: its number is its request key, and stands wherever the body has `NUMBER`."""
    length = len(body % ((0,) * body.count(NUMBER)))
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {secret}\r\ncontent-type: application/json\r\n"
        f"content-length: {length}\r\nidempotency-key: "
    )
    return head.encode() + NUMBER + END_OF_HEAD + body


def run(plan: Plan) -> Loaded:
    """In a process of its own."""
    command = [sys.executable, "-c", "from bench.load import serve; serve()"]
    done = subprocess.run(command, input=pickle.dumps(plan), stdout=subprocess.PIPE)
    if done.returncode:
        raise Unexpected(f"the load ended with {done.returncode}; what it met stands above")
    loaded = pickle.loads(done.stdout)
    assert isinstance(loaded, Loaded)
    return loaded


class Clients:
    """All connections of one plan, and what came back on them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._holes = [template.count(NUMBER) for template in plan.requests]
        self._number = plan.first_number
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._began: dict[int, float] = {}
        self._partial: dict[int, bytes] = {}
        self.statuses: Counter[int] = Counter()
        self.took_s: list[float] = []
        for _ in range(plan.connections):
            connection = socket.create_connection(("127.0.0.1", plan.port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[connection.fileno()] = connection
            self._epoll.register(connection.fileno(), select.EPOLLIN)

    def close(self) -> None:
        self._epoll.close()
        for connection in self._sockets.values():
            connection.close()

    def ask_on_all(self) -> None:
        for number in self._sockets:
            self._ask(number)

    def turn_until(self, until: float) -> None:
        """Take answers and ask again until that moment."""
        clock, poll, took = time.perf_counter, self._epoll.poll, self.took_s.append
        while (now := clock()) < until:
            for number, _ in poll(until - now, 64):
                if self._answered(number):
                    took(clock() - self._began[number])
                    self._ask(number)

    def last_answers(self) -> None:
        """Wait for what is still under way, and ask no more."""
        until, waiting = time.perf_counter() + PATIENCE_S, set(self._sockets)
        while waiting:
            if (left := until - time.perf_counter()) <= 0:
                raise Unexpected(f"{len(waiting)} requests got no answer within {PATIENCE_S:g} s")
            for number, _ in self._epoll.poll(left):
                if self._answered(number):
                    waiting.discard(number)

    def _ask(self, number: int) -> None:
        which = self._number % len(self._holes)
        request = self._plan.requests[which] % ((self._number,) * self._holes[which])
        self._number += 1
        self._began[number] = time.perf_counter()
        connection = self._sockets[number]
        sent = connection.send(request)
        if sent < len(request):
            connection.sendall(request[sent:])

    def _answered(self, number: int) -> bool:
        """Whether the whole answer is here."""
        data = self._sockets[number].recv(MOST)
        if not data:
            raise Unexpected("the server closed a connection")
        if self._partial:
            data = self._partial.pop(number, b"") + data
        head = data.find(END_OF_HEAD)
        if head < 0 or len(data) < head + 4 + _length(data, head):
            self._partial[number] = data
            return False
        status = int(data[9:12])
        self.statuses[status] += 1
        plan = self._plan
        if status not in plan.expected or (plan.markers and data.count(plan.marker) != plan.markers):
            raise Unexpected(f"answered {data[:2000].decode('utf-8', 'replace')}")
        return True


def _length(data: bytes, head: int) -> int:
    at = data.find(LENGTH, 0, head)
    if at < 0:
        at = data.lower().find(LENGTH, 0, head)
    if at < 0:
        raise Unexpected(f"an answer without its length: {data[:head]!r}")
    end = data.find(b"\r\n", at)
    return int(data[at + len(LENGTH) : end])


def drive(plan: Plan) -> Loaded:
    """Warm up, measure, let everything end."""
    clients = Clients(plan)
    try:
        clients.ask_on_all()
        clients.turn_until(time.perf_counter() + plan.warm_up_s)
        clients.took_s.clear()
        before = {name: family_cpu_s(pid) for name, pid in plan.measured.items()}
        own, began = time.process_time(), time.perf_counter()
        clients.turn_until(began + plan.seconds)
        seconds, own = time.perf_counter() - began, time.process_time() - own
        cpu = {name: family_cpu_s(pid) - before[name] for name, pid in plan.measured.items()}
        took = sorted(clients.took_s)
        clients.last_answers()
    finally:
        clients.close()
    count = len(took)
    if not count:
        raise NothingMeasured("nothing was answered in the measured time")
    return Loaded(
        dict(clients.statuses), count, seconds, took[count // 2] * 1000, took[min(count - 1, count * 99 // 100)] * 1000,
        own / count * US, {name: spent / count * US for name, spent in cpu.items()},
    )  # fmt: skip


def serve() -> None:
    """What the process of `run` does."""
    sys.stdout.buffer.write(pickle.dumps(drive(pickle.load(sys.stdin.buffer))))
