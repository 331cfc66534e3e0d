//! The filters: Jinja's, Ansible's and those of `ansible.utils` for addresses.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::OnceLock;

use super::fault::{Fault, R};
use super::interp::Interp;
use super::object::Call;
use super::python;
use super::value::Value;

mod choose;
pub use choose::to_bool;
pub use sequence::mapping;
mod data;
mod digest;
pub use digest::known_hash;
mod ip;
mod paths;
mod regexes;
mod sequence;
mod sets;
mod structure;
pub use structure::{flatten, subelements};
pub mod text;
mod various;
mod wrap;

/// A filter: its names, what it takes, and what it does.
pub struct Filter {
    /// Its names.
    pub names: &'static [&'static str],
    /// Its parameters: `value width= first=`. Those with `=` may be left out; `*rest` and `**named` take what is left.
    pub params: &'static str,
    /// Whether something undefined is given to it, rather than being its result.
    pub markers: bool,
    pub run: fn(&Interp, &Bound) -> R<Value>,
}

/// A filter that takes no undefined values.
pub const fn filter(
    names: &'static [&'static str],
    params: &'static str,
    run: fn(&Interp, &Bound) -> R<Value>,
) -> Filter {
    Filter { names, params, markers: false, run }
}

/// The arguments of a filter or a test, by its parameters.
pub struct Bound {
    pub name: &'static str,
    pub values: Vec<Option<Value>>,
    pub rest: Vec<Value>,
    pub named: Vec<(Rc<str>, Value)>,
}

impl Bound {
    pub fn new(name: &'static str, params: &str, of: Value, call: Call) -> R<Self> {
        let mut bound = Self { name, values: Vec::new(), rest: Vec::new(), named: call.named };
        let mut given = std::iter::once(of).chain(call.positional);
        let (mut takes_rest, mut takes_named) = (false, false);
        for param in params.split(' ') {
            if param == "**named" {
                takes_named = true;
            } else if param == "*rest" {
                takes_rest = true;
                bound.rest.extend(given.by_ref());
            } else {
                let key = param.trim_end_matches('=');
                let named =
                    bound.named.iter().position(|(known, _)| &**known == key).map(|at| bound.named.remove(at).1);
                let value = match (given.next(), named) {
                    (Some(_), Some(_)) => {
                        return Err(Fault::new(format!("{name}() got multiple values for argument '{key}'")));
                    }
                    (value, named) => value.or(named),
                };
                if value.is_none() && !param.ends_with('=') {
                    return Err(Fault::new(format!("{name}() is missing its argument '{key}'")));
                }
                bound.values.push(value);
            }
        }
        if !takes_rest && given.next().is_some() {
            return Err(Fault::new(format!("{name}() takes fewer arguments")).hint(format!("it takes {params}")));
        }
        if !takes_named && let Some((unknown, _)) = bound.named.first() {
            let fault = Fault::new(format!("{name}() got an unexpected keyword argument '{unknown}'"));
            return Err(fault.hint(format!("it takes {params}")));
        }
        Ok(bound)
    }

    /// The argument at a place, where it was given.
    pub fn get(&self, at: usize) -> Option<&Value> {
        self.values.get(at)?.as_ref()
    }

    /// The argument at a place, or `None`.
    pub fn value(&self, at: usize) -> Value {
        self.get(at).cloned().unwrap_or(Value::None)
    }

    /// Python's `str` of it.
    pub fn text(&self, at: usize) -> R<String> {
        python::text(&self.value(at))
    }

    /// Python's `str` of it, or `default` where it was not given.
    pub fn text_or(&self, at: usize, default: &str) -> R<String> {
        self.get(at).map_or_else(|| Ok(default.to_owned()), python::text)
    }

    /// The argument as a text, which it has to be.
    pub fn string(&self, at: usize) -> R<Rc<str>> {
        match self.value(at) {
            Value::Str(text) => Ok(text),
            Value::Marker(fault) => Err(fault.again()),
            other => {
                Err(Fault::new(format!("{} takes a text, not a value of type '{}'", self.name, other.type_name())))
            }
        }
    }

    pub fn is(&self, at: usize) -> R<bool> {
        self.get(at).map_or(Ok(false), Value::truth)
    }

    pub fn int(&self, at: usize) -> R<Option<i128>> {
        match self.get(at) {
            None | Some(Value::None) => Ok(None),
            Some(value) => match value.as_int() {
                Some(number) => Ok(Some(number)),
                None => {
                    let what = value.type_name();
                    Err(Fault::new(format!("{} takes a whole number there, not a value of type '{what}'", self.name)))
                }
            },
        }
    }

