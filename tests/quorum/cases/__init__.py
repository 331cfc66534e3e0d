"""The families of cases, a file each."""

from . import dcos22, drawn, fault, procedure, promise

FAMILIES = ("procedure", "promise", "dcos22", "gaps", "random", "fault")


def all_cases(seed):
    """Every case, in the order of the table."""
    return [*procedure.cases(), *promise.cases(), *dcos22.cases(), *drawn.gaps_cases(seed), *drawn.random_cases(seed), *fault.cases()]
