"""A standard SQS queue whose event source mapping invokes a function with batches."""

from array import array
from collections import defaultdict, deque
from collections.abc import Callable

from simpy import Environment, Event
from simpy.events import ProcessGenerator

from tests.scale.functions import LambdaFunction
from tests.scale.inputs import MORE_POLLERS_PER_SECOND, POLLERS_AT_FIRST

_RETRY_SECONDS = 1.0  # after a throttled invocation


class EventSource:
    """Messages are received oldest first. A batch runs the messages of one user one by one,
    and those of different users at the same time.

    `users`, `sent_at` and `ended_at` have the received messages, in the order of their receipt.

    Args:
        env: the simulation.
        function: the function that is invoked.
        batch_size: the most messages of a batch.
        max_concurrency: the most batches at a time.
        process: is called when a message's batch starts; returns the duration of the message.
        noisy_user: the user whose messages a fair queue delivers last; None: the queue is not fair.
    """

    def __init__(
        self,
        env: Environment,
        function: LambdaFunction,
        *,
        batch_size: int,
        max_concurrency: int,
        process: Callable[[int], float],
        noisy_user: int | None = None,
    ) -> None:
        self.users, self.sent_at, self.ended_at = array("q"), array("d"), array("d")
        self._env, self._function = env, function
        self._batch_size, self._max_concurrency = batch_size, max_concurrency
        self._process, self._noisy_user = process, noisy_user
        self._quiet: deque[tuple[int, float]] = deque()
        self._noisy: deque[tuple[int, float]] = deque()
        self.largest_batch = 0
        self._pollers = min(POLLERS_AT_FIRST, max_concurrency)
        self._batches = 0
        self._retrying = False
        env.process(self._scale())

    def send(self, user: int) -> None:
        """Send a message now."""
        queue = self._noisy if user == self._noisy_user else self._quiet
        queue.append((user, self._env.now))
        self._dispatch()

    @property
    def waiting(self) -> list[tuple[int, float]]:
        """The users and the times of the messages that are not received yet."""
        return [*self._quiet, *self._noisy]

    def _dispatch(self) -> None:
        while self._batches < self._pollers and (self._quiet or self._noisy):
            cold = self._function.start()
            if cold is None:
                if not self._retrying:
                    self._retrying = True
                    self._after(_RETRY_SECONDS, self._retry)
                return
            self._batches += 1
            self._after(cold + self._run_batch(self._env.now + cold), self._end)

    def _run_batch(self, begins: float) -> float:
        """Receive messages, oldest first, and return the seconds until the last one ends."""
        seconds: defaultdict[int, float] = defaultdict(float)
        size = min(self._batch_size, len(self._quiet) + len(self._noisy))
        self.largest_batch = max(self.largest_batch, size)
        for _ in range(size):
            user, sent_at = (self._quiet or self._noisy).popleft()
            seconds[user] += self._process(user)
            self.users.append(user)
            self.sent_at.append(sent_at)
            self.ended_at.append(begins + seconds[user])
        return max(seconds.values())

    def _after(self, seconds: float, call: Callable[[Event], None]) -> None:
        event = self._env.timeout(seconds)
        assert event.callbacks is not None  # it is not processed yet
        event.callbacks.append(call)

    def _end(self, _: Event) -> None:
        self._function.end()
        self._batches -= 1
        self._dispatch()

    def _retry(self, _: Event) -> None:
        self._retrying = False
        self._dispatch()

    def _scale(self) -> ProcessGenerator:
        """Add pollers while messages wait, and remove them otherwise."""
        while True:
            yield self._env.timeout(1.0)
            more = (
                MORE_POLLERS_PER_SECOND if self._quiet or self._noisy else -MORE_POLLERS_PER_SECOND
            )
            least = min(POLLERS_AT_FIRST, self._max_concurrency)
            self._pollers = max(least, min(self._max_concurrency, self._pollers + more))
            self._dispatch()
