//! The hosts of a run: connected at once, each with what check mode predicts for it.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use super::events::What;
use super::fan::{self, at_most};
use super::stream::Events;
use crate::error::{Error, Kind, Result};
use crate::host::{Transport, User};
use crate::inventory::{Connection, Host, Inventory};
use crate::task::Predictions;

/// A host that the run works on.
pub struct RunHost {
    /// Its name in the inventory.
    pub name: String,
    /// The connection.
    pub transport: Arc<dyn Transport>,
    /// Who the effects run as, unless a call says otherwise.
    pub user: User,
    /// Who `become: true` is.
    pub becomes: User,
    /// What earlier effects of a check mode run would have changed.
    pub predictions: Predictions,
    /// Where its lock is; empty for the user's own place.
    pub lock: String,
}

/// Makes connections.
#[async_trait]
pub trait Connect: Send + Sync {
    /// Connects to one host in the way that the inventory says.
    async fn connect(&self, host: &Host, connection: &Connection) -> Result<Arc<dyn Transport>>;
}

/// The hosts that were connected to, and the names of those that were left out.
pub type Connected = (Vec<Arc<RunHost>>, Vec<String>);

/// Connects to all of these hosts, at most `bound` at once. When one can't be reached none is used, and the error names
/// every host that failed; with `skip` the others are used, if there are any, and those that can't be reached are named.
pub async fn connect_all(
    connector: &dyn Connect,
    inventory: &Inventory,
    names: &[&str],
    bound: usize,
    events: &Events,
    skip: bool,
) -> Result<Connected> {
    // What an inventory says wrongly of one of them is found before any is reached.
    let mut ways: Vec<(&Host, Connection)> = Vec::with_capacity(names.len());
    for name in names {
        let host = inventory.host(name).ok_or_else(|| Error::defect(format!("no host named {name}")))?;
        let connection = inventory.connection(host).map_err(|error| error.on_host(name))?;
        ways.push((host, connection));
    }
    let attempts = ways.iter().map(|(host, connection)| async move {
        let began = Instant::now();
        let result = connector.connect(host, connection).await;
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match result {
            Ok(transport) => {
                events.emit(What::HostConnected { host: host.name.clone(), ms });
                let becomes = connection.become_user();
                let user = if connection.becomes { becomes.clone() } else { User::Login };
                let predictions = Predictions::default();
                let lock = connection.lock_file.clone().unwrap_or_default();
                Ok(Arc::new(RunHost { name: host.name.clone(), transport, user, becomes, predictions, lock }))
            }
            Err(error) => {
                let (name, message) = (host.name.clone(), error.to_string());
                events.emit(match error.kind() {
                    Kind::Unreachable => What::HostUnreachable { host: name, message },
                    _ => What::HostRefused { host: name, message },
                });
                Err(error.on_host(&host.name))
            }
        }
    });
    let results: Vec<Result<Arc<RunHost>>> = at_most(bound, attempts.collect()).await;
    let (connected, failed): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let mut errors: Vec<Error> = failed.into_iter().filter_map(Result::err).collect();
    let away = errors.iter().all(|error| error.kind() == Kind::Unreachable);
    if errors.is_empty() || (skip && away && !connected.is_empty()) {
        let left_out = errors.iter().filter_map(|error| error.parts().host.clone()).collect();
        return Ok((connected.into_iter().filter_map(Result::ok).collect(), left_out));
    }
    let connected: Vec<_> = connected.into_iter().flatten().collect();
    at_most(fan::SHORT, connected.iter().map(|host| host.transport.close()).collect()).await;
    let others = errors.split_off(1);
    let first = errors.remove(0);
    Err(others.into_iter().fold(first, |error, other| error.detail(other.to_string())))
}
