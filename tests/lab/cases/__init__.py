"""The families of cases, a file each."""

from . import as_they_are, back, back_killed, forward, measured, members, persisted, reboots, wishes

FAMILIES = {"forward": forward, "persisted": persisted, "back": back, "back-killed": back_killed, "as-they-are": as_they_are, "wishes": wishes, "reboots": reboots,
            "measured": measured, "members": members}


def all_cases():
    """Every case, the longest shapes first: labs take those that are left in this order."""
    return [case for family in FAMILIES.values() for case in family.cases()]