    pub fn items(&self, at: usize) -> R<Vec<Value>> {
        self.value(at).iterate()
    }
}

/// All filters.
pub fn all() -> impl Iterator<Item = &'static Filter> {
    let lists: [&[Filter]; 11] = [
        &choose::FILTERS,
        &data::FILTERS,
        &digest::FILTERS,
        &ip::FILTERS,
        &paths::FILTERS,
        &regexes::FILTERS,
        &sequence::FILTERS,
        &sets::FILTERS,
        &structure::FILTERS,
        &text::FILTERS,
        &various::FILTERS,
    ];
    lists.into_iter().flatten()
}

fn find(name: &str) -> Option<&'static Filter> {
    static FILTERS: OnceLock<HashMap<&'static str, &'static Filter>> = OnceLock::new();
    let filters =
        FILTERS.get_or_init(|| all().flat_map(|filter| filter.names.iter().map(move |name| (*name, filter))).collect());
    filters.get(plain(name)).copied()
}

/// A name without the collection that Ansible has it in.
pub fn plain(name: &str) -> &str {
    ["ansible.builtin.", "ansible.legacy.", "ansible.utils.", "ansible.netcommon.", "community.general."]
        .iter()
        .find_map(|collection| name.strip_prefix(collection))
        .unwrap_or(name)
}

const MAC: &str = "keep the address itself in the inventory";
const NETWORKS: &str = "keep the networks themselves in the inventory";

/// Filters that Ansible has and that are not here, with the way around.
pub const REFUSED: [(&str, &str); 17] = [
    ("hwaddr", MAC),
    ("macaddr", MAC),
    ("slaac", MAC),
    ("ip4_hex", "use ipaddr('int')"),
    ("cidr_merge", NETWORKS),
    ("reduce_on_network", NETWORKS),
    ("usable_range", "use ipaddr('range_usable')"),
    ("next_nth_usable", "use ipmath"),
    ("previous_nth_usable", "use ipmath"),
    ("json_query", "use selectattr, map and extract"),
    ("ipcut", "use split and join"),
    ("urlize", "write the link yourself"),
    ("pprint", "use to_nice_json or to_nice_yaml"),
    ("vault", "encrypt with `zkmig vault encrypt-string`"),
    ("unvault", "keep the value as `!vault` in the inventory: it is decrypted when it is used"),
    ("fact_diff", "compare in the playbook"),
    ("to_xml", "write the elements in the template"),
];

/// The value that a filter gives.
pub fn apply(interp: &Interp, name: &str, of: Value, call: Call) -> R<Value> {
    let Some(filter) = find(name) else { return Err(unknown(name)) };
    let of = of.resolved();
    if !filter.markers {
        if let Value::Marker(_) = of {
            return Ok(of);
        }
        if let Some(marker) = super::interp::first_marker(&call) {
            return Ok(marker);
        }
    }
    let bound = Bound::new(filter.names[0], filter.params, of, call)?;
    interp.deeper(|| (filter.run)(interp, &bound)).map_err(|mut fault| {
        if !fault.message.starts_with("the filter `") && fault.kind == super::fault::FaultKind::Failed {
            fault.message = format!("the filter `{name}` fails: {}", fault.message);
        }
        fault
    })
}

fn unknown(name: &str) -> Box<Fault> {
    let plain = plain(name);
    if let Some((_, hint)) = REFUSED.iter().find(|(known, _)| *known == plain) {
        return Fault::new(format!("Ansible's filter `{name}` is not supported here")).hint(*hint);
    }
    let fault = Fault::new(format!("there is no filter `{name}`"));
    let names: Vec<&str> = all().flat_map(|filter| filter.names).copied().collect();
    match crate::error::closest(plain, names.iter().copied()) {
        Some(known) => fault.hint(format!("did you mean `{known}`?")),
        None if name.contains('.') => {
            fault.hint("filters of other collections are not supported: compute the value in the playbook")
        }
        None => fault.hint("docs/templates.md lists the filters"),
    }
}

/// Fails where a filter does not take as many arguments, or none of these names.
pub fn fits(name: &str, call: Call) -> R<()> {
    let Some(filter) = find(name) else { return Ok(()) };
    if matches!(filter.names[0], "to_yaml" | "to_nice_yaml") {
        data::known_yaml_options(filter.names[0], call.named.iter().map(|(name, _)| &**name))?;
    }
    Bound::new(filter.names[0], filter.params, Value::None, call).map(drop)
}

/// Fails unless there is a filter of this name.
pub fn known(name: &str) -> R<()> {
    if find(name).is_some() { Ok(()) } else { Err(unknown(name)) }
}
