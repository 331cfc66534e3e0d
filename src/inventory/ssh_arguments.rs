//! What inventories may say in arguments of ssh, as options of ssh's configuration.

use std::path::PathBuf;
use std::time::Duration;

use super::Connection;

/// What is taken, for an error.
pub const TAKEN: &str = "zkmig takes `-o Key=Value`, `-F FILE`, `-J HOST`, `-i FILE`, `-l USER`, `-p PORT`, `-A`, `-C`, `-4` and `-6` there";

/// What a line of arguments says.
#[derive(Debug, Default)]
pub struct Arguments {
    /// Options of ssh's configuration.
    pub options: Vec<(String, String)>,
    /// The file that is read in place of the user's and the system's configuration, relative to the current folder.
    pub config_file: Option<PathBuf>,
}

/// Gives a connection the options of its arguments: `ssh_args`, `ssh_common_args` and `ssh_extra_args`, in the order in which
/// Ansible gives them to ssh, which takes the first of what is said twice. Between the first two stand the port, the user and
/// the time for connecting.
pub fn settle(connection: &mut Connection, [first, common, extra]: [Arguments; 3]) {
    // The last file counts, as for ssh; what is zkmig's own variable comes before it.
    let file = extra.config_file.or(common.config_file).or(first.config_file);
    connection.ssh_config = connection.ssh_config.take().or(file);
    let (first, common, extra) = (first.options, common.options, extra.options);
    let is = |key: &str, name: &str| key.eq_ignore_ascii_case(name);
    let mut behind: Vec<(String, String)> = common.into_iter().chain(extra).collect();
    behind.retain(|(key, _)| {
        !(is(key, "ConnectTimeout")
            || is(key, "Port") && connection.port.is_some()
            || is(key, "User") && connection.user.is_some()
            || is(key, "StrictHostKeyChecking") && !connection.strict_host_keys)
    });
    let mut options: Vec<(String, String)> = first;
    options.extend(behind);
    // What zkmig says itself comes before them.
    let found = |name: &str| options.iter().find(|(key, _)| is(key, name)).map(|(_, value)| value.to_ascii_lowercase());
    if let Some(value) = found("StrictHostKeyChecking") {
        connection.strict_host_keys = !matches!(value.as_str(), "no" | "off" | "accept-new");
    }
    if let Some(seconds) = found("ConnectTimeout").and_then(|value| value.parse().ok()).filter(|seconds| *seconds > 0) {
        connection.connect_timeout = Duration::from_secs(seconds);
    }
    options.retain(|(key, _)| !is(key, "StrictHostKeyChecking") && !is(key, "ConnectTimeout"));
    connection.ssh_options = options;
}

/// ssh's options from a line of arguments.
pub fn parse(text: &str) -> std::result::Result<Arguments, String> {
    let words = words(text)?;
    let mut words = words.into_iter();
    let mut options = Vec::new();
    let mut config_file = None;
    while let Some(word) = words.next() {
        let (flag, attached) = word.split_at(word.char_indices().nth(2).map_or(word.len(), |(at, _)| at));
        let plain = match word.as_str() {
            "-A" => Some(("ForwardAgent", "yes")),
            "-C" => Some(("Compression", "yes")),
            "-4" => Some(("AddressFamily", "inet")),
            "-6" => Some(("AddressFamily", "inet6")),
            _ => None,
        };
        if let Some((key, value)) = plain {
            options.push((key.to_owned(), value.to_owned()));
            continue;
        }
        // How much ssh says, and what a connection without a terminal has not anyway.
        if ["-q", "-v", "-vv", "-vvv", "-a", "-x", "-T"].contains(&word.as_str()) {
            continue;
        }
        let value = if attached.is_empty() {
            words.next().ok_or_else(|| format!("`{word}` lacks its value"))?
        } else {
            attached.to_owned()
        };
        match flag {
            "-o" => {
                let (key, value) = value
                    .split_once('=')
                    .or_else(|| value.split_once(' '))
                    .ok_or_else(|| format!("`-o {value}` is not `Key=Value`"))?;
                options.push((key.trim().to_owned(), value.trim().to_owned()));
            }
            "-J" => options.push(("ProxyJump".to_owned(), value)),
            "-i" => options.push(("IdentityFile".to_owned(), value)),
            "-l" => options.push(("User".to_owned(), value)),
            "-p" => options.push(("Port".to_owned(), value)),
            "-F" if value == "none" => config_file = Some(PathBuf::from("/dev/null")),
            "-F" => {
                let path = std::path::absolute(&value).map_err(|error| format!("`-F {value}`: {error}"))?;
                config_file = Some(path);
            }
            _ => return Err(format!("`{word}` is not supported")),
        }
    }
    // One connection a host is kept open here anyway, at a place of its own.
    options.retain(|(key, _)| {
        !["ControlMaster", "ControlPersist", "ControlPath"].iter().any(|own| key.eq_ignore_ascii_case(own))
    });
    // ssh starts another ssh for it, with a shell.
    let jump = |host: &str| {
        let good = |c: char| c.is_alphanumeric() || "._-@:[]%/".contains(c);
        host.chars().all(good) && host.split(['@', '/']).all(|part| !part.starts_with('-'))
    };
    for (_, value) in options.iter().filter(|(key, _)| key.eq_ignore_ascii_case("ProxyJump")) {
        if value.is_empty() || !value.split(',').all(jump) {
            return Err(format!("`{}` is no host to jump over", value.escape_debug()));
        }
    }
    Ok(Arguments { options, config_file })
}

