"""What interactions consumes."""

from gravity.consumer import Subscription
from gravity.kernel import Kernel
from interactions import matcher, read_updates, withdrawals


def subscriptions(kernel: Kernel) -> list[Subscription]:
    """Everything."""
    return [*matching(), *reading(kernel)]


def matching() -> list[Subscription]:
    """The matcher, which writes the truth: a process of its own where the load asks for it."""
    return [matcher.subscription()]


def reading(kernel: Kernel) -> list[Subscription]:
    """What follows from the truth: the read side, and who matches nobody."""
    return [
        read_updates.subscription(kernel.redis, kernel.clock),
        withdrawals.subscription(kernel.redis, kernel.clock),
    ]
