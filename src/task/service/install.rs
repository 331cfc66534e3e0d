//! The `[Install]` section of a unit file: what enabling the unit makes.

/// What a unit file asks for when it is enabled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Install {
    /// The folders below a folder of units in which it is linked, such as `multi-user.target.wants`. What holds a specifier
    /// (`%i`), or is a template, is not among them.
    pub folders: Vec<String>,
    /// Units that are enabled with it.
    pub also: Vec<String>,
    /// Whether enabling makes anything at all.
    pub any: bool,
}

impl Install {
    /// Reads it from a unit file.
    pub fn parse(text: &str) -> Self {
        let mut found = Self::default();
        let mut is_install = false;
        let mut lines = text.lines().map(|line| line.trim_end_matches('\r'));
        while let Some(line) = lines.next() {
            let mut line = line.trim().to_owned();
            if line.starts_with(['#', ';']) {
                continue;
            }
            while let Some(begun) = line.strip_suffix('\\') {
                let more = lines.by_ref().find(|more| !more.trim_start().starts_with(['#', ';']));
                line = format!("{begun} {}", more.unwrap_or_default().trim());
            }
            if line.starts_with('[') {
                is_install = line == "[Install]";
            } else if let (true, Some((key, value))) = (is_install, line.split_once('=')) {
                found.take(key.trim(), value.trim());
            }
        }
        found
    }

    fn take(&mut self, key: &str, value: &str) {
        let suffix = match key {
            "WantedBy" => ".wants",
            "RequiredBy" => ".requires",
            "UpheldBy" => ".upholds",
            "Also" if value.is_empty() => return self.also.clear(),
            "Also" => {
                self.also.extend(value.split_whitespace().map(str::to_owned));
                self.any = true;
                return;
            }
            "Alias" => {
                self.any |= !value.is_empty();
                return;
            }
            _ => return,
        };
        if value.is_empty() {
            // An empty value takes back what was said before.
            self.folders.retain(|folder| !folder.ends_with(suffix));
            self.any = !self.folders.is_empty() || !self.also.is_empty();
            return;
        }
        self.any = true;
        let plain = value.split_whitespace().filter(|unit| !unit.contains('%') && !unit.contains("@."));
        self.folders.extend(plain.map(|unit| format!("{unit}{suffix}")));
    }

    /// The folders in which the unit is not linked, though its file says so now. `links` are the paths of the links there are.
    pub fn missing<'a>(&'a self, links: &[String]) -> Vec<&'a str> {
        let is_linked = |folder: &str| links.iter().any(|link| link.rsplit('/').nth(1) == Some(folder));
        self.folders.iter().map(String::as_str).filter(|folder| !is_linked(folder)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_enabling_makes_is_read_as_systemd_reads_it() {
        for (text, folders, also, any) in [
            ("[Unit]\nWantedBy=x.target\n", &[][..], &[][..], false),
            ("[Install]\nWantedBy=a.target b.target\n", &["a.target.wants", "b.target.wants"], &[], true),
            ("[Install]\r\nWantedBy = a.target\r\n", &["a.target.wants"], &[], true),
            ("[Install]\nWantedBy=a.target \\\n# no\n b.target\n", &["a.target.wants", "b.target.wants"], &[], true),
            ("[Install]\nWantedBy=a.target\nWantedBy=\nRequiredBy=c.target\n", &["c.target.requires"], &[], true),
            ("[Install]\nWantedBy=a.target\nWantedBy=\n", &[], &[], false),
            ("[Install]\n#WantedBy=a.target\n[Service]\nAlso=x.socket\n", &[], &[], false),
            ("[Install]\nAlso=x.socket\n", &[], &["x.socket"], true),
            ("[Install]\nWantedBy=x@%i.target\nAlias=y.service\n", &[], &[], true),
        ] {
            let found = Install::parse(text);
            assert_eq!(
                (&found.folders[..], &found.also[..], found.any),
                (
                    &folders.iter().map(ToString::to_string).collect::<Vec<_>>()[..],
                    &also.iter().map(ToString::to_string).collect::<Vec<_>>()[..],
                    any
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn a_link_that_the_file_asks_for_and_is_not_there_is_missing() {
        let install = Install::parse("[Install]\nWantedBy=a.target b.target\n");
        let links = ["/etc/systemd/system/a.target.wants/x.service".to_owned()];
        assert_eq!(install.missing(&links), ["b.target.wants"]);
        assert_eq!(install.missing(&[]), ["a.target.wants", "b.target.wants"]);
    }
}
