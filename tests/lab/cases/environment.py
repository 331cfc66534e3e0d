"""Has systemd read hundreds of environment files on a master, and zkmig the same files, and compares what both make of each.

The lab's systemd is newer than 219, whose reading zkmig follows. They differ in three things, which no file has: a backslash in
single quotes (219: it escapes), in double quotes one before anything but " \\ ` $ and a line end (219: it goes, later ones keep
it), and control characters other than tabs and line ends (219: the variable is left out)."""

import json

from environment_files import files, read_back

COUNT = 400
OUT = "/run/zkenv.out"
UNIT = f"""[Unit]
# Hundreds are started at once, and one that fails is found by what it did not write.
StartLimitIntervalSec=0
[Service]
Type=oneshot
EnvironmentFile=/run/zkenv/%i
StandardOutput=file:{OUT}/%i
ExecStart=/usr/bin/env -0
"""
READ = """
let m = hosts("masters")[0];
let read = #{};
for name in m.run("ls /run/zkenv", #{ read_only: true }).stdout.trimmed().split("\\n") {
    read[name] = from_environment(m.read(`/run/zkenv/${name}`));
}
local_write(vars.out, read.to_json());
"""


def means_what_systemd_takes_it_for(trial):
    """The first file is empty: what is in the environment of its process is systemd's own."""
    host = trial.lab.masters[0]
    made = files(COUNT, 1)
    trial.on(host, f"rm -rf /run/zkenv {OUT}; mkdir /run/zkenv {OUT}")
    for name, text in made.items():
        trial.lab.path(host, f"/run/zkenv/{name}").write_text(text, encoding="utf-8", newline="")
    trial.lab.path(host, "/run/systemd/system/zkenv@.service").write_text(UNIT, encoding="utf-8")
    # Those that no systemd would start don't start: what they did not write shows it.
    trial.on(host, "systemctl daemon-reload; cd /run/zkenv && systemctl start $(ls | sed 's/.*/zkenv@&.service/') || true")
    theirs = {name: read_back(trial.lab.read(host, f"{OUT}/{name}")) for name in made}
    trial.on(host, "rm /run/systemd/system/zkenv@.service; systemctl reset-failed; systemctl daemon-reload")

    playbook, out = trial.folder / "read.rhai", trial.folder / "ours.json"
    playbook.write_text(READ, encoding="utf-8")
    trial.runs(0, playbook, "-e", f"out={out}")
    ours = json.loads(out.read_text(encoding="utf-8"))
    own, variables, differ = theirs["000"], 0, []
    for name, text in made.items():
        read = theirs[name]
        if read is not None:
            read = {key: value for key, value in read.items() if key not in own}
        if read == ours.get(name):
            variables += len(read)
        else:
            differ.append(f"{text!r}: systemd {read}, zkmig {ours.get(name)}")
    trial.check(f"{len(made)} files with {variables} variables are read alike", not differ and variables > len(made) // 4, "; ".join(differ[:5]))
