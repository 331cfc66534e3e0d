"""Clusters that are not as an installation left them."""

import time

from campaign.case import Case, FORWARD, ORIGINAL
from campaign.lab import Shape
from campaign.zkmig import Never

from .shapes import QUICK

ETC = "/opt/mesosphere/etc"
REALM = f"{ETC}/exhibitor_realm"
KEYS = "/var/lib/dcos/exhibitor-tls-artifacts"
PASSWORD = "n1ght-w4tch"


def drop_in(trial, host, *lines):
    """A drop-in of the unit."""
    folder = "/run/systemd/system/dcos-exhibitor.service.d"
    text = "\n".join(["[Service]", *lines])
    trial.on(host, f"rm -rf {folder}; mkdir -p {folder} && echo '{text}' >{folder}/site.conf; systemctl daemon-reload")


def lists_backups_and_drop_ins(trial):
    """One thing after the other that is not as it should be; then a migration with what may stay."""
    host = trial.lab.masters[0]
    trial.refused("1 of 3 masters are given", "-l", host)
    trial.refused("2 of 3 masters are given", "-l", f"masters:!{host}")

    listed = f"{ETC}/master_list"
    trial.on(host, f"""cp {listed} /root/list 2>/dev/null; echo '["10.10.0.193", "10.10.0.122", "10.10.0.204"]' >{listed}""")
    trial.refused(r"master_list names the masters of the inventory.*10\.10\.0\.204")
    trial.on(host, f"rm -f {listed}; [ ! -e /root/list ] || cp /root/list {listed}")

    for line in ("KillMode=process", "Environment=EXHIBITOR_BACKEND=ZK"):
        drop_in(trial, host, line)
        trial.refused(rf"site\.conf: {line}")
    drop_in(trial, host, "LimitNOFILE=32768", "Environment=SITE=north")

    trial.on(host, f"echo EXHIBITOR_BACKEND=ZK >{ETC}/exhibitor.orig; touch -d 2020-01-02T03:04:05Z {ETC}/exhibitor.orig")
    trial.refused(r"exhibitor\.orig \(of 2020-01-02T030405Z\) is not of today")
    conf = "/var/lib/dcos/exhibitor/conf"
    trial.on(host, f"echo export JVMFLAGS=-Xmx128m >{conf}/java.env; chown --reference={conf} {conf}/java.env")

    trial.forward("-e", "stale_backup=put-aside")
    trial.says(r"these drop-ins don.t touch how it starts: .*site\.conf")
    trial.says(r"java\.env stays in force.*-Xmx128m")
    trial.says("no transaction is lost +[0-9]+ znodes, planted before the restarts, are there through every master")
    trial.migrated()
    aside = trial.lab.read(host, f"{ETC}/exhibitor.orig.2020-01-02T030405Z")
    trial.check("the old copy is there under its date", aside == b"EXHIBITOR_BACKEND=ZK\n", repr(aside))
    kept = trial.lab.read(host, "/var/lib/dcos/zkmig-backup/exhibitor.properties.orig") or b""
    trial.check("the stored configuration is kept", b"servers-spec" in kept, repr(kept))
    trial.changes_nothing()
    trial.says("none was planted")


def password(trial):
    """A whole migration past Exhibitor's password, which lies on the masters or is given."""
    host = trial.lab.masters[0]
    trial.refused("does not take the password of admin that stands in exhibitor_password", "-e", "exhibitor_password=another")
    trial.on(host, f"cp -p {REALM} /root/realm; echo admin: MD5:5ebe2294ecd0e0f08eab7690d2a6ee69,admin >{REALM}")
    trial.refused(f"Exhibitor wants a password, and {REALM} has none of admin that can be used")
    trial.says("exhibitor_password=")
    trial.forward("--check", "-e", f"exhibitor_password={PASSWORD}")
    trial.secret_is_nowhere(PASSWORD)
    trial.on(host, f"cp -p /root/realm {REALM}")
    trial.forward()
    trial.says(r"Exhibitor.s service can be asked  with a password \(all 3\)")
    trial.says("the static backend keeps Exhibitor.s settings")
    trial.secret_is_nowhere(PASSWORD)


def tls(trial):
    """And past TLS with client certificates."""
    host = trial.lab.masters[0]
    key = f"{KEYS}/client-key.pem"
    trial.on(host, f"mv {key} /root/key")
    trial.refused(f"no answer on port 8181 .*for TLS there is no certificate in {KEYS}")
    trial.on(host, f"mv /root/key {key}")
    line = trial.on(host, f"sed -n 2p {key}").strip()
    trial.forward()
    trial.says(r"Exhibitor.s service can be asked  by TLS \(all 3\)")
    trial.says("the static backend keeps Exhibitor.s settings")
    trial.secret_is_nowhere(line)


def services(trial):
    """Mesos and Marathon, in both ways: a DC/OS that is not well is refused, and waited for between the masters."""
    host = trial.lab.masters[0]
    trial.on(host, "systemctl stop dcos-mesos-master.service")
    trial.refused(f"DC/OS is not well: no (answer from Mesos on {host}|Mesos master leads)")
    trial.says("require_dcos=false")
    trial.on(host, "systemctl start dcos-mesos-master.service")
    until_well(trial)
    trial.forward()
    trial.says("DC/OS is well  Mesos is led by .*, 3 agents; Marathon by ")
    trial.says("DC/OS is as well as it was at the start  Mesos is led by .*, 3 agents; Marathon by ")
    trial.says("Tasks go on running")
    trial.migrated()
    trial.back()
    trial.says("DC/OS is as well as it was at the start  Mesos is led by .*, 3 agents")


def until_well(trial):
    """Until a preflight says so: not before all agents have come back to a leader that is new, one after the other."""
    deadline = time.monotonic() + 120
    while trial.run(FORWARD, "--check").finish(120) != 0:
        if time.monotonic() > deadline:
            raise Never("DC/OS does not become well within 120 s")
        time.sleep(1)
    trial.says("DC/OS is well  Mesos is led by .*, 3 agents; Marathon by ")


def cases():
    """Each is in CI: no campaign has them."""
    def three(*more, **words):
        return Shape("3", 3, "3,1,2", more=more, **words)
    return [
        Case("as-they-are", "services", "Mesos and Marathon", services, ends=ORIGINAL, short=True,
             shape=Shape("3", 3, "2,1,3", check_ms=1000, more=("--services",))),
        Case("as-they-are", "lists-backups-and-drop-ins", "lists, backups, drop-ins and java.env", lists_backups_and_drop_ins, shape=QUICK, short=True),
        Case("as-they-are", "password", "Exhibitor with a password", password, shape=three("--exhibitor-password", PASSWORD), short=True),
        Case("as-they-are", "tls", "Exhibitor with TLS", tls, shape=three("--exhibitor-tls", dcos="2.2"), short=True),
    ]
