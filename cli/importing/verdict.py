"""Why a row is refused: the first rule that it breaks."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cli.importing.columns import Parsed

Mask = npt.NDArray[np.bool_]


class Verdict:
    """Rules over n rows, applied one after the other; a row keeps its first reason."""

    def __init__(self, rows: int) -> None:
        self._reason = np.full(rows, "", dtype=object)

    def refuse(self, broken: Mask, reason: str) -> None:
        """Refuse the rows of the mask (n,) that nothing has refused yet."""
        self._reason[broken & (self._reason == "")] = reason

    def require(self, name: str, column: Parsed[np.generic]) -> None:
        """Refuse rows where the column is missing or not understood."""
        self.refuse(~column.given, f"{name} is missing")
        self.understand(name, column)

    def understand(self, name: str, column: Parsed[np.generic]) -> None:
        """Refuse rows where something is there that is not understood."""
        self.refuse(column.bad, f"{name} is not understood")

    @property
    def accepted(self) -> Mask:
        """Rows without a reason (n,)."""
        return np.asarray(self._reason == "", bool)

    @property
    def reasons(self) -> list[str]:
        """The reasons of the refused rows, in their order."""
        return [str(reason) for reason in self._reason[~self.accepted]]


@dataclass(frozen=True, slots=True)
class Checked:
    """A chunk after its rules: `accepted`, in the schema of the lake's table; the places in the
    chunk of the rows refused, and why."""

    accepted: pa.Table
    refused: npt.NDArray[np.int64]
    reasons: list[str]
