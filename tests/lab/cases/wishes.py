"""What an operator or a customer wants otherwise: another order, steps around each restart, a question before each."""

import os
import pty
import time

from campaign.case import Case, FORWARD
from campaign.zkmig import Never

from .shapes import QUICK, STAYING
from trial import TIMING

HOOKS = """
playbook("zkmig:zk-to-static", #{
    vars: #{ forward_after: 20 },
    order: |masters| ORDER,
    before_each: |m| m.run(`echo before >>/run/hooks`),
    after_each: |m| m.run(`echo after >>/run/hooks`),
});
"""
REVERSED = "{ let order = masters; order.reverse(); order }"


def restarted(process, step):
    """The masters whose turn in a rolling block began, in order."""
    return [host for where, host in process.turns if where and where.startswith(step)]


def order_and_steps(trial):
    """A playbook of ten lines around the procedure: its order is kept to, its steps are taken, and a wrong order touches nobody."""
    playbook = trial.folder / "customer.rhai"
    playbook.write_text(HOOKS.replace("ORDER", "[masters[0]]"), encoding="utf-8")
    trial.refused("the `order` hook has to give each of the masters that it was given, once", playbook=playbook)
    playbook.write_text(HOOKS.replace("ORDER", REVERSED), encoding="utf-8")
    process = trial.runs(0, playbook)
    turns, wanted = restarted(process, "First rolling"), trial.lab.masters[::-1]
    trial.check("the masters are restarted in the order of the hook", turns == wanted, f"{turns}, not {wanted}")
    for host in trial.lab.masters:
        steps = trial.on(host, "cat /run/hooks").split()
        trial.check(f"{host}: the customer's steps stand before and after its restart", steps == ["before", "after"], str(steps))


def questions(trial):
    """Asks for the plan and before each restart but the first; one no stops it there, and the next run goes on."""
    terminal, its = pty.openpty()
    process = trial.last = trial.start("run", FORWARD, "-i", trial.lab.inventory, *TIMING, "-e", "pause_between=ask", stdin=its)
    os.close(its)
    # The plan, the second master, the third one.
    for number, word in enumerate(("yes", "yes", "no"), 1):
        asked(process, number)
        os.write(terminal, f"{word}\n".encode())
    trial.expect(process, 5, what="the operator's no")
    os.close(terminal)
    trial.says(r"1 restarted, and the ensemble is as it should be\. Restart 10\.10\.0\.[0-9]+ now\?")
    trial.says(r"2 restarted, and the ensemble is as it should be\. Restart 10\.10\.0\.[0-9]+ now\?")
    trial.says("the operator answered no")
    done = process.of("effect_finished", name="restart", outcome="changed")
    trial.check("two were restarted", len(done) == 2, str([event["host"] for event in done]))
    trial.check("all serve", len(trial.serving()) == len(trial.lab.masters), str(trial.serving()))
    process = trial.forward()
    first = restarted(process, "First rolling")
    trial.check("the next run restarts none of them again", not set(first) & {event["host"] for event in done}, str(first))


def asked(process, number, timeout=120):
    """Waits for so many questions in all."""
    deadline = time.monotonic() + timeout
    while process.output.count("[yes/no]") < number:
        if process.process.poll() is not None or time.monotonic() > deadline:
            raise Never(f"question {number} was not asked")
        time.sleep(0.1)


def cases():
    """Each is in CI."""
    return [
        Case("wishes", "order-and-steps", "a customer's playbook with an order and steps of its own", order_and_steps, shape=STAYING, short=True),
        Case("wishes", "questions", "a question before each restart", questions, shape=QUICK, short=True),
    ]
