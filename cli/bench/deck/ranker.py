"""The ranker service with an empty endpoint: `bentoml serve cli.bench.deck.ranker:Ranker`."""

from typing import Any

from cli.bench.deck.empty import Empty
from serving import service

# A decorator made a BentoML service of the class.
Ranker: Any = service.Ranker
Ranker.add_asgi_middleware(Empty)
