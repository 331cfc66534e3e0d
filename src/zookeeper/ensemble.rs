//! Exhibitor's static ensemble: `1:10.10.0.104,2:10.10.0.122`.

use std::collections::BTreeMap;
use std::fmt;

/// A server's id, as in its `myid` file. ZooKeeper takes 1 to 255.
pub type ServerId = u8;

/// The servers of an ensemble by address. Exhibitor and DC/OS compare addresses as strings, character by character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ensemble(BTreeMap<String, ServerId>);

/// Why a text or a map is no ensemble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// There is no server.
    Empty,
    /// An entry is not `id:address`; Exhibitor would drop it without a word, and the quorum would be another.
    Entry(String),
    /// An entry is an observer. DC/OS's start script since 1.10.9 can't start with one: it takes the second part of an
    /// entry for the address.
    Observer(String),
    /// An id is not a number from 1 to 255.
    Id(String),
    /// Two servers have one id.
    DuplicateId(ServerId, String, String),
    /// An address stands twice.
    DuplicateAddress(String),
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the ensemble has no server"),
            Self::Entry(entry) => write!(f, "`{entry}` is not `id:address`, and Exhibitor would leave it out silently"),
            Self::Observer(entry) => {
                write!(f, "`{entry}` is an observer, which DC/OS can't start with a static ensemble")
            }
            Self::Id(id) => write!(f, "`{id}` is not an id from 1 to 255"),
            Self::DuplicateId(id, one, other) => write!(f, "{one} and {other} both have id {id}"),
            Self::DuplicateAddress(address) => write!(f, "{address} stands twice"),
        }
    }
}

impl Ensemble {
    /// Reads the static form strictly: what Exhibitor would drop is an error here. Spaces are one too: DC/OS's start
    /// script does not trim them.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut servers = Vec::new();
        for entry in text.split(',').filter(|_| !text.is_empty()) {
            match entry.split(':').collect::<Vec<_>>().as_slice() {
                [id, address] => servers.push((id_of(id)?, address_of(entry, address)?)),
                [kind, _, _] if kind.eq_ignore_ascii_case("o") => return Err(Invalid::Observer(entry.to_owned())),
                _ => return Err(Invalid::Entry(entry.to_owned())),
            }
        }
        Self::from_servers(servers)
    }

    /// Reads the list of a shared configuration as strictly: there Exhibitor itself writes `S:1:a` for `1:a`, and people
    /// write spaces.
    pub fn parse_stored(text: &str) -> Result<Self, Invalid> {
        let entries: Vec<String> = text
            .split(',')
            .map(|entry| {
                let parts: Vec<&str> = entry.split(':').map(str::trim).collect();
                match parts.as_slice() {
                    [kind, id, address] if kind.eq_ignore_ascii_case("s") => format!("{id}:{address}"),
                    parts => parts.join(":"),
                }
            })
            .collect();
        Self::parse(&entries.join(","))
    }

    /// The ensemble of these servers.
    pub fn from_servers(servers: impl IntoIterator<Item = (ServerId, String)>) -> Result<Self, Invalid> {
        let mut by_address: BTreeMap<String, ServerId> = BTreeMap::new();
        let mut by_id: BTreeMap<ServerId, String> = BTreeMap::new();
        for (id, address) in servers {
            if by_address.contains_key(&address) {
                return Err(Invalid::DuplicateAddress(address));
            }
            if let Some(other) = by_id.insert(id, address.clone()) {
                return Err(Invalid::DuplicateId(id, other, address));
            }
            by_address.insert(address, id);
        }
        if by_address.is_empty() { Err(Invalid::Empty) } else { Ok(Self(by_address)) }
    }

    /// The servers in the order of their addresses.
    pub fn servers(&self) -> impl Iterator<Item = (&str, ServerId)> {
        self.0.iter().map(|(address, id)| (address.as_str(), *id))
    }

    /// The id of an address.
    pub fn id(&self, address: &str) -> Option<ServerId> {
        self.0.get(address).copied()
    }

    /// The addresses whose id is another in `to`, with both ids.
    pub fn moves<'a>(&'a self, to: &'a Self) -> Vec<(&'a str, ServerId, ServerId)> {
        self.servers()
            .filter_map(|(address, id)| to.id(address).filter(|new| *new != id).map(|new| (address, id, new)))
            .collect()
    }
}

