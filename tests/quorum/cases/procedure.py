"""The procedure's own five masters: quickly, and in a real Exhibitor's time."""

from starts import FAST, PROCEDURE, REAL, Start
from trial import Case, compare

# A master takes a minute for its restart, and every run restarts ten.
LONG = 1800


def cases():
    """One of each. The long one comes first, so that the campaign does not wait for it at its end."""
    return [
        Case("procedure", "real", Start(PROCEDURE, check_ms=REAL), compare, title="the procedure's cluster, in a real Exhibitor's time",
             options=(), patience=LONG),
        Case("procedure", "fast", Start(PROCEDURE, check_ms=FAST), compare, title="the procedure's cluster", short=True),
    ]
