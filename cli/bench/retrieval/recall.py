"""How much of the best an engine finds: over all questions, and where it finds least."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from cli.bench.retrieval.engines import Engine
from cli.bench.retrieval.questions import Question


@dataclass(frozen=True, slots=True)
class Recall:
    """Means over all questions, and over those of the group (dense or country, narrow or wide) for
    which it is lowest; without any such group, over all."""

    mean: float
    worst_group: float


def recalls(engine: Engine, questions: Sequence[Question]) -> Recall:
    """Ask everything once."""
    every = [q.recall(engine.search(q.query).persons.ids) for q in questions]
    groups: dict[tuple[str, str], list[float]] = defaultdict(list)
    for question, recall in zip(questions, every, strict=True):
        if question.place != "between":
            groups[question.place, question.limits].append(recall)
    mean = sum(every) / len(every)
    means = (sum(group) / len(group) for group in groups.values())
    return Recall(mean, min(means, default=mean))
