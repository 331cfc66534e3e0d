//! What becomes of each of Ansible's settings here. `settings.txt` has them all, as ansible-core 2.19 describes them in its
//! `config/base.yml` and in the plugins that it brings: `SECTION.KEY VARIABLE…`, a line each. What is not named here means
//! nothing here: it is about Ansible's own modules, plugins, colours and files.

/// A setting that means something here.
pub struct Known {
    /// Where it stands in the file, `SECTION.KEY`; the last that is set counts.
    pub keys: &'static [&'static str],
    /// Its variables of the environment, which count more than the file; the last that is set counts.
    pub variables: &'static [&'static str],
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a setting.
pub enum Fate {
    /// It is this setting of zkmig's.
    Taken(&'static str),
    /// It would change what a run does, and does not work: the values that change nothing, and the way around.
    Refused(fn(&str) -> bool, &'static str),
    /// It changes what is shown, and is not taken: the values that change nothing, and the way around.
    PassedOver(fn(&str) -> bool, &'static str),
}

use Fate::{PassedOver, Refused, Taken};

const fn known(keys: &'static [&'static str], variables: &'static [&'static str], fate: Fate) -> Known {
    Known { keys, variables, fate }
}

fn never(_: &str) -> bool {
    false
}

fn is_no(value: &str) -> bool {
    !is_yes(value)
}

fn is_yes(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "y" | "yes" | "on" | "1" | "true" | "t" | "1.0")
}

/// Whether the plugins of inventories are tried as they are without this setting: other names need other plugins, whose files
/// are refused by name.
fn tries_the_usual(value: &str) -> bool {
    let names = value.split(',').map(|name| name.trim().trim_matches(['"', '\'']));
    let mut names: Vec<&str> = names.map(|name| name.strip_prefix("ansible.builtin.").unwrap_or(name)).collect();
    let has_ranges = names.contains(&"advanced_host_list");
    names.retain(|name| ["script", "auto", "yaml", "ini"].contains(name));
    names == ["script", "auto", "yaml", "ini"] && !has_ranges
}

fn is_usual_list(value: &str, usual: &[&str]) -> bool {
    value.split(',').map(|item| item.trim().trim_matches(['"', '\''])).eq(usual.iter().copied())
}

const INVENTORY: &str = "leave it out, and write what it does into the inventory";

