"""Rolls of etcd and RabbitMQ by the library, with clients writing: what they cost, beside restarts one after the other without a gate."""

from campaign.case import AS_IT_IS, Case
from campaign.zkmig import Match

from members.trial import Members, Shape

ROLLS = {
    "etcd": """
import "zkmig:quorum/etcd" as etcd;
let members = hosts("etcd");
etcd::watched(members, || etcd::roll(members, #{}), #{});
""",
    "rabbitmq": """
import "zkmig:quorum/rabbitmq" as rabbitmq;
rabbitmq::roll(hosts("rabbitmq"), #{});
""",
}
# A new release by the distribution's package, which restarts its unit; and a setting that the running server tells.
CHANGES = {
    "etcd": """
import "zkmig:quorum/etcd" as etcd;
let members = hosts("etcd");
etcd::roll(members, #{
    settle_timeout: "30s",
    needs_restart: |m| !m.http(2379, "/version").json.etcdserver.contains("3.5."),
    restart:       |m| m.run("DEBIAN_FRONTEND=noninteractive dpkg --install --force-confold /var/cache/zkmig-lab/etcd-server-next.deb", #{ timeout: "3m" }),
});
""",
    "rabbitmq": """
import "zkmig:quorum/rabbitmq" as rabbitmq;
rabbitmq::roll(hosts("rabbitmq"), #{
    settle_timeout: "90s",
    needs_restart: |m| m.run("rabbitmqctl --quiet eval 'application:get_env(rabbit, channel_max).'", #{ read_only: true }).stdout.trimmed() != "{ok,1000}",
    restart:       |m| {
        m.copy("/etc/rabbitmq/conf.d/channels.conf", #{ content: "channel_max = 1000\\n" });
        rabbitmq::drain(m);
        m.service("rabbitmq-server.service").restart(#{ timeout: "5m" });
    },
});
""",
}
# More than the slowest election seen, and less than the restart of any member takes.
LONGEST_GAP = 2.5


def turns(process):
    """The members in the order of their turns."""
    return [host for _, host in process.turns]


def right(trial, name, row, count):
    """What has to hold of an order by the library."""
    trial.check(f"{name}: every member was restarted", row["restarts"] == count, str(row["restarts"]))
    trial.check(f"{name}: one election at most", row["elections"] <= 1, str(row))
    trial.check(f"{name}: no write is lost", row["lost"] == 0, str(row))
    trial.check(f"{name}: no gap is longer than {LONGEST_GAP} s", row["longest_gap"] <= LONGEST_GAP, str(row))


def rolls(trial):
    """By the library, and one after the other, from the same leader."""
    count = len(trial.lab.masters)
    process, row = trial.under_load("roll", lambda: trial.run_members(0, ROLLS[trial.kind]))
    right(trial, "roll", row, count)
    order = turns(process)
    trial.check("the leader was restarted last", order[-1:] == [row["leader"][0]] and len(order) == count, str(order))
    if trial.kind == "etcd":
        trial.says(r"^quorum: ")
    _, serial = trial.under_load("serial", trial.serial)
    trial.check("serial: every member was restarted", serial["restarts"] == count, str(serial["restarts"]))
    trial.check("the roll has no more elections than restarts in the inventory's order", row["elections"] <= serial["elections"], str(trial.orders))


def changes(trial):
    """Something new for each member, and nothing to do for another run."""
    text, count = CHANGES[trial.kind], len(trial.lab.masters)
    _, row = trial.under_load("roll", lambda: trial.run_members(0, text))
    right(trial, "roll", row, count)
    before = trial.started()
    trial.run_members(0, text)
    trial.says("no member needs a restart")
    trial.check("nobody is restarted again", trial.started() == before)
    trial.versions += " → " + trial.lab.command("status").splitlines()[1].split()[-1]


def dies(fault):
    """A member goes away before the second one's turn: the run stops, tells how all are, and ends nobody's quorum; healed, it goes on."""
    def body(trial):
        text, hosts = CHANGES[trial.kind], trial.lab.masters
        begun = trial.started()

        def broken():
            process = trial.start_members(text)
            second = process.hold(Match("rolling_turn", nth=2))["host"]
            first = turns(process)[0]
            dead = next(host for host in reversed(hosts) if host not in (first, second))
            fault(trial, dead)
            process.go()
            trial.expect(process, 5, what=f"{dead} dies before {second}'s turn")
            trial.says(rf"the quorum is up: {len(hosts) - 1} of {len(hosts)} serve")
            trial.says(rf"{dead} +DOES NOT SERVE")
            for host in hosts:
                if host not in (first, dead):
                    trial.check(f"{host} was left as it is", trial.started()[host] == begun[host])
                    trial.says(rf"{host} +(serves|leads)")
            heal(trial, dead)
            # As the page says: its own run takes the lock again that could not be given back.
            again = trial.last = trial.resume()
            trial.expect(again, 0, what="the resumed roll")
            done = turns(again)
            trial.check("who is done is left out", first not in done and len(done) == len(hosts) - 1, str(done))
        _, row = trial.under_load("death", broken)
        trial.check("no write is lost", row["lost"] == 0, str(row))
        trial.run_members(0, text)
        trial.says("no member needs a restart")
    return body


def cut(trial, host):
    """It is off the network."""
    trial.fault("cut", host)


def ends(trial, host):
    """Its server ends, and stays down."""
    trial.on(host, f"systemctl mask --runtime --now {trial.unit}")


def heal(trial, host):
    """It comes back."""
    trial.fault("heal", host)
    trial.on(host, f"systemctl unmask --runtime {trial.unit}; systemctl start {trial.unit}")


def cases():
    """The quick ones are in CI."""
    found = []
    for kind, count in (("etcd", 3), ("rabbitmq", 3), ("etcd", 5), ("rabbitmq", 5)):
        shape, quick = Shape(kind, count), kind == "etcd" and count == 3
        found += [
            Case("members", f"{kind}-{count}-roll", f"{count} members of {kind}: a rolling restart, and a serial one", rolls, shape=shape, short=quick),
            Case("members", f"{kind}-{count}-cut", f"{count} members of {kind}: an upgrade in which a member is cut off", dies(cut), shape=shape, short=quick),
            Case("members", f"{kind}-{count}-ends", f"{count} members of {kind}: an upgrade in which a member's server ends", dies(ends), shape=shape),
            Case("members", f"{kind}-{count}-upgrade", f"{count} members of {kind}: an upgrade", changes, shape=shape),
        ]
    for case in found:
        case.trial, case.ends = Members, AS_IT_IS
    return found
