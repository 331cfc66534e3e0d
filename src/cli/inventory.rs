//! `zkmig inventory`: what hosts there are, in which groups, and where their variables come from.

use std::io::Write as _;
use std::path::PathBuf;

use super::print;
use super::session::{HostArgs, load, warn};
use crate::error::{Error, Result};
use crate::inventory::{Inventory, Listing};
use crate::report::ndjson;

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = false)]
pub struct Args {
    #[command(flatten)]
    hosts: HostArgs,
    /// All groups, hosts and variables, as ansible-inventory's JSON
    #[arg(long, group = "what")]
    list: bool,
    /// With --list: the groups' variables beside the groups, and of the hosts only their own
    #[arg(long, requires = "list")]
    export: bool,
    /// The groups and their hosts, as a tree
    #[arg(long, group = "what")]
    graph: bool,
    /// The variables of a host, as JSON
    #[arg(long, value_name = "HOST", group = "what")]
    host: Option<String>,
    /// The folder of a playbook, for the group_vars and host_vars beside it; else this folder's count
    #[arg(long, value_name = "DIR")]
    playbook_dir: Option<PathBuf>,
    /// Say too what was passed over
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
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

pub fn run(mut args: Args) -> Result<()> {
    args.hosts.settle(None)?;
    let folder = args.playbook_dir.clone().unwrap_or_else(|| PathBuf::from("."));
    let inventory = load(&args.hosts, Some(folder))?;
    if args.verbose > 0 {
        warn(inventory.notes());
    }
    if let Some(Explain::Explain { host, var }) = &args.explain {
        return print(&inventory.explain(host, var)?);
    }
    if let Some(host) = &args.host {
        let vars = inventory.host_listing(known(&inventory, host)?);
        return print(&format!("{}\n", json(&serde_json::Value::Object(vars))?));
    }
    let limit = match &args.hosts.limit {
        Some(pattern) => {
            let selected = inventory.limit(pattern)?;
            warn(selected.warnings.all());
            Some(selected.hosts)
        }
        None => None,
    };
    if args.list {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        let listing = Listing { limit: limit.as_deref(), export: args.export };
        let written = inventory.write_list(&mut out, listing).and_then(|()| out.flush());
        return match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Error::failed("can't write to standard output").caused_by(error))
            }
            _ => Ok(()),
        };
    }
    if args.graph {
        return print(&inventory.graph(limit.as_deref()));
    }
    let hosts = match limit {
        Some(hosts) => hosts,
        None => inventory.select("all")?.hosts,
    };
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
