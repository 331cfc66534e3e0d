"""The families of cases, a file each."""

from . import drawn, fault, procedure

FAMILIES = ("procedure", "random", "zk38", "fault")


def all_cases(seed):
    """Every case, in the order of the table."""
    return [*procedure.cases(), *drawn.random_cases(seed), *drawn.zk38_cases(seed), *fault.cases()]
