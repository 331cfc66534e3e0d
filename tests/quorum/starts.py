"""The states that a cluster may be in before it is renumbered: drawn at random, from kinds of which each has its number."""

import itertools
import random

from campaign.lab import MASTERS, Shape

# Exhibitor's check period, in milliseconds. A restart takes longer than this, and an election never: an outage can't pass for one.
LONG = 10000
# A real Exhibitor's.
REAL = 30000
# Where who leads while a master is down is seen all the same, and nothing else is at stake: a campaign of faults has to end. It is slow enough that an
# Exhibitor hears of its store before it starts ZooKeeper.
FAST = 1000

# What the random starts are drawn with, where nobody says otherwise.
SEED = 4

# A version of each rule set that DC/OS had, and of the newest. 3.6 has the rules of 3.8.
VERSIONS = ("3.4.6", "3.4.14", "3.8")

# How many cases there are of each kind: of so many masters, and the lengths of the cycles in which their ids move; a cycle
# of length 1 is a fixed point. Without one of those nobody can lead from the first restart to the last.
KINDS = {
    3: {(3,): 6, (2, 1): 3},
    5: {(5,): 5, (3, 2): 3, (4, 1): 2, (2, 2, 1): 2, (3, 1, 1): 2, (2, 1, 1, 1): 2},
    7: {(7,): 2, (5, 2): 2, (4, 3): 2, (3, 2, 2): 2, (6, 1): 1, (4, 2, 1): 1, (3, 2, 1, 1): 1, (2, 2, 1, 1, 1): 1},
    9: {(5, 4): 1},
}
# The same on other versions than 3.4.14.
OTHER_KINDS = {3: {(3,): 1, (2, 1): 1}, 5: {(5,): 1, (3, 2): 1}, 7: {(7,): 1}}
OTHER_VERSIONS = ("3.4.6", "3.6", "3.8")
# Ids with gaps, such as 2, 5, 8: those of a cluster whose masters were replaced. So many of each version of VERSIONS.
GAPS = {3: 8, 5: 8, 7: 4}


class Start:
    """A starting state: `ids` in the inventory's order, `leader` the address of who is to lead, None for whoever does."""

    def __init__(self, ids, leader=None, check_ms=LONG, zookeeper="3.4.14", dcos="1.10"):
        self.ids, self.leader, self.check_ms, self.zookeeper, self.dcos = tuple(ids), leader, check_ms, zookeeper, dcos
        self.masters = MASTERS[:len(self.ids)]

    @property
    def final(self):
        """The ids at the end, in the inventory's order: as the strings of the addresses stand in order."""
        return final(self.masters)

    @property
    def shape(self):
        """How a lab is booted for it."""
        # The newest of both goes with the newest layout.
        layout = "myid" if self.zookeeper == "3.8" or self.dcos == "2.2" else "bare"
        return Shape(str(len(self.ids)), len(self.ids), ",".join(map(str, self.ids)), self.check_ms, self.zookeeper, layout, self.dcos)

    @property
    def fixed(self):
        """How many keep their ids."""
        return sum(1 for now, then in zip(self.ids, self.final) if now == then)

    def __str__(self):
        listed = " ".join(f"{short(address)}:{number}" for address, number in sorted(zip(self.masters, self.ids)))
        return listed + (f", {short(self.leader)} leads" if self.leader else "")

    @property
    def key(self):
        """All that makes it."""
        return f"{self}; ZooKeeper {self.zookeeper}, DC/OS {self.dcos}, checks each {self.check_ms} ms"


def short(address):
    """An address by its last number."""
    return address.rpartition(".")[2]


def final(masters):
    """The ids that an upgrade gives these masters, in their own order."""
    ordered = sorted(masters)
    return tuple(ordered.index(address) + 1 for address in masters)


def cycles(permutation):
    """The lengths of a permutation's cycles, longest first. It maps i to permutation[i], from 0."""
    left, lengths = set(range(len(permutation))), []
    while left:
        at, length = next(iter(left)), 0
        while at in left:
            left.remove(at)
            at = permutation[at]
            length += 1
        lengths.append(length)
    return tuple(sorted(lengths, reverse=True))


def renumbered(masters, permutation):
    """The ids from which a permutation of the ids leads to the final ones."""
    return [permutation[number - 1] + 1 for number in final(masters)]


def permutations(count, kind, wanted, source):
    """Permutations of a kind, in an order drawn at random: all of them, or as many as are wanted."""
    if count <= 5:
        found = [each for each in itertools.permutations(range(count)) if cycles(each) == kind]
        source.shuffle(found)
        return found
    found = []
    while len(found) < wanted:
        places = list(range(count))
        source.shuffle(places)
        made, at = [0] * count, 0
        for length in kind:
            members = places[at:at + length]
            for place, member in enumerate(members):
                made[member] = members[(place + 1) % length]
            at += length
        if made not in found:
            found.append(made)
    return found


def led(masters, ids, rank):
    """The master whose id has this rank, from the lowest."""
    return sorted(zip(ids, masters))[rank % len(ids)][1]


def of_kind(seed, count, kind, wanted, zookeeper="3.4.14"):
    """(name, starting state) of a kind. Who leads goes through all ranks, from one that the seed draws."""
    source = random.Random(f"{seed} {count} {kind} {zookeeper}")
    masters = MASTERS[:count]
    found, first, named = permutations(count, kind, wanted, source), source.randrange(count), "+".join(map(str, kind))
    for number in range(wanted):
        # Where there are fewer than are wanted, each is led by several.
        ids = renumbered(masters, found[number if len(found) >= wanted else number // count % len(found)])
        yield f"{count}-{named}-{number + 1}", Start(ids, led(masters, ids, first + number), zookeeper=zookeeper)


def with_gaps(seed, count, wanted, zookeeper="3.4.14"):
    """(name, starting state) of masters whose ids have gaps."""
    source = random.Random(f"{seed} {count} gaps {zookeeper}")
    masters = MASTERS[:count]
    first, seen = source.randrange(count), []
    while len(seen) < wanted:
        ids = source.sample(range(1, count + 6), count)
        if max(ids) > count and ids not in seen:
            seen.append(ids)
            yield f"{count}-gaps-{len(seen)}", Start(ids, led(masters, ids, first + len(seen)), zookeeper=zookeeper)


def drawn(seed, kinds, gaps, zookeeper="3.4.14"):
    """All starting states of these kinds."""
    for count, lengths in kinds.items():
        for kind, wanted in lengths.items():
            yield from of_kind(seed, count, kind, wanted, zookeeper)
    for count, wanted in gaps.items():
        yield from with_gaps(seed, count, wanted, zookeeper)


def distribution(starts):
    """How many there are of each sort, in lines."""
    found = {}
    for start in starts:
        gaps = max(start.ids) > len(start.ids)
        sort = "ids with gaps" if gaps else f"{start.fixed or 'no'} fixed point{'s' if start.fixed > 1 else ''}"
        key = (len(start.ids), start.zookeeper, gaps, start.fixed if not gaps else 0, sort)
        found[key] = found.get(key, 0) + 1
    return [f"{count:4}  {key[0]} masters, {key[4]}, ZooKeeper {key[1]}" for key, count in sorted(found.items())]


# The procedure's own five: in the inventory's order 193, 122, 203, 104, 169.
PROCEDURE = (1, 4, 2, 5, 3)
