"""What a profile alone lets expect of a person: taste, appeal, rates and line, without any swipe.

One linear map a head, from the columns of `features.profile_code`; learned in closed form
(training/towers.py, docs/decisions/0046). Photos are to become inputs of taste and appeal. They are
never inputs of the rates: nobody's photo is scored for looks.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.profile_code import ProfileCode, Profiles

Floats = npt.NDArray[np.float32]

_LARGEST_LOGIT: Final = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Of p people: taste, appeal (p, d), rates within (0, 1) (p,), line (p, 2); float32."""

    taste: Floats
    appeal: Floats
    given_rate: Floats
    received_rate: Floats
    line: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Towers:
    """Weights over the inputs (q,) of a code: taste, appeal (q, d); given, received (q,), logits;
    line (q, 2). All float32."""

    code: ProfileCode
    taste: Floats
    appeal: Floats
    given: Floats
    received: Floats
    line: Floats

    def expected(self, profiles: Profiles, today: int) -> Expected:
        """What the profiles (p) let expect; `today` in days since 1970. About 20 µs a person."""
        inputs = self.code.inputs(profiles, today)
        return Expected(
            taste=inputs @ self.taste,
            appeal=inputs @ self.appeal,
            given_rate=_rate(inputs @ self.given),
            received_rate=_rate(inputs @ self.received),
            line=inputs @ self.line,
        )


def _rate(x: Floats) -> Floats:
    bounded = np.clip(x, -_LARGEST_LOGIT, _LARGEST_LOGIT)
    return np.asarray(1.0 / (1.0 + np.exp(-bounded)), np.float32)
