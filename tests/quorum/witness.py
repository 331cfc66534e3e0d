"""What came of each restart, by those who saw it from outside: the units of the masters (when their ZooKeepers ended and were
there again), the sweeps over all servers (who served, who led), and the clients (when nothing was acknowledged). Pure.

A restart takes at least as long as Exhibitor waits for its first check. So "who led while these were down" tells an election
from an outage whatever that period is."""

# How long an election takes at the most, in seconds: what "elections only" promises of a restart.
ELECTION = 3.0
# From one sweep to the next, and what a server may take to answer it.
SWEEP = 0.7


class Witness:
    """All that was seen of one run. `sweeps`: (began, ended, who serves, who leads). `units`: (time, master, Exhibitor's pid,
    ZooKeeper's pid), a line for each change. `gaps`: (from, to) of the clients. All times are of one clock."""

    def __init__(self, masters, sweeps=(), units=(), gaps=()):
        self.masters, self.sweeps, self.gaps = list(masters), list(sweeps), list(gaps)
        self.downs = downs(units)

    def restart(self, hosts, since, until):
        """What came of a restart of these masters that was foretold at `since`; `until` is when the next one was. None when none
        of them was stopped."""
        own = [down for down in self.downs if down["host"] in hosts and since <= down["from"] < until and down["restart"]]
        if {down["host"] for down in own} != set(hosts):
            return None
        stop = min(down["from"] for down in own)
        back = max(down["to"] or until for down in own)
        led = [sweep for sweep in self.sweeps if stop <= sweep[0] and sweep[1] <= until and self.leader(sweep)]
        # While they are down, none of those that were stopped can be the one: a sweep that began before has answers of before.
        others = [sweep for sweep in led if sweep[1] <= back and self.leader(sweep) not in hosts]
        after = min((sweep[1] for sweep in led), default=None)
        return {
            "stop": stop,
            "down": round(back - stop, 1),
            "led_by": sorted({self.leader(sweep) for sweep in others}),
            "led_after": None if after is None else round(after - stop, 2),
            "led_while_down_after": round(others[0][1] - stop, 2) if others else None,
            # A server that is told to end stops answering before it has ended: a gap belongs to the restart that was foretold last before
            # it, so that each belongs to one.
            "gap": round(max((end - begin for begin, end in self.gaps if since <= begin < until), default=0.0), 2),
            "together": self.together(stop, back),
        }

    def leader(self, sweep):
        """Who led a quorum in a sweep; None when nobody did, or two said so."""
        _, _, serving, leaders = sweep
        return leaders[0] if len(leaders) == 1 and len(serving) * 2 > len(self.masters) else None

    def together(self, since, until):
        """How many units were under restart at one time, at most."""
        cut = [(max(down["from"], since), min(down["to"] or until, until)) for down in self.downs
               if down["restart"] and down["from"] < until and (down["to"] or until) > since]
        return max((sum(1 for begin, end in cut if begin <= moment < end) for moment, _ in cut), default=0)

    def most_together(self):
        """The same, of the whole run."""
        return self.together(float("-inf"), float("inf"))


def downs(units):
    """The times without a ZooKeeper in a unit: {host, from, to, restart}. `to` is None where it did not come back. It was a restart of the
    unit where the Exhibitor that started the next one is another one: Exhibitor by itself ends a ZooKeeper that serves nobody for
    long, and starts it again."""
    found, last = [], {}
    for at, host, exhibitor, zookeeper in units:
        known = last.setdefault(host, {"zookeeper": None, "exhibitor": None, "down": None})
        down = known["down"]
        if known["zookeeper"] is not None and zookeeper != known["zookeeper"]:
            down = {"host": host, "from": at, "to": None, "restart": False, "exhibitor": known["exhibitor"]}
            found.append(down)
        if down and exhibitor is not None and exhibitor != down["exhibitor"]:
            down["restart"] = True
        if down and zookeeper is not None:
            down["to"], down = at, None
        if zookeeper is not None or down is None:
            known["exhibitor"] = exhibitor if exhibitor is not None else known["exhibitor"]
        known["zookeeper"], known["down"] = zookeeper, down
    return [{name: value for name, value in down.items() if name != "exhibitor"} for down in found]


def promised(predicted, plan):
    """How long nobody may lead, in seconds, by what was said of a restart: ELECTION where it was "elections only"; more where the leader has to notice
    that its quorum is gone, or where the plan says that elections may be late; None where an outage was foretold."""
    if not predicted["quorum_while_down"]:
        return None
    if "worst_gap_seconds" in predicted:
        return max(ELECTION, predicted["worst_gap_seconds"])
    worst = plan["price"]["worst_gap_seconds"] if plan else ELECTION
    if plan and not plan["elections_only"]:
        return max(ELECTION, worst) if predicted["election"] else ELECTION
    # An election that begins only when the leader notices is most likely longer by half a tick.
    return ELECTION if (predicted["gap_seconds"] or 0) <= ELECTION / 2 else max(ELECTION, worst)


def judged(promise, seen, election=ELECTION):
    """What is wrong with a restart that was promised to leave nobody without a leader for longer than so; empty when it held. An
    election may take as long as this."""
    if promise is None or seen is None:
        return ""
    wrong = []
    longest = max(promise, election)
    if seen["gap"] > longest:
        wrong.append(f"nothing was acknowledged for {seen['gap']} s, promised were at most {longest} s")
    if seen["led_after"] is None or seen["led_after"] > longest + SWEEP:
        wrong.append(f"a leader was seen {'never' if seen['led_after'] is None else str(seen['led_after']) + ' s'} after the stop, promised were at most {longest} s")
    # An election is over before a restart is, however short that was; one that may be late need not be.
    if not seen["led_by"] and (promise <= ELECTION or seen["down"] > promise):
        wrong.append(f"nobody led while {'they were' if seen['together'] > 1 else 'it was'} down, for {seen['down']} s")
    return "; ".join(wrong)


def wanting(each, election):
    """The same of a restart as it is kept in the results; an election may take as long as this."""
    return "" if each["promise"] is None or each["stop"] is None else judged(each["promise"], each, election)


def unseen(each):
    """Whether nobody outside saw a restart whose outcome was told: then nothing is known of its promise."""
    return each["stop"] is None and not each["open"]
