"""What interactions consumes."""

from gravity.consumer import Subscription
from gravity.kernel import Kernel
from interactions import matcher, read_updates, withdrawals


def subscriptions(kernel: Kernel) -> list[Subscription]:
    """The matcher, the read side, and who matches nobody."""
    return [
        matcher.subscription(),
        read_updates.subscription(kernel.redis, kernel.clock),
        withdrawals.subscription(kernel.redis, kernel.clock),
    ]
