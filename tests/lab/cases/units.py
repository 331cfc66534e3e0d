"""Units of a real systemd: what the effects say they did is what systemd says of the units afterwards."""

import json

FOLDER = "/etc/systemd/system"
INSTALL = "[Install]\nWantedBy=multi-user.target\n"
SLEEPS = "[Service]\nExecStart=/bin/sleep 1000\n"
UNITS = {
    "good.service": SLEEPS + INSTALL,
    "static.service": SLEEPS,
    "moved.service": SLEEPS + INSTALL,
    "gone.service": SLEEPS,
    "condition.service": "[Unit]\nConditionPathExists=/no/such/path\n" + SLEEPS,
    "dies.service": "[Service]\nExecStart=/bin/false\n",
    "once.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "flaps.service": "[Service]\nRestart=always\nRestartSec=100ms\nExecStart=/bin/sleep 0.7\n",
    "also.service": SLEEPS + "[Install]\nAlso=zkmig-also.socket\n",
    "also.socket": "[Socket]\nListenStream=/run/zkmig-also\n[Install]\nWantedBy=sockets.target\n",
}
PLAY = f"""
let m = hosts("masters")[0];
let said = #{{}};
fn told(work) {{
    try {{
        return if work.call().changed {{ "changed" }} else {{ "unchanged" }};
    }} catch (error) {{
        return error.message;
    }}
}}
for name in vars.units.keys() {{
    m.copy(`{FOLDER}/zkmig-${{name}}`, #{{ content: vars.units[name] }});
}}
// It changes nothing that matters here, and a command that check mode leaves out makes what is missing unknown.
let reload = || m.run("systemctl daemon-reload", #{{ read_only: true }});
reload.call();
let unit = |name| m.service(`zkmig-${{name}}`);
said.good_enabled = told(|| unit.call("good").enable());
said.good_enabled_again = told(|| unit.call("good").enable());
said.good_started = told(|| unit.call("good").start(#{{ stable: "500ms" }}));
said.good_started_again = told(|| unit.call("good").start());
said.static_enabled = told(|| unit.call("static").enable());
said.pulled_enabled = told(|| m.service("systemd-journald").enable());
if !check_mode() {{
    said.condition = told(|| unit.call("condition").start());
    said.dies = told(|| unit.call("dies").start());
    said.flaps = told(|| {{ unit.call("flaps").restart(#{{ stable: "2s" }}); #{{ changed: true }} }});
}}
said.once = told(|| unit.call("once").start());
said.also = told(|| unit.call("also").enable());
said.also_again = told(|| unit.call("also").enable());
said.moved_enabled = told(|| unit.call("moved").enable());
m.copy("{FOLDER}/zkmig-moved.service", #{{ content: vars.units["static.service"] + "[Install]\\nWantedBy=graphical.target\\n" }});
reload.call();
said.moved_anew = told(|| unit.call("moved").enable());
said.moved_anew_again = told(|| unit.call("moved").enable());
said.gone_started = told(|| unit.call("gone").start());
m.file("{FOLDER}/zkmig-gone.service", #{{ state: "absent" }});
reload.call();
said.gone_stopped = told(|| unit.call("gone").stop());
said.gone_started_anew = told(|| unit.call("gone").start());
said.good_disabled = told(|| unit.call("good").disable());
said.good_disabled_again = told(|| unit.call("good").disable());
said.good_stopped = told(|| unit.call("good").stop());
said.missing = told(|| {{ m.service("zkmig-missing").restart(); #{{ changed: true }} }});
note(said.to_json());
"""
SAID = {
    "good_enabled": "changed", "good_enabled_again": "unchanged", "good_started": "changed", "good_started_again": "unchanged",
    "static_enabled": "can't be enabled", "pulled_enabled": "unchanged", "condition": "condition of its unit does not hold",
    "dies": "does not stay up", "flaps": "does not stay up", "once": "changed", "also": "changed", "also_again": "unchanged",
    "moved_enabled": "changed", "moved_anew": "changed", "moved_anew_again": "unchanged", "gone_started": "changed", "gone_stopped": "changed",
    "gone_started_anew": "there is no unit", "good_disabled": "changed", "good_disabled_again": "unchanged", "good_stopped": "changed",
    "missing": "there is no unit",
}
ONLY_A_RUN_TELLS = {"condition", "dies", "flaps"}
TIDY = f"cd {FOLDER} && systemctl stop 'zkmig-*' && rm -f zkmig-* *.wants/zkmig-*; systemctl daemon-reload; systemctl reset-failed"


def are_as_the_effects_say(trial):
    """A check mode run of a host without the units foretells what the run then does."""
    host, playbook = trial.lab.masters[0], trial.folder / "units.rhai"
    playbook.write_text(PLAY, encoding="utf-8")
    for more in (["--check"], []):
        process = trial.runs(0, playbook, "-e", json.dumps({"units": UNITS}), *more)
        said = json.loads(process.of("note")[-1]["text"])
        wanted = {name: text for name, text in SAID.items() if not more or name not in ONLY_A_RUN_TELLS}
        differ = [f"{name}: {said.get(name)}" for name, text in wanted.items() if text not in said.get(name, "")]
        trial.check(f"{len(wanted)} things that are done to units are told truly {' '.join(more)}", not differ, "; ".join(differ))
    where = trial.on(host, f"cd {FOLDER} && ls -d *.wants/zkmig-* && systemctl is-active zkmig-gone zkmig-good || true").split()
    links = ["graphical.target.wants/zkmig-moved.service", "sockets.target.wants/zkmig-also.socket"]
    trial.check("systemd has it so", where == [*links, "inactive", "inactive"], " ".join(where))
    trial.on(host, TIDY)
