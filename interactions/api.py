"""The routes by which people act: swipes, rewinds, quota, blocks and unmatches."""

from fastapi import APIRouter

from gravity.card_tokens import CardTokens
from gravity.kernel import Kernel
from interactions.partings_api import add_partings
from interactions.quotas import Limits
from interactions.swipes_api import add_quota, add_rewinds, add_swipes
from interactions.swiping import Swiping


def create_router(kernel: Kernel) -> APIRouter:
    """The routes of interactions."""
    router = APIRouter(prefix="/v1", tags=["interactions"])
    tokens = CardTokens(kernel.settings.card_token_key.get_secret_value().encode())
    limits = Limits(kernel.settings.daily_swipes, kernel.settings.daily_superlikes)
    swiping = Swiping(kernel.redis, kernel.pool, kernel.producer, tokens, limits)
    add_swipes(router, kernel, swiping)
    add_rewinds(router, kernel, swiping)
    add_quota(router, kernel, swiping)
    add_partings(router, kernel)
    return router
