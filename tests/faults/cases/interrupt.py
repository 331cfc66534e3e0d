"""Signals at moments spread over a run: the host in hand is finished, no other begun, and the next run gets further."""

import signal

from campaign.case import Case
from campaign.zkmig import Match

from .hosts import FIRST, SECOND, effect, turn

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def in_step(step, name, event="effect_started", nth=1):
    """An effect of a step."""
    return lambda: Match(event, step=step, name=name, nth=nth)


# Chains of moments: each is reached by going on from the one before, so each has to come later in a migration.
# (name, the moment, the signals, whether it is in a turn, what the next one goes on with)
CHAINS = {
    "a": [
        ("preflight-look", in_step("Preflight", "processes"), [INT], "run"),
        ("backup-started", in_step("Back up", "backup"), [TERM], "resume"),
        ("write-finished", in_step("Write the static", "copy", "effect_finished"), [HUP], "run"),
        ("first-turn-1-begins", lambda: turn(FIRST, 1), [INT], "resume"),
        ("first-turn-2-waits", lambda: effect(FIRST, "wait", 1, "effect_started"), [TERM], "run"),
        ("first-ends", lambda: Match("step_finished", step=FIRST), [INT], "resume"),
        ("second-turn-1-restarts", lambda: effect(SECOND, "restart", 1, "effect_started"), [HUP], "run"),
        ("second-turn-2-waits", lambda: effect(SECOND, "wait", 1, "effect_started"), [INT], "resume"),
        ("proof-look", in_step("Prove it", "processes"), [INT], "run"),
    ],
    "b": [
        ("ids-look", in_step("Determine", "entries"), [INT], "resume"),
        ("backup-ends", lambda: Match("step_finished", step="Back up"), [HUP], "run"),
        ("first-turn-1-twice", lambda: effect(FIRST, "wait", 1, "effect_started"), [INT, INT], "resume"),
        ("first-turn-2-cursor", lambda: effect(FIRST, "cursor", 1), [TERM], "run"),
        ("rewrite-started", in_step("Write the ensemble", "copy"), [INT], "resume"),
        ("second-turn-twice", lambda: effect(SECOND, "restart", 1), [TERM, TERM], "run"),
        ("second-turn-whole", lambda: effect(SECOND, "wait_until", 1, "effect_started"), [TERM], "resume"),
    ],
    "c": [
        ("preflight-ends", lambda: Match("step_finished", step="Preflight"), [TERM], "run"),
        ("first-turn-2-restarts", lambda: effect(FIRST, "restart", 2, "effect_started"), [INT], "resume"),
        ("first-turn-3-gate", lambda: turn(FIRST, 1), [HUP], "run"),
        ("rewrite-ends", lambda: Match("step_finished", step="Write the ensemble"), [INT], "resume"),
        ("second-turn-1-cursor-twice", lambda: effect(SECOND, "cursor", 1), [INT, TERM], "run"),
        ("second-turn-2-begins", lambda: turn(SECOND, 2), [INT], "resume"),
    ],
}


def body(moment, signals, onward):
    """Goes on from where the chain stands, and interrupts at the moment."""
    def interrupt(trial):
        # A chain that broke begins again on a cluster of its own, where nothing is to be resumed.
        process = trial.resume() if onward == "resume" and trial.goes_on else trial.run()
        seen = []

        def act(run):
            seen.append(len(run.turns))
            run.send(signals[0])
        process.reach(process.at(moment(), act))
        if len(signals) > 1:
            process.reach(process.at(Match("interrupted")), 10)
            process.send(signals[1])
        last_step = process.of("step_started")[-1]["step"].startswith("Prove")
        # Past its last change a run has nothing left to stop before.
        code = trial.expect(process, *((0, 130) if last_step else (130,)), timeout=20 if len(signals) > 1 else 150)
        trial.complete = code == 0
        trial.check("the events say so", len(process.of("interrupted")) == len(signals) or code == 0)
        trial.check("no other host is begun", len(process.turns) <= seen[0], str(process.turns))
        if len(signals) == 1 and code == 130:
            # A wait for what was not begun by this run has nothing in hand; the gate of a turn is looked at below.
            failed = [event for event in process.of("effect_finished") if event["kind"] != "read" and event["name"] != "wait_until"
                      and event["outcome"] in ("failed", "interrupted", "unreachable")]
            trial.check("what was in hand is finished", not failed, str(failed[:1]))
            if process.turns and process.of("step_started")[-1]["step"].startswith((FIRST, SECOND)) and not process.of("step_finished", step=process.of("step_started")[-1]["step"], ok=True):
                waits = [event for event in process.of("effect_finished", name="wait_until", outcome="changed")]
                trial.check("the host in hand is finished up to its gate", len(waits) >= 2 * len(process.turns), f"{len(waits)} waits, {len(process.turns)} turns")
        trial.check("it says how to go on", code == 0 or "again" in process.output or "resume" in process.output)
        trial.at_rest()
    return interrupt


def cases():
    """The moments, in their chains."""
    found = []
    for chain, moments in CHAINS.items():
        onward = "run"
        for name, moment, signals, after in moments:
            said = " and ".join(each.name for each in signals)
            begun = "" if onward == "run" else ", in a resumed run"
            found.append(Case("interrupt", f"{chain}-{name}", f"{said} at {name.replace('-', ' ')}{begun}", body(moment, signals, onward),
                              chain=f"interrupt-{chain}", short=(chain, name) == ("c", "first-turn-2-restarts")))
            onward = after
    return found
