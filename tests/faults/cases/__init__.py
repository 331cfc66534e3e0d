"""The families of cases, a file each."""

from . import external, hosts, interrupt, kill, rollback, rolling, two

FAMILIES = {"kill": kill, "hosts": hosts, "rolling": rolling, "two": two, "interrupt": interrupt, "rollback": rollback,
            "external": external}


def all_cases():
    """Every case, in the order of the table."""
    return [case for family in FAMILIES.values() for case in family.cases()]
