"""A host becomes unreachable at the first, a middle and the last place of a rolling block, before and during its turn."""

from campaign.case import Case
from campaign.lab import FIVE
from campaign.zkmig import Match

from .hosts import FIRST, SECOND, effect, turn

PLACES = {"first": 1, "middle": 3, "last": 5}
# Before a turn and during it, at each place, another way of being unreachable.
FAULTS = {("before", "first"): "cut", ("during", "first"): "refuse-sshd", ("before", "middle"): "hang-sshd",
          ("during", "middle"): "cut", ("before", "last"): "refuse-sshd", ("during", "last"): "hang-sshd"}
BLOCKS = {"first-restart": FIRST, "second-restart": SECOND}
SHORT = ("second-restart", "middle", "during")


def body(step, place, when, fault):
    """Lays the fault, and compares what was not reached with what it was before."""
    def break_it(trial):
        masters = trial.lab.masters
        process = trial.run()
        number = PLACES[place]
        if when == "during":
            event = process.hold(effect(step, "restart", number, "effect_started"))
            host = event["host"]
        elif number == 1:
            process.hold(Match("step_started", step=step))
            host = masters[-1]
        else:
            # In the turn before its own: one that has had none yet.
            process.hold(effect(step, "restart", number - 1))
            done = [host for where, host in process.turns if where and where.startswith(step)]
            host = next(host for host in masters if host not in done)
        began = [each for where, each in process.turns if where and where.startswith(step)]
        before = {each: trial.lab.started(each) for each in masters if each not in began}
        trial.note(f"{fault} on {host}")
        trial.lab.fault(fault, host)
        process.go()
        trial.expect(process, 4, timeout=300)
        trial.check("it names the host", host in process.output, host)
        turns = [each for where, each in process.turns if where and where.startswith(step)]
        trial.check("no other turn begins after it", len(turns) <= len(began) + (when == "before"), str(turns))
        touched = [each for each, was in before.items() if each not in turns and trial.lab.started(each) != was]
        trial.check("nothing after it is touched", not touched, ", ".join(touched))
        untouched = [each for each in masters if each not in turns]
        said = "not touched:" in process.output and all(each in process.output.split("not touched:")[-1] for each in untouched)
        trial.check("it says what was not touched", said or not turns, ", ".join(untouched))
        trial.lab.fault("heal", host)
        trial.at_rest()
    return break_it


def cases():
    """Both blocks, three places, two moments."""
    return [
        Case("rolling", f"{block}-{place}-{when}", f"the {place} host of the {block.replace('-', ' ')} unreachable {when} its turn ({fault})",
             body(step, place, when, fault), shape=FIVE, short=(block, place, when) == SHORT)
        for block, step in BLOCKS.items() for place in PLACES for when in ("before", "during")
        for fault in [FAULTS[(when, place)]]
    ]
