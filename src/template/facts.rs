//! The facts that a playbook has asked a host for, under the names that Ansible's templates have for them.

use serde_json::{Map, Value, json};

/// What `ID` in /etc/os-release is as `ansible_distribution` and `ansible_os_family`.
const DISTRIBUTIONS: [(&str, &str, &str); 9] = [
    ("almalinux", "AlmaLinux", "RedHat"),
    ("alpine", "Alpine", "Alpine"),
    ("amzn", "Amazon", "RedHat"),
    ("centos", "CentOS", "RedHat"),
    ("debian", "Debian", "Debian"),
    ("fedora", "Fedora", "RedHat"),
    ("rhel", "RedHat", "RedHat"),
    ("rocky", "Rocky", "RedHat"),
    ("ubuntu", "Ubuntu", "Debian"),
];

/// Those facts that mean the same in Ansible. What is known otherwise there is left out: using it is an error.
pub fn named(facts: &Map<String, Value>) -> Map<String, Value> {
    let mut named = Map::new();
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_null()) {
        match (name.as_str(), value) {
            ("architecture" | "fqdn" | "kernel" | "machine_id", value) => {
                named.insert(format!("ansible_{name}"), value.clone());
            }
            ("cpus", value) => {
                named.insert("ansible_processor_nproc".into(), value.clone());
            }
            ("user", value) => {
                named.insert("ansible_user_id".into(), value.clone());
            }
            ("hostname", Value::String(host)) => {
                named.insert("ansible_nodename".into(), value.clone());
                named.insert("ansible_hostname".into(), host.split('.').next().unwrap_or_default().into());
            }
            ("memory_bytes", value) => {
                let megabytes = value.as_u64().map(|bytes| bytes >> 20);
                named.extend(megabytes.map(|size| ("ansible_memtotal_mb".to_owned(), size.into())));
            }
            ("selinux", Value::String(mode)) => {
                let selinux = match mode.as_str() {
                    "disabled" => json!({"status": "disabled"}),
                    mode => json!({"status": "enabled", "mode": mode}),
                };
                named.insert("ansible_selinux".into(), selinux);
            }
            ("systemd_version", _) => {
                named.insert("ansible_service_mgr".into(), "systemd".into());
            }
            ("os_release", Value::Object(fields)) => distribution(fields, &mut named),
            _ => {}
        }
    }
    named
}

fn distribution(fields: &Map<String, Value>, named: &mut Map<String, Value>) {
    let field = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let id = field("ID").unwrap_or_default();
    let Some((_, name, family)) = DISTRIBUTIONS.iter().find(|(known, ..)| *known == id) else { return };
    named.insert("ansible_distribution".into(), (*name).into());
    named.insert("ansible_os_family".into(), (*family).into());
    if let Some(version) = field("VERSION_ID") {
        let major = version.split('.').next().unwrap_or_default();
        named.insert("ansible_distribution_major_version".into(), major.into());
        // Elsewhere Ansible reads another file, which has more of the number.
        if matches!(id, "ubuntu" | "fedora" | "rhel" | "rocky" | "almalinux") {
            named.insert("ansible_distribution_version".into(), version.into());
        }
    }
    if let (Some(codename), "debian" | "ubuntu") = (field("VERSION_CODENAME"), id) {
        named.insert("ansible_distribution_release".into(), codename.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_have_the_names_that_templates_of_ansible_use() {
        let facts = json!({
            "hostname": "m1.example.com", "kernel": "3.10.0", "memory_bytes": 2_147_483_648_u64, "systemd_version": 219,
            "os_release": {"ID": "centos", "VERSION_ID": "7"}, "selinux": "enforcing", "mounts": [],
        });
        let named = named(facts.as_object().expect("a map"));
        let expected = json!({
            "ansible_nodename": "m1.example.com", "ansible_hostname": "m1", "ansible_kernel": "3.10.0",
            "ansible_memtotal_mb": 2048, "ansible_service_mgr": "systemd", "ansible_distribution": "CentOS",
            "ansible_os_family": "RedHat", "ansible_distribution_major_version": "7",
            "ansible_selinux": {"status": "enabled", "mode": "enforcing"},
        });
        assert_eq!(Value::Object(named), expected);
    }
}
