//! Becoming another user over a real sshd: sudo, su, doas and runuser, with and without a password, with users that this test
//! makes and removes. It needs root, as the users do.

#![allow(clippy::unwrap_used, reason = "a test that can't set itself up has failed")]

mod support;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::{Command, Stdio};

use support::sshd::Sshd;
use support::{Project, Ran};

/// The password of the one who logs in, and that of the other.
const OWN: &str = "own pass word";
const OTHERS: &str = "others' pass \"word\"";

/// Two users of this machine, the files that let the first become the second, and an sshd for the first.
struct Users {
    login: String,
    other: String,
    sshd: Sshd,
    project: Project,
}

fn sh(command: &str) -> bool {
    Command::new("sh").args(["-c", command]).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

impl Users {
    /// `tag` tells the users of tests that run at the same time apart.
    fn new(tag: &str) -> Option<Self> {
        if !is_root() {
            assert!(std::env::var_os("CI").is_none(), "CI has to run these tests as root");
            println!("not root: nothing was tested");
            return None;
        }
        for program in ["useradd", "chpasswd", "sudo", "su", "runuser", "doas", "script"] {
            assert!(sh(&format!("command -v {program}")), "there is no {program}: tools/packages installs it");
        }
        let (login, other) = (format!("zkm{tag}a"), format!("zkm{tag}b"));
        for (user, password) in [(&login, OWN), (&other, OTHERS)] {
            sh(&format!("userdel -rf {user}"));
            assert!(sh(&format!("useradd -m -s /bin/sh {user}")), "useradd {user}");
            let mut child = Command::new("chpasswd").stdin(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(format!("{user}:{password}\n").as_bytes()).unwrap();
            assert!(child.wait().unwrap().success());
        }
        let sshd = Sshd::start("");
        let known = sshd.path("known_hosts").display().to_string();
        // The folder of the sshd is root's alone, and the login user's keys are looked for as that user.
        let folder = sshd.path("x").parent().unwrap().to_path_buf();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let project = Project::new("");
        project.file("ssh_config", &format!("UserKnownHostsFile {known}\nGlobalKnownHostsFile none\n"));
        Some(Self { login, other, sshd, project })
    }

    /// The inventory of one host, with these variables too.
    fn hosts(&self, user: &str, variables: &str) {
        let port = self.sshd.port;
        let (key, config) = (self.sshd.path("user"), self.project.join("ssh_config"));
        fs::write(
            self.project.join("hosts.yaml"),
            format!(
                "m:\n  hosts:\n    m1:\n      ansible_host: 127.0.0.1\n      ansible_port: {port}\n      ansible_user: {user}\n      \
                 ansible_ssh_private_key_file: {key}\n      zkmig_ssh_config: {config}\n{variables}",
                key = key.display(),
                config = config.display(),
            ),
        )
        .unwrap();
    }

    /// Who `become: OTHER` is on the host, by these variables.
    fn whoami(&self, login: &str, other: &str, variables: &str) -> Ran {
        self.hosts(login, variables);
        let playbook = format!(
            "let m = hosts(\"m\")[0];\n\
             note(\"is \" + m.run(\"/usr/bin/id -un; echo $HOME\", #{{ read_only: true, become: \"{other}\" }}).stdout);\n\
             note(\"was \" + m.run(\"id -un\", #{{ read_only: true, become: false }}).stdout);\n"
        );
        self.project.run(&playbook, &["-v"])
    }

    fn is_other(&self, login: &str, variables: &str) {
        let ran = self.whoami(login, &self.other, variables);
        ran.says(&[&format!("is {}", self.other), &format!("/home/{}", self.other), &format!("was {login}")]);
        for password in [OWN, OTHERS] {
            assert!(!ran.stdout.contains(password) && !ran.stderr.contains(password));
        }
    }

    fn refused(&self, login: &str, other: &str, variables: &str, texts: &[&str]) {
        self.whoami(login, other, variables).fails(3, texts);
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        for user in [&self.login, &self.other] {
            sh(&format!("pkill -KILL -u {user}; userdel -rf {user}; rm -f /etc/sudoers.d/{user}"));
        }
    }
}

fn variables(method: &str, password: Option<&str>) -> String {
    let password = password.map(|password| format!("      ansible_become_password: {}\n", serde_json::json!(password)));
    format!("      ansible_become_method: {method}\n{}", password.unwrap_or_default())
}

fn sudoers(user: &str, line: &str) {
    fs::create_dir_all("/etc/sudoers.d").unwrap();
    let path = format!("/etc/sudoers.d/{user}");
    fs::write(&path, format!("{user} {line}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
}

#[test]
fn sudo_with_and_without_a_password() {
    let Some(users) = Users::new("s") else { return };
    let (login, other) = (users.login.as_str(), users.other.as_str());
    users.refused(
        login,
        other,
        &variables("sudo", Some(OWN)),
        &["may not become", other, "sudoers", "the host printed"],
    );
    sudoers(login, &format!("ALL=({other}) NOPASSWD: ALL"));
    users.is_other(login, &variables("sudo", None));
    sudoers(login, &format!("ALL=({other}) ALL"));
    users.is_other(login, &variables("sudo", Some(OWN)));
    users.is_other(login, &format!("{}      ansible_become_flags: -n -H\n", variables("sudo", Some(OWN))));
    // From a vault, and from a template that has one in it.
    users.project.file("pw", "hunter2\n").file("zkmig.toml", "vault_password_file = \"pw\"\n");
    let sealed = users.project.zkmig(&["vault", "encrypt-string", "--vault-password-file", "pw", OWN]);
    let sealed = sealed.says(&["!vault |"]).stdout.trim_end().to_owned();
    users.is_other(login, &format!("      ansible_become_password: {sealed}\n"));
    let behind = format!("      ansible_become_password: \"{{{{ behind }}}}\"\n      behind: {sealed}\n");
    users.is_other(login, &behind);
    fs::remove_file(users.project.join("zkmig.toml")).unwrap();
    for (variables, name) in
        [(format!("      ansible_become_password: {sealed}\n"), "ansible_become_password"), (behind, "behind")]
    {
        let ran = users.whoami(login, other, &variables);
        assert!(ran.code != 0 && ran.stderr.contains("no vault password was given"), "{}", ran.stderr);
        assert!(ran.stderr.contains(name), "{}", ran.stderr);
    }
    users.refused(login, other, &variables("sudo", Some("wrong")), &["does not take the password", "Sorry, try again"]);
    users.refused(login, other, &variables("sudo", None), &["wants the password of the login user", "-K"]);
    users.refused(login, "daemon", &variables("sudo", Some(OWN)), &["may not become `daemon`", "is not allowed to"]);
    users.refused(login, "zkm-nobody", &variables("sudo", Some(OWN)), &["no user `zkm-nobody`", "unknown user"]);
    let elsewhere = format!("{}      ansible_become_exe: /nowhere/sudo\n", variables("sudo", None));
    users.refused(login, other, &elsewhere, &["there is no /nowhere/sudo on the host", "No such file"]);
}

#[test]
fn su_with_a_password_and_from_root_without() {
    let Some(users) = Users::new("u") else { return };
    let (login, other) = (users.login.as_str(), users.other.as_str());
    users.is_other(login, &variables("su", Some(OTHERS)));
    users.is_other("root", &variables("su", None));
    users.refused(login, other, &variables("su", Some(OWN)), &["does not take the password", "Authentication failure"]);
    users.refused(login, other, &variables("su", None), &["wants the password of", other, "-K"]);
    users.refused(login, "zkm-nobody", &variables("su", Some(OWN)), &["no user `zkm-nobody`", "does not exist"]);
}

#[test]
fn runuser_is_for_root_alone() {
    let Some(users) = Users::new("r") else { return };
    users.is_other("root", &variables("runuser", None));
    let other = users.other.clone();
    users.refused(
        &users.login,
        &other,
        &variables("runuser", None),
        &["may not become", "non-root", "ansible_user: root"],
    );
    users.refused("root", "zkm-nobody", &variables("runuser", None), &["no user `zkm-nobody`"]);
}

#[test]
fn doas_with_and_without_a_password() {
    let Some(users) = Users::new("d") else { return };
    let (login, other) = (users.login.as_str(), users.other.as_str());
    // The one configuration of the machine: what was there comes back.
    let before = fs::read("/etc/doas.conf").ok();
    let conf = |text: String| {
        fs::write("/etc/doas.conf", text).unwrap();
        fs::set_permissions("/etc/doas.conf", fs::Permissions::from_mode(0o600)).unwrap();
    };
    conf(format!("permit nopass {login} as {other}\n"));
    users.is_other(login, &variables("doas", None));
    // A password that nobody asks for is not taken for anything else.
    users.is_other(login, &variables("doas", Some(OWN)));
    conf(format!("permit {login} as {other}\n"));
    users.is_other(login, &variables("doas", Some(OWN)));
    users.refused(
        login,
        other,
        &variables("doas", Some("wrong")),
        &["does not take the password", "Authentication failed"],
    );
    users.refused(login, other, &variables("doas", None), &["wants the password of the login user", "doas: "]);
    users.refused(login, "daemon", &variables("doas", Some(OWN)), &["may not become `daemon`", "doas.conf"]);
    users.refused(login, "zkm-nobody", &variables("doas", Some(OWN)), &["no user `zkm-nobody`", "unknown user"]);
    match before {
        Some(text) => fs::write("/etc/doas.conf", text).unwrap(),
        None => fs::remove_file("/etc/doas.conf").unwrap(),
    }
}

#[test]
fn a_file_that_is_written_as_another_user_is_that_users() {
    let Some(users) = Users::new("f") else { return };
    let (login, other) = (users.login.as_str(), users.other.as_str());
    sudoers(login, "ALL=(ALL) NOPASSWD: ALL");
    users.hosts(login, &format!("      ansible_become_user: {other}\n"));
    users
        .project
        .run(
            &format!(
                "let m = hosts(\"m\")[0];\n\
                 m.copy(\"/home/{other}/named\", #{{ content: \"text\", become: \"{other}\" }});\n\
                 m.copy(\"/home/{other}/meant\", #{{ content: \"text\", become: true }});\n\
                 m.copy(\"/home/{login}/own\", #{{ content: \"text\" }});\n\
                 m.copy(\"/home/{other}/roots\", #{{ content: \"text\", become: \"root\" }});\n"
            ),
            &["-y"],
        )
        .says(&[]);
    let owner = |path: String| fs::metadata(path).unwrap().uid();
    let (own, others) = (owner(format!("/home/{login}")), owner(format!("/home/{other}")));
    for (path, expected) in [
        (format!("/home/{other}/named"), others),
        (format!("/home/{other}/meant"), others),
        (format!("/home/{login}/own"), own),
        (format!("/home/{other}/roots"), 0),
    ] {
        assert_eq!(owner(path.clone()), expected, "{path}");
    }
    users.hosts(login, &format!("      ansible_become: true\n      ansible_become_user: {other}\n"));
    users.project.zkmig(&["exec", "m", "-i", "hosts.yaml", "--read-only", "--", "id", "-un"]).says(&[other]);
}

#[test]
fn who_says_no_is_told_in_the_hosts_own_words() {
    let Some(users) = Users::new("w") else { return };
    let (login, other) = (users.login.as_str(), users.other.as_str());
    // A PATH in which there is nothing.
    fs::create_dir_all("/etc/sudoers.d").unwrap();
    sudoers(login, &format!("ALL=({other}) NOPASSWD: ALL\nDefaults:{login} secure_path=/nowhere"));
    users.is_other(login, &variables("sudo", None));
    sudoers(login, &format!("ALL=({other}) NOPASSWD: NOEXEC: ALL"));
    users.refused(login, other, &variables("sudo", None), &["may not start any program", "noexec", "the host printed"]);
    sudoers(login, &format!("ALL=({other}) ALL"));
    // In place of sudo: what is the host's own, before and behind the real one.
    let instead = |text: &str, password: Option<&str>| {
        let path = users.sshd.path("instead");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        format!("{}      ansible_become_exe: {}\n", variables("sudo", password), path.display())
    };
    let own_question = instead(
        "printf '(LDAP) Password for me: ' >&2; read -r given; sleep 1; printf '%s\\n' \"$given\" | { exec sudo \"$@\" </dev/stdin; }",
        Some("wrong"),
    );
    users.refused(login, other, &own_question, &["does not take the password"]);
    users.refused(
        login,
        other,
        &instead("printf 'Verification code: ' >&2; read -r given; exit 1", Some(OWN)),
        &["asks what zkmig can't answer", "Verification code:"],
    );
    users.refused(
        login,
        other,
        &instead(
            "printf 'sudo: Account or password is expired, reset your password and try again\\n' >&2; exit 1",
            Some(OWN),
        ),
        &["has expired", "reset your password"],
    );
    users.refused(
        login,
        other,
        &instead("echo 'fortune: command not found' >&2; echo 'the gate is shut' >&2; exit 1", Some(OWN)),
        &["gave no shell", "the gate is shut"],
    );
    // One fault has one name.
    users.hosts(login, &format!("{}      ansible_become: true\n", variables("sudo", Some("wrong"))));
    let ran = users.project.run("hosts(\"m\");", &["--events", "events"]);
    ran.fails(3, &["does not take the password"]);
    assert!(ran.stdout.contains("failed=1 unreachable=0"), "{}", ran.stdout);
    assert!(!fs::read_to_string(users.project.join("events")).unwrap().contains("host_unreachable"));
}

#[test]
fn a_sudo_that_takes_its_time_is_waited_for_with_the_lock_too() {
    let Some(users) = Users::new("t") else { return };
    let login = users.login.as_str();
    sudoers(login, "ALL=(ALL) NOPASSWD: ALL");
    let path = users.sshd.path("slow");
    fs::write(&path, "#!/bin/sh\nsleep 12\nexec sudo \"$@\"\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let lock = users.project.join("lock");
    users.hosts(
        login,
        &format!(
            "      ansible_become: true\n      ansible_become_exe: {}\n      zkmig_lock_file: {}\n",
            path.display(),
            lock.display()
        ),
    );
    users.project.run("note(hosts(\"m\")[0].run(\"id -un\").stdout);", &[]).says(&["root"]);
}
