"""The ranking follows a decision at once, without a model being trained.

Only the ridge member of the committee answers, exactly; the other members, the penalty, the
temperatures, the weights and what labels are held to stay as the round left them until the
next one. Needs numpy alone, so pages and quick verbs may use it.
"""

from __future__ import annotations

from cleaner.rescoring.kept import Kept, Opening, publish, read, write
from cleaner.rescoring.rescorer import Rescorer, kept_of
from cleaner.rescoring.testimony import Testimony

__all__ = [
    "Kept",
    "Opening",
    "Rescorer",
    "Testimony",
    "kept_of",
    "publish",
    "read",
    "write",
]
