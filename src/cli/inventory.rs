//! `zkmig inventory`: what hosts there are, in which groups, and where their variables come from.

use std::io::Write as _;
use std::path::PathBuf;

use super::print;
use super::session::{HostArgs, load, warn};
use crate::error::{Error, Result};
use crate::inventory::{Graph, Inventory, Listing};
use crate::template::inventory_yaml;

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = false)]
pub struct Args {
    #[command(flatten)]
    hosts: HostArgs,
    /// All groups, hosts and variables, as ansible-inventory's JSON
    #[arg(long, group = "what")]
    list: bool,
    /// With --list: the groups' variables beside the groups, and of the hosts only their own, as with --host
    #[arg(long)]
    export: bool,
    /// The groups and their hosts, as a tree; all of them, or those of a group
    #[arg(long, value_name = "GROUP", group = "what")]
    graph: Option<Option<String>>,
    /// With --list and --host: as YAML
    #[arg(short = 'y', long)]
    yaml: bool,
    /// With --graph: the variables, too
    #[arg(long, requires = "graph")]
    vars: bool,
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
    // As ansible-inventory has it: what is beside the playbook is no part of an export, unless it is asked for.
    let folder = args.playbook_dir.clone().or_else(|| (!args.export).then(|| PathBuf::from(".")));
    let inventory = load(&args.hosts, folder)?;
    if args.verbose > 0 {
        warn(inventory.notes());
    }
    if let Some(Explain::Explain { host, var }) = &args.explain {
        return print(&inventory.explain(host, var)?);
    }
    if let Some(host) = &args.host {
        let host = known(&inventory, host)?;
        if args.yaml {
            return print(&inventory_yaml(&inventory.host_value(host, args.export))?);
        }
        return print(&format!("{}\n", inventory.host_text(host, args.export)));
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
        let written = if args.yaml {
            let text = inventory_yaml(&inventory.tree(listing))?;
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        } else {
            inventory.write_list(&mut out, listing).and_then(|()| out.flush())
        };
        return match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Error::failed("can't write to standard output").caused_by(error))
            }
            _ => Ok(()),
        };
    }
    if let Some(group) = &args.graph {
        let graph = Graph { group: group.as_deref(), limit: limit.as_deref(), vars: args.vars };
        return print(&inventory.graph(&graph)?);
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
