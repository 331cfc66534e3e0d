"""kill -9 of zkmig at events spread over a whole run, then `resume`, or a plain run from an empty state folder.

The moments come from `reference.json`: every kind of event that a whole run of the playbook has, by step, with how
often it came. The first case runs undisturbed and fails when that list has become old.
"""

import json
import signal
from pathlib import Path

from campaign import judge
from campaign.case import Case
from campaign.lab import FIVE, THREE
from campaign.zkmig import Match

REFERENCE = Path(__file__).resolve().parents[1] / "reference.json"
SHORT = ("second-restart-finished-2", "write-copy-finished")


def kinds(events):
    """A run's events by kind: (step's number, step, event, name, kind of effect) and how often each came."""
    steps, found = {}, {}
    for event in events:
        if event["event"] == "step_started":
            steps[event["step"]] = event["number"]
        if event["event"] not in ("effect_started", "effect_finished", "step_finished"):
            continue
        key = (steps.get(event["step"], 0), event["step"], event["event"], event.get("name"), event.get("kind"))
        found[key] = found.get(key, 0) + 1
    return found


def record(events):
    """Keeps a whole run's kinds of event as the list that the moments are chosen from."""
    rows = [[*key, count] for key, count in sorted(kinds(events).items(), key=lambda pair: (pair[0][0], str(pair[0])))]
    REFERENCE.write_text("[\n" + ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n", encoding="utf-8")


def reference():
    """The recorded kinds of event: step's number, step, event, name, kind, count."""
    return json.loads(REFERENCE.read_text(encoding="utf-8"))


def short_name(step):
    """A step's name as it stands in a case's."""
    for word, name in (("Preflight", "preflight"), ("Determine", "ids"), ("Back up", "backup"), ("Write the static", "write"),
                       ("First", "first"), ("Write the ensemble", "rewrite"), ("Second", "second"), ("Prove", "proof")):
        if step.startswith(word):
            return name
    return step.split()[0].lower()


def moments():
    """(name, title, match, shape, whether the run holds its locks by then)."""
    found = [("connecting", "when the second host is connected", lambda: Match("host_connected", nth=2), THREE, False)]
    reads = sorted({(number, step, name) for number, step, event, name, kind, _ in reference() if kind == "read"})
    for number, step, event, name, kind, count in reference():
        place = short_name(step)
        if event == "step_finished":
            found.append((f"{place}-ends", f"at the end of \"{step}\"", lambda step=step: Match("step_finished", step=step), THREE, True))
            continue
        what = event.removeprefix("effect_")
        if kind == "read":
            # One of the two moments of a read: which one, alternates.
            if what != ("started", "finished")[reads.index((number, step, name)) % 2]:
                continue
        nth = 1 + len(found) % min(count, 3)
        found.append((f"{place}-{name}-{what}", f"{name} {what} in \"{step}\" ({nth})",
                      lambda step=step, event=event, name=name, nth=nth: Match(event, nth=nth, step=step, name=name), THREE, True))
    for block, start in (("first", "First rolling"), ("second", "Second rolling")):
        for turn in range(1, 6):
            found.append((f"{block}-turn-{turn}", f"turn {turn} of the {block} restart begins",
                          lambda start=start, turn=turn: Match("rolling_turn", nth=turn, after=Match("step_started", step=start)), FIVE, True))
        for turn in range(2, 6):
            found.append((f"{block}-restart-finished-{turn}", f"the {turn}th restart of the {block} block is done",
                          lambda start=start, turn=turn: Match("effect_finished", nth=turn, step=start, name="restart"), FIVE, True))
    return found


def undisturbed(trial):
    """A whole run, in which nothing happens: every kind of event in it has its moment among the cases."""
    process = trial.run()
    if trial.expect(process, 0) == 0:
        trial.complete = True
        known = {(row[1], row[2], row[3]) for row in reference()}
        new = [f"{key[1]}: {key[2]} {key[3]}" for key in kinds(process.events) if (key[1], key[2], key[3]) not in known]
        trial.check("reference.json knows every kind of event (tests/faults/run --record)", not new, ", ".join(new))


def body(match, locked, resumes):
    """Kills a run at a moment, and goes on."""
    def kill(trial):
        process = trial.run()
        process.reach(process.at(match(), lambda run: run.send(signal.SIGKILL)))
        trial.check("it died of the signal", process.finish(20) == -9, str(process.code))
        judge.work_ends(trial)
        judge.whole(trial)
        if resumes:
            resumed = trial.resume()
            trial.complete = trial.expect(resumed, 0, timeout=300, what="resume") == 0
            return
        lies = judge.locks(trial)
        if locked:
            trial.check("the dead run's lock lies on every master", len(lies) == len(trial.lab.masters), ", ".join(lies))
        if lies:
            refused = trial.run(state="empty")
            trial.expect(refused, 6, timeout=60, what="a plain run meets the dead run's lock")
            trial.check("it names the dead run", process.run_id and process.run_id in refused.output, str(process.run_id))
            trial.check("it names the way on", "zkmig unlock" in refused.output and "zkmig resume" in refused.output)
            trial.unlock()
    return kill


def cases():
    """The undisturbed run, and the moments: a third of them go on with a plain run."""
    found = [Case("kill", "00-undisturbed", "a whole run, undisturbed", undisturbed, again=True)]
    for place, (name, title, match, shape, locked) in enumerate(moments()):
        # Before there is a lock, and with it a record, there is nothing to resume.
        resumes = place % 3 != 0
        title += "; resume" if resumes else "; unlock, plain run from an empty state folder"
        found.append(Case("kill", name, f"kill -9: {title}", body(match, locked, resumes), shape=shape,
                          again=place % 12 == 0, short=name in SHORT))
    return found
