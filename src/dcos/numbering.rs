//! The ids that DC/OS gives its masters.

use std::collections::BTreeSet;

use crate::zookeeper::ensemble::{Ensemble, Invalid};

/// The ensemble as DC/OS numbers it, at an installation and at each upgrade: the addresses sorted as strings, the ids from 1
/// (`calculate_exhibitor_static_ensemble` of its gen/calc.py).
pub fn canonical<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Result<Ensemble, Invalid> {
    let mut sorted = BTreeSet::new();
    for address in addresses {
        if address.contains([',', ':']) {
            return Err(Invalid::Entry(address.to_owned()));
        }
        if !sorted.insert(address) {
            return Err(Invalid::DuplicateAddress(address.to_owned()));
        }
    }
    let numbered: Vec<String> = (1..).zip(sorted).map(|(id, address)| format!("{id}:{address}")).collect();
    Ensemble::parse(&numbered.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(addresses: &[&str]) -> Result<String, Invalid> {
        canonical(addresses.iter().copied()).map(|ensemble| ensemble.to_string())
    }

    #[test]
    fn addresses_are_ordered_as_strings() {
        let want = "1:10.10.0.104,2:10.10.0.20,3:10.10.0.9";
        assert_eq!(text(&["10.10.0.9", "10.10.0.20", "10.10.0.104"]).as_deref(), Ok(want));
        let want = "1:10.10.0.104,2:10.10.0.122,3:10.10.0.169,4:10.10.0.193,5:10.10.0.203";
        let procedures = ["10.10.0.193", "10.10.0.122", "10.10.0.203", "10.10.0.104", "10.10.0.169"];
        assert_eq!(text(&procedures).as_deref(), Ok(want));
    }

    #[test]
    fn what_is_no_address_or_stands_twice_is_refused() {
        for wrong in [&[][..], &["10.0.0.1", "10.0.0.1"], &["10.0.0.1", "a b"], &["10.0.0.1:2181"], &["1,2:10.0.0.1"]] {
            assert!(text(wrong).is_err(), "{wrong:?}");
        }
    }
}
