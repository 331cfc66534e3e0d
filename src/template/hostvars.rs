//! `hostvars` and `vars`: the variables of hosts as templates go through them.

use std::rc::Rc;

use super::fault::{Fault, R};
use super::object::{Call, Function, Object};
use super::scope::HostScope;
use super::value::{Key, Map, Value};

/// `hostvars`.
pub struct Hosts(pub Rc<HostScope>);

/// `hostvars[host]`, and `vars`.
pub struct Host(pub Rc<HostScope>);

impl Object for Hosts {
    fn type_name(&self) -> &str {
        "HostVars"
    }

    fn item(&self, key: &Value) -> R<Option<Value>> {
        let Some(name) = key.as_str() else { return Ok(None) };
        let known = self.0.world.hosts().iter().any(|host| host == name);
        Ok(known.then(|| Value::object(Host(self.0.other(name)))))
    }

    fn attribute(&self, name: &str) -> R<Option<Value>> {
        if let Some(method) = mapping_method(name, &Value::object(Self(self.0.clone()))) {
            return Ok(Some(method));
        }
        self.item(&Value::str(name))
    }

    fn items(&self) -> Option<R<Vec<Value>>> {
        Some(Ok(self.0.world.hosts().iter().map(Value::str).collect()))
    }

    fn len(&self) -> Option<usize> {
        Some(self.0.world.hosts().len())
    }

    fn map(&self) -> Option<R<Map>> {
        let of = |host: String| (Key(Value::str(&host)), Value::object(Host(self.0.other(&host))));
        Some(Ok(self.0.world.hosts().into_iter().map(of).collect()))
    }
}

impl Object for Host {
    fn type_name(&self) -> &str {
        "HostVarsVars"
    }

    fn item(&self, key: &Value) -> R<Option<Value>> {
        Ok(key.as_str().and_then(|name| self.0.get_bare(name)).map(|value| value.forced()))
    }

    fn attribute(&self, name: &str) -> R<Option<Value>> {
        if let Some(method) = mapping_method(name, &Value::object(Self(self.0.clone()))) {
            return Ok(Some(method));
        }
        self.item(&Value::str(name))
    }

    fn items(&self) -> Option<R<Vec<Value>>> {
        Some(Ok(self.0.names().iter().map(Value::str).collect()))
    }

    fn len(&self) -> Option<usize> {
        Some(self.0.names().len())
    }

    fn contains(&self, key: &Value) -> R<bool> {
        Ok(key.as_str().is_some_and(|name| self.0.get_bare(name).is_some()))
    }

    fn map(&self) -> Option<R<Map>> {
        let names = self.0.names();
        let pairs = names.iter().filter_map(|name| Some((Key(Value::str(name)), self.0.get(name)?.resolved())));
        Some(Ok(pairs.collect()))
    }
}

/// A dict's method on something that stands for a dict.
fn mapping_method(name: &str, of: &Value) -> Option<Value> {
    let name: &'static str = ["get", "keys", "values", "items"].into_iter().find(|known| *known == name)?;
    let of = of.clone();
    Some(Function::value(name, move |_, call: Call| {
        if name == "get" {
            let Some(key) = call.positional.first() else { return Err(Fault::new("get() needs a key")) };
            return Ok(match of.at(key)? {
                Some(value) => value,
                None => call.positional.get(1).cloned().unwrap_or(Value::None),
            });
        }
        let Value::Object(object) = &of else { return Ok(Value::None) };
        let map = object.map().unwrap_or_else(|| Ok(Map::default()))?;
        Ok(Value::list(match name {
            "keys" => map.into_keys().map(|key| key.0).collect(),
            "values" => map.into_values().collect(),
            _ => map.into_iter().map(|(key, value)| Value::tuple(vec![key.0, value])).collect(),
        }))
    }))
}
