"""The labs that several cases share. Exhibitor checks quickly where no gap is measured."""

from campaign.lab import Shape

# The procedure's masters, at a check period at which a leader is missed before a restart is over.
PROCEDURE = Shape("5", 5, "1,4,2,5,3", check_ms=1000)
# Seven whose renumbering can begin with two masters together.
SEVEN = Shape("7", 7, "3,4,7,1,2,5,6", check_ms=1000)
# Three masters whose ids take the fewest restarts to change: one keeps its own. For all that is about something else.
QUICK = Shape("3", 3, "3,1,2")
# Three masters of which none keeps its id in the end, and which leave one out.
MOVING = Shape("3", 3, "1,4,2", check_ms=1000)
# On the ZooKeeper backend an Exhibitor that has not heard of the store by its first check starts ZooKeeper alone: 30 s are enough
# for that anywhere, 1 s is not on a machine that is busy. These go there.
PATIENT = Shape("3", 3, "1,3,2", check_ms=3000)
QUICK_PATIENT = Shape("3", 3, "3,1,2", check_ms=3000)
# The ids of an upgrade: no renumbering.
STAYING = Shape("3", 3, "2,1,3", check_ms=3000)
SHARED = Shape("3", 3, "3,1,2", check_ms=1000, more=("--backend", "shared_fs"))
