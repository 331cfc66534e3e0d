//! The variables by which hosts are reached: those that are known, and those that would matter and do not work.

/// zkmig's own variables.
pub const OWN: &[&str] = &["zkmig_ssh_config", "zkmig_host_key_checking", "zkmig_connect_timeout", "zkmig_lock_file"];

/// The variables of Ansible by which hosts are reached and programs are run on them.
pub const KNOWN: &[&str] = &[
    "ansible_host",
    "ansible_ssh_host",
    "ansible_port",
    "ansible_ssh_port",
    "ansible_user",
    "ansible_ssh_user",
    "ansible_connection",
    "ansible_password",
    "ansible_ssh_pass",
    "ansible_ssh_password",
    "ansible_private_key_file",
    "ansible_ssh_private_key_file",
    "ansible_ssh_args",
    "ansible_ssh_common_args",
    "ansible_ssh_extra_args",
    "ansible_ssh_executable",
    "ansible_ssh_timeout",
    "ansible_timeout",
    "ansible_ssh_retries",
    "ansible_ssh_pipelining",
    "ansible_pipelining",
    "ansible_host_key_checking",
    "ansible_ssh_host_key_checking",
    "ansible_become",
    "ansible_become_user",
    "ansible_become_method",
    "ansible_become_password",
    "ansible_become_pass",
    "ansible_become_exe",
    "ansible_become_flags",
    "ansible_sudo_user",
    "ansible_sudo_pass",
    "ansible_python_interpreter",
    "ansible_shell_type",
    "ansible_shell_executable",
    "ansible_group_priority",
];

/// Names of Ansible's that are near to those, and others' own.
pub const OTHERS: &[&str] = &[
    "ansible_become_user",
    "ansible_facts",
    "ansible_hostname",
    "ansible_hosts",
    "ansible_ssh_private_key",
    "ansible_ssh_use_tty",
    "ansible_ssh_user_dir",
    "ansible_sudo",
    "ansible_sudo_exe",
    "ansible_sudo_flags",
    "ansible_su",
    "ansible_su_exe",
    "ansible_su_flags",
    "ansible_su_user",
    "ansible_su_pass",
    "ansible_doas_exe",
    "ansible_doas_flags",
    "ansible_doas_user",
    "ansible_doas_pass",
    "ansible_runuser_exe",
    "ansible_runuser_flags",
    "ansible_runuser_user",
    "ansible_runuser_pass",
    "ansible_users",
    "ansible_user_id",
    "ansible_user_uid",
    "ansible_user_gid",
    "ansible_user_dir",
    "ansible_ports",
    "ansible_shell",
    "ansible_private_key",
];

/// What would matter and does not work, and what to do instead.
pub const UNSUPPORTED: &[(&[&str], &str)] = &[
    (
        &["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"],
        "zkmig logs in with keys: name one with ansible_ssh_private_key_file, or load it into an agent",
    ),
    (
        &["ansible_private_key", "ansible_ssh_private_key"],
        "write the key into a file of its own, and name it with ansible_ssh_private_key_file",
    ),
    (
        &["ansible_private_key_passphrase", "ansible_ssh_private_key_passphrase"],
        "load the key into an agent: ssh-add FILE",
    ),
    (&["ansible_ssh_pkcs11_provider"], "set PKCS11Provider in ssh's configuration for the host"),
    (&["ansible_sudo_chdir"], "say where a command runs in the playbook"),
];

/// The same, where the value makes the difference: the names, the values that change nothing, what to do instead.
pub const ONLY: &[(&[&str], &[&str], &str)] = &[
    (&["ansible_ssh_executable"], &["ssh", "/usr/bin/ssh"], "zkmig runs the ssh of PATH"),
    (&["ansible_shell_type"], &["sh", "bash", "ksh", "csh", "fish"], "a POSIX shell is needed on the host"),
];
