//! `zkmig inventory`: what hosts there are, in which groups, and where their variables come from.

use super::print;
use super::session::{HostArgs, load};
use crate::error::{Error, Result};
use crate::inventory::Inventory;
use crate::report::ndjson;

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = false)]
pub struct Args {
    #[command(flatten)]
    hosts: HostArgs,
    /// All groups, hosts and variables, as JSON
    #[arg(long, group = "what")]
    list: bool,
    /// The groups and their hosts, as a tree
    #[arg(long, group = "what")]
    graph: bool,
    /// The variables of a host, as JSON
    #[arg(long, value_name = "HOST", group = "what")]
    host: Option<String>,
    #[command(subcommand)]
    explain: Option<Explain>,
}

#[derive(clap::Subcommand)]
enum Explain {
    /// Where the value of a host's variable comes from, and what it won against
    Explain {
        /// The host
        host: String,
        /// The variable
        var: String,
    },
}

pub fn run(args: Args) -> Result<()> {
    let inventory = load(&args.hosts)?;
    if let Some(Explain::Explain { host, var }) = &args.explain {
        return print(&inventory.explain(host, var)?);
    }
    if let Some(host) = &args.host {
        return print(&format!("{}\n", json(&serde_json::Value::Object(known(&inventory, host)?.vars_json()))?));
    }
    if args.list {
        return print(&format!("{}\n", json(&inventory.list_json())?));
    }
    if args.graph {
        return print(&inventory.graph());
    }
    let pattern = args.hosts.limit.as_deref().unwrap_or("all");
    let hosts = inventory.select(pattern)?;
    print(&hosts.iter().map(|host| format!("{}\n", host.name)).collect::<String>())
}

fn known<'a>(inventory: &'a Inventory, name: &str) -> Result<&'a crate::inventory::Host> {
    inventory.host(name).ok_or_else(|| {
        Error::input(format!("the inventory has no host `{name}`"))
            .did_you_mean(name, inventory.hosts().map(|host| host.name.as_str()))
    })
}

fn json(value: &serde_json::Value) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map(|text| ndjson::json(&text))
        .map_err(|error| Error::defect("the inventory has no JSON form").caused_by(error))
}
