//! The text of DC/OS's config.yaml, changed so that the next upgrade generates the static backend.

/// The keys that configure other backends.
const OTHER_BACKENDS: &[&str] = &[
    "exhibitor_zk_hosts",
    "exhibitor_zk_path",
    "exhibitor_fs_config_dir",
    "exhibitor_explicit_keys",
    "exhibitor_azure_account_name",
    "exhibitor_azure_account_key",
    "exhibitor_azure_prefix",
    "aws_access_key_id",
    "aws_region",
    "aws_secret_access_key",
    "s3_bucket",
    "s3_prefix",
];

/// The changed text: `exhibitor_storage_backend: static`, the other backends' keys gone, all else as it was, comments
/// included. The error says why the text can't be changed.
pub fn to_static(text: &str) -> Result<String, String> {
    let mut changed = String::new();
    let mut found = false;
    let mut dropping = false;
    for line in text.split_inclusive('\n') {
        let key = top_level_key(line);
        if let Some(key) = key {
            dropping = OTHER_BACKENDS.contains(&key);
            if key == "exhibitor_storage_backend" {
                if found {
                    return Err("`exhibitor_storage_backend` stands there twice".to_owned());
                }
                found = true;
                changed.push_str(&with_value(line, "static"));
                continue;
            }
        } else if dropping && !belongs_to_value(line) {
            dropping = false;
        }
        if !dropping {
            changed.push_str(line);
        }
    }
    if found {
        Ok(changed)
    } else {
        Err("it has no `exhibitor_storage_backend`: is it DC/OS's config.yaml?".to_owned())
    }
}

/// The key of a line that begins a top-level entry.
fn top_level_key(line: &str) -> Option<&str> {
    let (key, rest) = line.split_once(':')?;
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (plain && (rest.starts_with([' ', '\t', '\r', '\n']) || rest.is_empty())).then_some(key)
}

/// Whether a line continues the value of the key above: indented, or an item of its list.
fn belongs_to_value(line: &str) -> bool {
    (line.starts_with([' ', '\t']) && !line.trim().is_empty()) || line.starts_with("- ")
}

/// The line with another value; what comments follow stay.
fn with_value(line: &str, value: &str) -> String {
    let Some((key, rest)) = line.split_once(':') else { return line.to_owned() };
    let ending = &rest[rest.trim_end_matches(['\r', '\n']).len()..];
    let comment = rest.find(" #").map_or("", |at| rest[at..].trim_end_matches(['\r', '\n']));
    let space: String = rest.chars().take_while(|c| *c == ' ' || *c == '\t').collect();
    format!("{key}:{}{value}{comment}{ending}", if space.is_empty() { " " } else { &space })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_procedures_config_becomes_the_procedures_result() {
        let before = "bootstrap_url: http://10.10.0.100\n# how exhibitor keeps its state\nexhibitor_storage_backend: zookeeper # since 2016\nexhibitor_zk_hosts: 10.10.0.249:2181,10.10.0.79:2181\nexhibitor_zk_path: /\nlog_directory: /genconf/logs\nmaster_list:\n- 10.10.0.193\n- 10.10.0.122\n";
        let after = "bootstrap_url: http://10.10.0.100\n# how exhibitor keeps its state\nexhibitor_storage_backend: static # since 2016\nlog_directory: /genconf/logs\nmaster_list:\n- 10.10.0.193\n- 10.10.0.122\n";
        assert_eq!(to_static(before).as_deref(), Ok(after));
        assert_eq!(to_static(after).as_deref(), Ok(after));
    }

    #[test]
    fn values_of_several_lines_go_with_their_key() {
        let before =
            "exhibitor_storage_backend: zookeeper\nexhibitor_zk_hosts: >-\n  a:2181,\n  b:2181\n\nroles: slave\n";
        assert_eq!(to_static(before).as_deref(), Ok("exhibitor_storage_backend: static\n\nroles: slave\n"));
    }

    #[test]
    fn another_file_is_refused() {
        assert!(to_static("a: b\n").is_err());
        assert!(to_static("exhibitor_storage_backend: a\nexhibitor_storage_backend: b\n").is_err());
    }
}