/// Those that mean something here.
pub const KNOWN: &[Known] = &[
    known(&["defaults.inventory"], &["ANSIBLE_INVENTORY"], Taken("inventory")),
    known(&["defaults.forks"], &["ANSIBLE_FORKS"], Taken("forks")),
    known(&["defaults.remote_user"], &["ANSIBLE_REMOTE_USER"], Taken("remote_user")),
    known(&["defaults.remote_port"], &["ANSIBLE_REMOTE_PORT"], Taken("remote_port")),
    known(&["defaults.private_key_file"], &["ANSIBLE_PRIVATE_KEY_FILE"], Taken("private_key")),
    known(
        &["defaults.host_key_checking", "ssh_connection.host_key_checking"],
        &["ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_SSH_HOST_KEY_CHECKING"],
        Taken("host_key_checking"),
    ),
    known(
        &["defaults.timeout", "ssh_connection.timeout"],
        &["ANSIBLE_TIMEOUT", "ANSIBLE_SSH_TIMEOUT"],
        Taken("connect_timeout"),
    ),
    known(&["ssh_connection.ssh_args"], &["ANSIBLE_SSH_ARGS"], Taken("ssh_args")),
    known(&["ssh_connection.ssh_common_args"], &["ANSIBLE_SSH_COMMON_ARGS"], Taken("ssh_common_args")),
    known(&["ssh_connection.ssh_extra_args"], &["ANSIBLE_SSH_EXTRA_ARGS"], Taken("ssh_extra_args")),
    known(&["privilege_escalation.become"], &["ANSIBLE_BECOME"], Taken("become")),
    known(&["privilege_escalation.become_user"], &["ANSIBLE_BECOME_USER"], Taken("become_user")),
    known(&["privilege_escalation.become_method"], &["ANSIBLE_BECOME_METHOD"], Taken("become_method")),
    known(&["privilege_escalation.become_ask_pass"], &["ANSIBLE_BECOME_ASK_PASS"], Taken("ask_become_pass")),
    known(&["defaults.vault_password_file"], &["ANSIBLE_VAULT_PASSWORD_FILE"], Taken("vault_password_file")),
    known(&["defaults.vault_identity_list"], &["ANSIBLE_VAULT_IDENTITY_LIST"], Taken("vault_identity_list")),
    known(&["defaults.vault_id_match"], &["ANSIBLE_VAULT_ID_MATCH"], Taken("vault_id_match")),
    known(&["defaults.ask_vault_pass"], &["ANSIBLE_ASK_VAULT_PASS"], Taken("ask_vault_pass")),
    known(
        &["defaults.vault_identity"],
        &["ANSIBLE_VAULT_IDENTITY"],
        Refused(|id| id == "default", "leave it out, and name the id with each source: --vault-id ID@FILE"),
    ),
    known(
        &["defaults.vault_encrypt_identity"],
        &["ANSIBLE_VAULT_ENCRYPT_IDENTITY"],
        PassedOver(never, "`zkmig vault encrypt --encrypt-vault-id ID` names the id"),
    ),
    known(
        &["defaults.hash_behaviour"],
        &["ANSIBLE_HASH_BEHAVIOUR"],
        Refused(
            |value| value == "replace",
            "leave it out, and write the mappings out whole, or merge them with `combine`",
        ),
    ),
    known(
        &["defaults.precedence"],
        &["ANSIBLE_PRECEDENCE"],
        Refused(
            |value| {
                is_usual_list(
                    value,
                    &[
                        "all_inventory",
                        "groups_inventory",
                        "all_plugins_inventory",
                        "all_plugins_play",
                        "groups_plugins_inventory",
                        "groups_plugins_play",
                    ],
                )
            },
            INVENTORY,
        ),
    ),
    known(
        &["defaults.force_valid_group_names"],
        &["ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS"],
        Refused(|value| matches!(value, "never" | "ignore"), "leave it out, and rename the groups in the inventory"),
    ),
    known(
        &["defaults.yaml_valid_extensions", "inventory_plugin_yaml.yaml_valid_extensions"],
        &["ANSIBLE_YAML_FILENAME_EXT", "ANSIBLE_INVENTORY_PLUGIN_EXTS"],
        Refused(|value| is_usual_list(value, &[".yml", ".yaml", ".json"]), "leave it out, and rename the files"),
    ),
    known(
        &["defaults.inventory_ignore_extensions", "inventory.ignore_extensions"],
        &["ANSIBLE_INVENTORY_IGNORE"],
        Taken("inventory_ignore_extensions"),
    ),
    known(
        &["defaults.inventory_ignore_patterns", "inventory.ignore_patterns"],
        &["ANSIBLE_INVENTORY_IGNORE_REGEX"],
        Taken("inventory_ignore_patterns"),
    ),
    known(
        &["inventory.enable_plugins"],
        &["ANSIBLE_INVENTORY_ENABLED"],
        Refused(
            tries_the_usual,
            "leave it out: files are tried as a program, a plugin's configuration, YAML, INI, TOML",
        ),
    ),
    known(
        &["inventory.export"],
        &["ANSIBLE_INVENTORY_EXPORT"],
        PassedOver(is_no, "`zkmig inventory --list --export` exports"),
    ),
    known(
        &["inventory.host_pattern_mismatch"],
        &["ANSIBLE_HOST_PATTERN_MISMATCH"],
        Refused(|value| matches!(value, "warning" | "ignore"), "leave it out: a part without a host is warned of"),
    ),
    known(
        &["inventory_plugins.use_extra_vars"],
        &["ANSIBLE_INVENTORY_USE_EXTRA_VARS"],
        Refused(is_no, "leave it out, and write `use_extra_vars: true` into the plugin's configuration"),
    ),
    known(
        &["defaults.vars_plugins_enabled"],
        &["ANSIBLE_VARS_ENABLED"],
        Refused(
            |value| matches!(value.trim(), "host_group_vars" | "ansible.builtin.host_group_vars"),
            "leave it out: group_vars and host_vars are read, and no other plugin's variables",
        ),
    ),
    known(&["defaults.run_vars_plugins"], &["ANSIBLE_RUN_VARS_PLUGINS"], Refused(|value| value == "demand", INVENTORY)),
    known(&["vars_host_group_vars.stage"], &["ANSIBLE_VARS_PLUGIN_STAGE"], Refused(|value| value == "all", INVENTORY)),
    known(
        &["defaults.playbook_vars_root"],
        &["ANSIBLE_PLAYBOOK_VARS_ROOT"],
        Refused(
            |value| value == "top",
            "leave it out: group_vars and host_vars are those beside the playbook that is run",
        ),
    ),
    known(
        &["defaults.playbook_dir"],
        &["ANSIBLE_PLAYBOOK_DIR"],
        Refused(never, "leave it out, and give `zkmig inventory` --playbook-dir DIR"),
    ),
    known(
        &["defaults.duplicate_dict_key"],
        &["ANSIBLE_DUPLICATE_YAML_DICT_KEY"],
        Refused(|value| matches!(value, "warn" | "ignore"), "leave it out: a key that stands twice is warned of"),
    ),
    known(
        &["defaults.ansible_managed"],
        &[],
        Refused(
            |value| value == "Ansible managed",
            "leave it out, and set the variable `ansible_managed` for all hosts: Ansible takes it, too",
        ),
    ),
    known(
        &["defaults.error_on_undefined_vars"],
        &["ANSIBLE_ERROR_ON_UNDEFINED_VARS"],
        Refused(is_yes, "leave it out, and write `default(…)` where a variable may be missing"),
    ),
    known(
        &["defaults.jinja2_extensions"],
        &["ANSIBLE_JINJA2_EXTENSIONS"],
        Refused(never, "leave it out: templates have no extensions of Jinja2 here"),
    ),
    known(
        &["defaults.null_representation"],
        &["ANSIBLE_NULL_REPRESENTATION"],
        Refused(never, "leave it out, and write `default(…, true)` where a value may be null"),
    ),
    known(
        &["defaults.allow_broken_conditionals"],
        &["ANSIBLE_ALLOW_BROKEN_CONDITIONALS"],
        Refused(is_no, "leave it out, and write conditions that are true or false"),
    ),
    known(
        &["defaults.no_log"],
        &["ANSIBLE_NO_LOG"],
        Refused(is_no, "leave it out, and mark secrets as such: a vault's values are, and those of secret(…)"),
    ),
    known(
        &["defaults.ask_pass"],
        &["ANSIBLE_ASK_PASS"],
        Refused(is_no, "zkmig logs in with keys: name one with private_key_file, or load it into an agent"),
    ),
    known(
        &["defaults.connection_password_file"],
        &["ANSIBLE_CONNECTION_PASSWORD_FILE"],
        Refused(never, "zkmig logs in with keys: name one with private_key_file, or load it into an agent"),
    ),
    known(
        &["defaults.become_password_file"],
        &["ANSIBLE_BECOME_PASSWORD_FILE"],
        Refused(never, "leave it out, and set `ansible_become_password` in a vault, or in a file for -e @FILE"),
    ),
    known(
        &["sudo_become_plugin.password", "su_become_plugin.password"],
        &["ANSIBLE_BECOME_PASS", "ANSIBLE_SUDO_PASS", "ANSIBLE_SU_PASS"],
        Refused(never, "leave it out, and set `ansible_become_password` in a vault, or in a file for -e @FILE"),
    ),
    known(
        &["privilege_escalation.become_exe", "sudo_become_plugin.executable", "su_become_plugin.executable"],
        &["ANSIBLE_BECOME_EXE", "ANSIBLE_SUDO_EXE", "ANSIBLE_SU_EXE"],
        Refused(
            |value| matches!(value, "sudo" | "su"),
            "leave it out, and give the hosts `ansible_become_exe` in the inventory",
        ),
    ),
    known(
        &["privilege_escalation.become_flags", "sudo_become_plugin.flags", "su_become_plugin.flags"],
        &["ANSIBLE_BECOME_FLAGS", "ANSIBLE_SUDO_FLAGS", "ANSIBLE_SU_FLAGS"],
        Refused(
            |value| value.split_whitespace().all(|flag| matches!(flag, "-H" | "-S" | "-n")),
            "leave it out, and give the hosts `ansible_become_flags` in the inventory",
        ),
    ),
    known(
        &["sudo_become_plugin.user", "su_become_plugin.user"],
        &["ANSIBLE_SUDO_USER", "ANSIBLE_SU_USER"],
        Refused(never, "write it as `become_user` in [privilege_escalation]"),
    ),
    known(
        &["sudo_become_plugin.chdir"],
        &["ANSIBLE_SUDO_CHDIR"],
        Refused(never, "leave it out, and say where a command runs in the playbook"),
    ),
    known(
        &["defaults.su"],
        &["ANSIBLE_SU"],
        Refused(is_no, "write `become = true` and `become_method = su` in [privilege_escalation]"),
    ),
    known(
        &["defaults.transport"],
        &["ANSIBLE_TRANSPORT"],
        Refused(
            |value| {
                let name = value.strip_prefix("ansible.builtin.").unwrap_or(value);
                matches!(name, "ssh" | "smart" | "paramiko" | "paramiko_ssh")
            },
            "leave it out, and give the hosts `ansible_connection` in the inventory: ssh or local",
        ),
    ),
    known(
        &["ssh_connection.ssh_executable"],
        &["ANSIBLE_SSH_EXECUTABLE"],
        Refused(|value| matches!(value, "ssh" | "/usr/bin/ssh"), "leave it out: zkmig runs the ssh of PATH"),
    ),
    known(
        &["ssh_connection.pkcs11_provider"],
        &["ANSIBLE_PKCS11_PROVIDER"],
        Refused(never, "leave it out, and set PKCS11Provider in ssh's configuration for the hosts"),
    ),
    known(
        &[],
        &["ANSIBLE_PRIVATE_KEY", "ANSIBLE_PRIVATE_KEY_PASSPHRASE"],
        Refused(
            never,
            "write the key into a file and name it with --private-key, or load it into an agent: ssh-add FILE",
        ),
    ),
    known(
        &["connection.ssh_agent"],
        &["ANSIBLE_SSH_AGENT"],
        Refused(|value| value == "none", "leave it out, and name the agent's socket in SSH_AUTH_SOCK"),
    ),
    known(&["diff.always"], &["ANSIBLE_DIFF_ALWAYS"], PassedOver(is_no, "--diff shows differences")),
    known(&["defaults.verbosity"], &["ANSIBLE_VERBOSITY"], PassedOver(|value| value == "0", "-v shows more")),
    known(
        &["defaults.log_path"],
        &["ANSIBLE_LOG_PATH"],
        PassedOver(never, "every run keeps a record: `zkmig runs` lists them"),
    ),
    known(
        &["defaults.nocolor"],
        &["ANSIBLE_NOCOLOR"],
        PassedOver(is_no, "`colours = \"never\"` in zkmig.toml, or NO_COLOR"),
    ),
    known(
        &["defaults.force_color"],
        &["ANSIBLE_FORCE_COLOR"],
        PassedOver(is_no, "`colours = \"always\"` in zkmig.toml"),
    ),
    known(
        &["tags.run", "tags.skip"],
        &["ANSIBLE_RUN_TAGS", "ANSIBLE_SKIP_TAGS"],
        PassedOver(never, "playbooks have steps: `zkmig run --list-steps` lists them"),
    ),
];

/// All of Ansible's settings: `SECTION.KEY` and its variables.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("settings.txt").lines().filter_map(|line| {
        let (key, _) = line.split_once(' ').unwrap_or((line, ""));
        key.split_once('.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_here_is_ansibles() {
        let text = include_str!("settings.txt");
        let names: Vec<&str> = text.split_whitespace().collect();
        for known in KNOWN {
            for name in known.keys.iter().chain(known.variables) {
                assert!(names.contains(name), "{name}");
            }
            if let Taken(setting) = known.fate {
                assert!(crate::config::SETTINGS.iter().any(|known| known.name == setting), "{setting}");
            }
        }
    }

    #[test]
    fn plugins_that_are_tried_as_without_the_setting_change_nothing() {
        for usual in ["host_list, script, auto, yaml, ini, toml", "script,auto,ansible.builtin.yaml,ini,aws_ec2"] {
            assert!(tries_the_usual(usual), "{usual}");
        }
        for other in ["yaml, ini", "ini, yaml, script, auto", "advanced_host_list, script, auto, yaml, ini", ""] {
            assert!(!tries_the_usual(other), "{other}");
        }
    }
}
