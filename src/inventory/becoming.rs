//! How other users are become on a host, from its variables: `ansible_become_*`, and the older names of each method.

use crate::host::becoming::Method;

/// What the variables of one method say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Whom to become.
    User,
    /// Where the program is.
    Exe,
    /// Its options.
    Flags,
    /// What it is given when it asks.
    Password,
}

/// The names under which a method's variables go; of several that are set the last one counts, as in ansible-core.
pub fn names(method: Method, what: What) -> &'static [&'static str] {
    match (what, method) {
        (What::User, Method::Sudo) => &["ansible_become_user", "ansible_sudo_user"],
        (What::User, Method::Su) => &["ansible_become_user", "ansible_su_user"],
        (What::User, Method::Doas) => &["ansible_become_user", "ansible_doas_user"],
        (What::User, Method::Runuser) => &["ansible_become_user", "ansible_runuser_user"],
        (What::Exe, Method::Sudo) => &["ansible_become_exe", "ansible_sudo_exe"],
        (What::Exe, Method::Su) => &["ansible_become_exe", "ansible_su_exe"],
        (What::Exe, Method::Doas) => &["ansible_become_exe", "ansible_doas_exe"],
        (What::Exe, Method::Runuser) => &["ansible_become_exe", "ansible_runuser_exe"],
        (What::Flags, Method::Sudo) => &["ansible_become_flags", "ansible_sudo_flags"],
        (What::Flags, Method::Su) => &["ansible_become_flags", "ansible_su_flags"],
        (What::Flags, Method::Doas) => &["ansible_become_flags", "ansible_doas_flags"],
        (What::Flags, Method::Runuser) => &["ansible_become_flags", "ansible_runuser_flags"],
        (What::Password, Method::Sudo) => &["ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"],
        (What::Password, Method::Su) => &["ansible_become_password", "ansible_become_pass", "ansible_su_pass"],
        (What::Password, Method::Doas) => &["ansible_become_password", "ansible_become_pass", "ansible_doas_pass"],
        (What::Password, Method::Runuser) => {
            &["ansible_become_password", "ansible_become_pass", "ansible_runuser_pass"]
        }
    }
}

/// The method of a name, which may have the collection before it that Ansible has it in.
pub fn method(text: &str) -> Option<Method> {
    let name = ["ansible.builtin.", "ansible.legacy.", "community.general."]
        .iter()
        .find_map(|collection| text.strip_prefix(collection))
        .unwrap_or(text);
    Method::ALL.into_iter().find(|method| method.name() == name)
}

/// The methods, for an error.
pub const METHODS: &str = "sudo, su, doas or runuser";

/// A program's options, apart.
pub fn flags(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Whether a text can be a program's path or name.
pub fn is_program(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && text.chars().all(|c| c.is_ascii_graphic() && c != '\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_go_by_ansibles_names() {
        assert_eq!(method("su"), Some(Method::Su));
        assert_eq!(method("ansible.builtin.sudo"), Some(Method::Sudo));
        assert_eq!(method("community.general.doas"), Some(Method::Doas));
        assert_eq!(method("pbrun"), None);
        assert_eq!(flags(" -H  -S "), ["-H", "-S"]);
        assert!(is_program("/opt/bin/sudo") && !is_program("-x") && !is_program("a b") && !is_program(""));
    }
}
