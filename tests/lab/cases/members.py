"""Rolls of etcd, RabbitMQ and ZooKeeper by the library, with clients writing: what they cost, beside restarts one after the other without a gate."""

from campaign.case import AS_IT_IS, Case
from campaign.zkmig import Match

from members.trial import PATIENCE, Ensemble, Members, Shape

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
    "zookeeper": """
import "zkmig:quorum/zookeeper" as ensemble;
let members = hosts("masters");
ensemble::watched(members, || ensemble::roll(members, #{ unit: "dcos-exhibitor.service" }), #{});
""",
}
# A new release by the distribution's package, which restarts its unit.
UPGRADE = """
import "zkmig:quorum/etcd" as etcd;
let members = hosts("etcd");
etcd::roll(members, #{
    settle_timeout: "30s",
    needs_restart: |m| !m.http(2379, "/version").json.etcdserver.contains("3.5."),
    restart:       |m| m.run("DEBIAN_FRONTEND=noninteractive dpkg --install --force-confold /var/cache/zkmig-lab/etcd-server-next.deb", #{ timeout: "3m" }),
});
"""
# A setting that the running server tells, so that another run leaves out who has it. Each case has a number of its own for it.
SETTINGS = {
    "etcd": """
import "zkmig:quorum/etcd" as etcd;
let members = hosts("etcd");
etcd::roll(members, #{
    settle_timeout: "10s",
    http:           #{ timeout: "3s" },
    needs_restart: |m| !m.run("cat /proc/$(systemctl show --property MainPID --value etcd.service)/environ", #{ read_only: true }).stdout.contains("ETCD_MAX_SNAPSHOTS=NUMBER"),
    restart:       |m| {
        m.run(["mkdir", "-p", "/etc/systemd/system/etcd.service.d"]);
        m.copy("/etc/systemd/system/etcd.service.d/snapshots.conf", #{ content: "[Service]\\nEnvironment=ETCD_MAX_SNAPSHOTS=NUMBER\\n" });
        m.run(["systemctl", "daemon-reload"]);
        m.service("etcd.service").restart();
    },
});
""",
    "rabbitmq": """
import "zkmig:quorum/rabbitmq" as rabbitmq;
rabbitmq::roll(hosts("rabbitmq"), #{
    settle_timeout: "1m",
    needs_restart: |m| m.run("rabbitmqctl --quiet eval 'application:get_env(rabbit, channel_max).'", #{ read_only: true, timeout: "2m" }).stdout.trimmed() != "{ok,NUMBER}",
    restart:       |m| {
        m.run(["mkdir", "-p", "/etc/rabbitmq/conf.d"]);
        m.copy("/etc/rabbitmq/conf.d/channels.conf", #{ content: "channel_max = NUMBER\\n" });
        rabbitmq::drain(m);
        m.service("rabbitmq-server.service").restart(#{ timeout: "5m" });
    },
});
""",
    "zookeeper": """
import "zkmig:quorum/zookeeper" as ensemble;
ensemble::roll(hosts("masters"), #{
    unit: "dcos-exhibitor.service",
    settle_timeout: "30s",
    needs_restart: |m| !m.run("cat /proc/$(systemctl show --property MainPID --value dcos-exhibitor.service)/environ", #{ read_only: true }).stdout.contains("ROLLED=NUMBER"),
    restart:       |m| {
        m.run(["mkdir", "-p", "/etc/systemd/system/dcos-exhibitor.service.d"]);
        m.copy("/etc/systemd/system/dcos-exhibitor.service.d/rolled.conf", #{ content: "[Service]\\nEnvironment=ROLLED=NUMBER\\n" });
        m.run(["systemctl", "daemon-reload"]);
        m.service("dcos-exhibitor.service").restart();
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
    trial.check(f"{name}: never more than one member was down", row["most_down"] == 1, str(row))
    trial.check(f"{name}: no gap is longer than {LONGEST_GAP} s", row["longest_gap"] <= LONGEST_GAP, str(row))


def rolls(trial):
    """By the library, and one after the other, from the same leader."""
    count = len(trial.lab.masters)
    process, row = trial.under_load("roll", lambda: trial.run_members(0, ROLLS[trial.kind]))
    right(trial, "roll", row, count)
    order = turns(process)
    trial.check("the leader was restarted last", order[-1:] == [row["leader"][0]] and len(order) == count, str(order))
    if trial.kind in ("etcd", "zookeeper"):
        trial.says(r"^quorum: ")
    _, serial = trial.under_load("serial", trial.serial)
    trial.check("serial: every member was restarted", serial["restarts"] == count, str(serial["restarts"]))
    trial.check("the roll has no more elections than restarts in the inventory's order", row["elections"] <= serial["elections"], str(trial.orders))


def upgrade(trial):
    """A new release for each member."""
    changes(trial, UPGRADE)
    trial.versions += " → " + trial.version()


def set_to(trial, number):
    """A playbook that brings a setting to every member."""
    return SETTINGS[trial.kind].replace("NUMBER", str(number))


def setting(trial):
    """A new setting for each member."""
    changes(trial, set_to(trial, 1001))


def changes(trial, text):
    """Something new for each member, and nothing to do for another run."""
    count = len(trial.lab.masters)
    _, row = trial.under_load("roll", lambda: trial.run_members(0, text))
    right(trial, "roll", row, count)
    before = trial.started()
    trial.run_members(0, text)
    trial.says("no member needs a restart")
    trial.check("nobody is restarted again", trial.started() == before)


def down(trial):
    """A member is down before: the roll begins with it, and ends as any."""
    dead = trial.lab.masters[-1]

    def begun():
        trial.on(dead, f"systemctl stop {trial.unit}")
        return trial.run_members(0, ROLLS[trial.kind])
    process, row = trial.under_load("roll", begun)
    right(trial, "roll", row, len(trial.lab.masters))
    trial.check("the one that was down is restarted first", turns(process)[:1] == [dead], str(turns(process)))


def dies(fault, number):
    """A member goes away before the second one's turn: the run stops, tells how all are, and ends nobody's quorum; healed, it goes on."""
    def body(trial):
        text, hosts = set_to(trial, number), trial.lab.masters

        def broken():
            begun = trial.started()
            process = trial.start_members(text)
            second = process.hold(Match("rolling_turn", nth=2))["host"]
            first = turns(process)[0]
            dead = next(host for host in reversed(hosts) if host not in (first, second))
            fault(trial, dead)
            process.go()
            trial.expect(process, 5, timeout=PATIENCE, what=f"{dead} dies before {second}'s turn")
            trial.says(rf"the quorum is up: {len(hosts) - 1} of {len(hosts)} serve")
            trial.says(rf"{dead} +DOES NOT SERVE")
            for host in hosts:
                if host not in (first, dead):
                    trial.check(f"{host} was left as it is", trial.started()[host] == begun[host])
                    trial.says(rf"{host} +(serves|leads)")
            heal(trial, dead)
            # As the page says: its own run takes the lock again that could not be given back.
            again = trial.last = trial.resume()
            trial.expect(again, 0, timeout=PATIENCE, what="the resumed roll")
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
    """The quick ones, which fetch nothing but the distribution's own packages, are in CI."""
    found = []
    for kind, count in (("etcd", 3), ("zookeeper", 3), ("rabbitmq", 3), ("etcd", 5), ("rabbitmq", 5)):
        shape = Ensemble(count) if kind == "zookeeper" else Shape(kind, count)
        who, quick = f"{count} members of {kind}", kind == "etcd" and count == 3
        bodies = [("roll", "a rolling restart, and a serial one", rolls, quick), ("setting", "a new setting", setting, False),
                  ("down", "a rolling restart that finds a member down", down, False),
                  ("ends", "a new setting, and a member's server ends", dies(ends, 1002), False),
                  ("cut", "a new setting, and a member is cut off", dies(cut, 1003), quick)]
        found += [Case("members", f"{kind}-{count}-{name}", f"{who}: {title}", body, shape=shape, chain=f"members-{kind}-{count}", short=short)
                  for name, title, body, short in bodies]
        if kind == "etcd":
            found.append(Case("members", f"{kind}-{count}-upgrade", f"{who}: an upgrade", upgrade, shape=Shape(kind, count, "--next-release")))
    for case in found:
        case.trial, case.ends = Members, AS_IT_IS
    return found