fn words(text: &str) -> std::result::Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote does not end".to_owned());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(connection: &mut Connection, arguments: [&str; 3]) -> Vec<String> {
        settle(connection, arguments.map(|text| parse(text).expect("they are good")));
        connection.ssh_options.iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    /// The order of `_build_command` in ansible-core 2.19's connection plugin ssh.
    #[test]
    fn of_what_is_said_twice_the_one_counts_that_ansible_gives_to_ssh_first() {
        let mut plain = Connection::to("h");
        let options = settled(&mut plain, ["-o A=1", "-o A=2 -o Port=7", "-o A=3 -o User=x"]);
        assert_eq!(options, ["A=1", "A=2", "Port=7", "A=3", "User=x"]);
        let mut known = Connection { port: Some(22), user: Some("me".to_owned()), ..Connection::to("h") };
        let options = settled(&mut known, ["-o port=8", "-o Port=7 -o user=y", "-o User=x -J b"]);
        assert_eq!(options, ["port=8", "ProxyJump=b"]);
    }

    /// The file that ssh's own parser of its command line takes: the last one.
    #[test]
    fn the_last_file_of_configuration_counts_unless_the_host_has_zkmigs_own_variable() {
        let of = |arguments: [&str; 3]| {
            let mut connection = Connection::to("h");
            settled(&mut connection, arguments);
            connection.ssh_config
        };
        assert_eq!(of(["", "", ""]), None);
        assert_eq!(of(["-F /a -F /b", "", ""]), Some("/b".into()));
        assert_eq!(of(["-F/a", "-q -F none", "-C"]), Some("/dev/null".into()));
        assert!(of(["-F ./c", "", ""]).is_some_and(|path| path.is_absolute() && path.ends_with("c")));
        let mut own = Connection { ssh_config: Some("/own".into()), ..Connection::to("h") };
        assert_eq!(settled(&mut own, ["-F /a -i /key", "-l me", "-p 7"]), ["IdentityFile=/key", "User=me", "Port=7"]);
        assert_eq!(own.ssh_config, Some("/own".into()));
    }

    #[test]
    fn host_keys_and_times_for_connecting_may_stand_in_arguments() {
        let checked = |strict: bool, arguments: [&str; 3]| {
            let mut connection = Connection { strict_host_keys: strict, ..Connection::to("h") };
            assert!(settled(&mut connection, arguments).is_empty());
            (connection.strict_host_keys, connection.connect_timeout.as_secs())
        };
        assert_eq!(checked(true, ["", "-o StrictHostKeyChecking=no", ""]), (false, 10));
        assert_eq!(checked(true, ["", "", "-o stricthostkeychecking=accept-new"]), (false, 10));
        assert_eq!(checked(false, ["-o StrictHostKeyChecking=yes", "", ""]), (true, 10));
        assert_eq!(checked(false, ["", "-o StrictHostKeyChecking=yes", ""]), (false, 10));
        assert_eq!(checked(true, ["-o ConnectTimeout=30", "-o ConnectTimeout=3", ""]), (true, 30));
        assert_eq!(checked(true, ["", "-o ConnectTimeout=3", ""]), (true, 10));
    }
}
