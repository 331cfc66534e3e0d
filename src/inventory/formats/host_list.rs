//! Hosts on the command line: `-i host1,host2,`.

use super::super::address;
use super::super::model::{Model, UNGROUPED};
use crate::error::Result;
use crate::inventory::Origin;

/// Adds the hosts of a list.
pub fn read(model: &mut Model, list: &str) -> Result<()> {
    let origin = Origin { owner: "-i".into(), source: None, span: 0..0 };
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, port) = match address::parse(entry) {
            Some((name, port)) if !name.contains('[') => (name, port),
            _ => (entry, None),
        };
        if model.host_index(name).is_none() {
            model.host(name, Some(UNGROUPED), port, &origin)?;
        }
    }
    Ok(())
}
