//! `lookup(…)`, `query(…)` and `q(…)`: what is looked up on this machine.

use super::fault::{Fault, R};
use super::interp::{Interp, first_marker};
use super::object::Call;
use super::python;
use super::value::Value;

mod files;
mod lists;
mod simple;

pub use files::no_programs;

/// A lookup: its name, the options it takes, and what it finds for its terms.
pub struct Lookup {
    /// Its name.
    pub name: &'static str,
    /// The named options that it takes.
    pub options: &'static [&'static str],
    /// Whether undefined terms are given to it.
    pub markers: bool,
    pub run: fn(&Interp, &Terms) -> R<Vec<Value>>,
}

/// What a lookup was called with.
pub struct Terms {
    pub terms: Vec<Value>,
    pub named: Call,
}

impl Terms {
    pub fn option(&self, name: &str) -> Option<&Value> {
        self.named.named.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    pub fn text(&self, name: &str, default: &str) -> R<String> {
        self.option(name).filter(|value| !value.is_none()).map_or_else(|| Ok(default.to_owned()), python::text)
    }

    pub fn is(&self, name: &str, default: bool) -> R<bool> {
        self.option(name).map_or(Ok(default), super::filters::to_bool)
    }
}

/// All lookups.
pub fn all() -> impl Iterator<Item = &'static Lookup> {
    let lists: [&[Lookup]; 3] = [&files::LOOKUPS, &lists::LOOKUPS, &simple::LOOKUPS];
    lists.into_iter().flatten()
}

/// Lookups that Ansible has and that are not here, with the way around.
pub const REFUSED: [(&str, &str); 5] = [
    ("url", "a template asks no other machine: fetch it in the playbook with `http` and hand it over in `vars`"),
    ("unvault", "keep the value as `!vault` in the inventory: it is decrypted when it is used"),
    ("config", "there is no Ansible configuration here: `zkmig config` shows zkmig's own"),
    ("lines", "use lookup('pipe', …) | split('\\n')"),
    ("dig", "a template asks no other machine: resolve the name in the playbook"),
];

/// Runs a lookup; `listed` is `query`'s way to give its result.
pub fn run(interp: &Interp, mut call: Call, mut listed: bool) -> R<Value> {
    if call.positional.is_empty() {
        return Err(Fault::new("lookup() needs the lookup's name"));
    }
    let name = python::text(call.positional.remove(0).check()?)?;
    let bare = super::filters::plain(&name);
    let Some(lookup) = all().find(|lookup| lookup.name == bare) else { return Err(unknown(&name)) };
    if let Some(wanted) = call.take("wantlist") {
        listed |= wanted.truth()?;
    }
    let errors = call.take("errors").map_or(Ok("strict".to_owned()), |errors| python::text(&errors))?;
    if !lookup.markers
        && let Some(marker) = first_marker(&call)
    {
        return Ok(marker);
    }
    if let Some((unknown, _)) =
        call.named.iter().find(|(name, _)| !lookup.options.contains(&&**name) && !lookup.options.contains(&"*"))
    {
        let fault = Fault::new(format!("the lookup `{name}` takes no option `{unknown}`"));
        return Err(match crate::error::closest(unknown, lookup.options.iter().copied()) {
            Some(known) => fault.hint(format!("did you mean `{known}`?")),
            None => fault.hint(format!(
                "it takes {}",
                if lookup.options.is_empty() { "none".into() } else { lookup.options.join(", ") }
            )),
        });
    }
    let terms = Terms { terms: std::mem::take(&mut call.positional), named: call };
    let found = match interp.deeper(|| (lookup.run)(interp, &terms)) {
        Ok(found) => found,
        Err(_) if matches!(errors.as_str(), "ignore" | "warn") => {
            return Ok(if listed { Value::list(Vec::new()) } else { Value::None });
        }
        Err(mut fault) => {
            if fault.kind == super::fault::FaultKind::Failed {
                fault.message = format!("the lookup `{name}` fails: {}", fault.message);
            }
            return Err(fault);
        }
    };
    if listed || found.is_empty() {
        return Ok(Value::list(found));
    }
    if let [only] = &found[..] {
        return Ok(only.clone());
    }
    let texts: Option<Vec<&str>> = found.iter().map(Value::as_str).collect();
    Ok(match texts {
        Some(texts) => Value::str(texts.join(",")),
        None => Value::list(found),
    })
}

/// Fails unless there is a lookup of this name.
pub fn known(name: &str) -> R<()> {
    let bare = super::filters::plain(name);
    if all().any(|lookup| lookup.name == bare) { Ok(()) } else { Err(unknown(name)) }
}

fn unknown(name: &str) -> Box<Fault> {
    let bare = super::filters::plain(name);
    if let Some((_, hint)) = REFUSED.iter().find(|(known, _)| *known == bare) {
        return Fault::new(format!("Ansible's lookup `{name}` is not supported here")).hint(*hint);
    }
    let fault = Fault::new(format!("there is no lookup `{name}`"));
    match crate::error::closest(bare, all().map(|lookup| lookup.name)) {
        Some(known) => fault.hint(format!("did you mean `{known}`?")),
        None => fault.hint("compute the value in the playbook and hand it over in `vars`"),
    }
}