fn id_of(text: &str) -> Result<ServerId, Invalid> {
    // Rust would take `+5`; Java's parseInt does too, and then writes it otherwise.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| digits && *id > 0).ok_or_else(|| Invalid::Id(text.to_owned()))
}

fn address_of(entry: &str, address: &str) -> Result<String, Invalid> {
    let good = !address.is_empty() && address.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
    good.then(|| address.to_owned()).ok_or_else(|| Invalid::Entry(entry.to_owned()))
}

impl fmt::Display for Ensemble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (address, id)) in self.servers().enumerate() {
            write!(f, "{}{id}:{address}", if at > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

/// One entry of a list as Exhibitor reads it: `id:host` or `type:id:host`; anything else it drops (its `ServerList`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The id, as Exhibitor took it.
    pub id: i32,
    /// The host.
    pub host: String,
    /// It is an observer.
    pub observer: bool,
}

/// Reads a list of servers as Exhibitor does, dropping what it drops.
pub fn specs(text: &str) -> Vec<Spec> {
    text.split(',')
        .filter_map(|entry| match entry.trim().split(':').map(str::trim).collect::<Vec<_>>().as_slice() {
            [id, host] => Some(Spec { id: id.parse().ok()?, host: (*host).to_owned(), observer: false }),
            [kind, id, host] => {
                Some(Spec { id: id.parse().ok()?, host: (*host).to_owned(), observer: kind.eq_ignore_ascii_case("o") })
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_procedures_ensemble_is_printed_in_the_order_of_its_addresses() {
        let text = "5:10.10.0.104,4:10.10.0.122,3:10.10.0.169,1:10.10.0.193,2:10.10.0.203";
        let shuffled = "1:10.10.0.193,2:10.10.0.203,3:10.10.0.169,4:10.10.0.122,5:10.10.0.104";
        assert_eq!(Ensemble::parse(shuffled).map(|ensemble| ensemble.to_string()).as_deref(), Ok(text));
        let other = "1:10.10.0.104,2:10.10.0.122,3:10.10.0.169,4:10.10.0.193,5:10.10.0.203";
        let (Ok(today), Ok(other)) = (Ensemble::parse(text), Ensemble::parse(other)) else {
            panic!("both are ensembles");
        };
        assert_eq!(today.moves(&other).len(), 4);
    }

    #[test]
    fn what_exhibitor_would_drop_or_collapse_is_an_error() {
        for wrong in [
            "",
            "\"5:10.0.0.1",
            "5: 10.0.0.1",
            "x:10.0.0.1",
            "0:10.0.0.1",
            "256:10.0.0.1",
            "+5:10.0.0.1",
            "1:a,1:b",
            "1:a,2:a",
            "1:a,",
            "O:1:a",
            "1:a:2",
        ] {
            assert!(Ensemble::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_stored_list_may_have_types_and_spaces_but_nothing_that_exhibitor_drops() {
        let stored = Ensemble::parse_stored("S:7:a, 3 : b,s:8:c").map(|ensemble| ensemble.to_string());
        assert_eq!(stored.as_deref(), Ok("7:a,3:b,8:c"));
        for wrong in ["", "O:1:a", "1:a,", "1:a,x", "1:a,1:b", "S:a"] {
            assert!(Ensemble::parse_stored(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn exhibitors_own_reading_drops_what_it_does_not_understand() {
        let hosts: Vec<String> = specs("1:a, S:2:b,O:3:c,x:d,\"4:e,5").into_iter().map(|spec| spec.host).collect();
        assert_eq!(hosts, ["a", "b", "c"]);
    }
}
