//! Values as templates have them: Python's, with its truth, its equality and its lists that can be changed.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use indexmap::IndexMap;

use super::fault::{Fault, R};
use super::lazy::Lazy;
use super::object::Object;
use super::time::{Delta, Time};

/// A value. Copies of a list or a dict are the same list or dict, as in Python.
#[derive(Clone)]
pub enum Value {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(Rc<str>),
    List(Rc<RefCell<Vec<Value>>>),
    Tuple(Rc<[Value]>),
    Dict(Rc<RefCell<Map>>),
    /// Python's `range`: from, to, step.
    Range(i128, i128, i128),
    Time(Rc<Time>),
    Delta(Delta),
    Object(Rc<dyn Object>),
    /// Something undefined, or a failure that nobody has looked at yet.
    Marker(Rc<Fault>),
    /// Ansible's `omit`.
    Omit,
    /// A value of the inventory whose template is rendered when it is used.
    Lazy(Rc<Lazy>),
}

/// What a dict holds, in the order in which it was put there.
pub type Map = IndexMap<Key, Value>;

/// A value that can be a dict's key: `1`, `1.0` and `True` are one key.
#[derive(Clone)]
pub struct Key(pub Value);

impl Value {
    pub fn str(text: impl AsRef<str>) -> Self {
        Self::Str(Rc::from(text.as_ref()))
    }

    pub fn list(items: Vec<Self>) -> Self {
        Self::List(Rc::new(RefCell::new(items)))
    }

    pub fn tuple(items: Vec<Self>) -> Self {
        Self::Tuple(Rc::from(items))
    }

    pub fn dict(map: Map) -> Self {
        Self::Dict(Rc::new(RefCell::new(map)))
    }

    pub fn object(object: impl Object + 'static) -> Self {
        Self::Object(Rc::new(object))
    }

    /// A list of texts.
    pub fn texts<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::list(items.into_iter().map(Self::str).collect())
    }

    /// Python's name of its type, as Ansible's messages have it.
    pub fn type_name(&self) -> &str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Range(..) => "range",
            Self::Time(time) => time.type_name(),
            Self::Delta(_) => "timedelta",
            Self::Object(object) => object.type_name(),
            Self::Marker(_) => "UndefinedMarker",
            Self::Omit => "Omit",
            Self::Lazy(_) => "str",
        }
    }

    /// Python's `bool(value)`.
    pub fn truth(&self) -> R<bool> {
        Ok(match self {
            Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::List(items) => !items.borrow().is_empty(),
            Self::Tuple(items) => !items.is_empty(),
            Self::Dict(map) => !map.borrow().is_empty(),
            Self::Range(from, to, step) => range_len(*from, *to, *step) > 0,
            Self::Delta(delta) => delta.micros() != 0,
            Self::Object(object) => object.len().is_none_or(|len| len > 0),
            Self::Time(_) | Self::Omit => true,
            Self::Marker(fault) => return Err(fault.again()),
            Self::Lazy(lazy) => return lazy.force().truth(),
        })
    }

    /// The value, or the failure that stands in its place.
    pub fn check(&self) -> R<&Self> {
        match self {
            Self::Marker(fault) => Err(fault.again()),
            other => Ok(other),
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// An int, or a bool that counts as one.
    pub fn as_int(&self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i128::from(*value)),
            _ => None,
        }
    }

    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            other => other.as_int().map(|value| value as f64),
        }
    }

    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    pub fn is_sequence(&self) -> bool {
        matches!(self, Self::List(_) | Self::Tuple(_))
    }

    /// What a `for` gets from it, one after the other; a template inside is rendered when it comes up.
    pub fn iterate(&self) -> R<Vec<Self>> {
        Ok(match self {
            // Rendering an item may look at the list again.
            Self::List(items) => {
                let items = items.borrow().clone();
                items.iter().map(Self::forced).collect()
            }
            Self::Tuple(items) => items.iter().map(Self::forced).collect(),
            Self::Dict(map) => map.borrow().keys().map(|key| key.0.clone()).collect(),
            Self::Str(text) => {
                let mut buffer = [0; 4];
                text.chars().map(|c| Self::str(&*c.encode_utf8(&mut buffer))).collect()
            }
            Self::Range(from, to, step) => {
                let count = range_len(*from, *to, *step);
                if count > MOST_ITEMS {
                    return Err(Fault::new(format!("a range of {count} numbers is too long to be gone through")));
                }
                (0..count).map(|at| Self::Int(from + at * step)).collect()
            }
            Self::Object(object) => match object.items() {
                Some(items) => items?,
                None => return Err(Fault::new(format!("'{}' object is not iterable", self.type_name()))),
            },
            Self::Marker(fault) => return Err(fault.again()),
            Self::Lazy(lazy) => return lazy.force().iterate(),
            other => return Err(Fault::new(format!("'{}' object is not iterable", other.type_name()))),
        })
    }

    /// Python's `len`.
    pub fn len(&self) -> R<usize> {
        Ok(match self {
            Self::List(items) => items.borrow().len(),
            Self::Tuple(items) => items.len(),
            Self::Dict(map) => map.borrow().len(),
            Self::Str(text) => text.chars().count(),
            Self::Range(from, to, step) => usize::try_from(range_len(*from, *to, *step)).unwrap_or(usize::MAX),
            Self::Marker(fault) => return Err(fault.again()),
            Self::Lazy(lazy) => return lazy.force().len(),
            Self::Object(object) if object.len().is_some() => object.len().unwrap_or(0),
            other => return Err(Fault::new(format!("object of type '{}' has no len()", other.type_name()))),
        })
    }

    /// Itself, or what its template gives.
    pub fn forced(&self) -> Self {
        match self {
            Self::Lazy(lazy) => lazy.force(),
            other => other.clone(),
        }
    }

    /// Itself with all templates inside rendered. A list or dict without any stays the same list or dict.
    pub fn resolved(&self) -> Self {
        match self {
            Self::Lazy(lazy) => lazy.force().resolved(),
            Self::List(items) if self.has_lazy(0) => {
                let written = items.borrow().clone();
                let resolved = nested(|| Ok(written.iter().map(Self::resolved).collect::<Vec<Self>>()));
                match (resolved, items.try_borrow_mut()) {
                    (Ok(resolved), Ok(mut items)) => *items = resolved,
                    (Ok(resolved), Err(_)) => return Self::list(resolved),
                    (Err(fault), _) => return Self::Marker(Rc::new(*fault)),
                }
                self.clone()
            }
            Self::Tuple(items) if self.has_lazy(0) => {
                match nested(|| Ok(items.iter().map(Self::resolved).collect::<Vec<Self>>())) {
                    Ok(items) => Self::tuple(items),
                    Err(fault) => Self::Marker(Rc::new(*fault)),
                }
            }
            Self::Dict(map) if self.has_lazy(0) => {
                let written = map.borrow().clone();
                let resolve = |(key, value): (&Key, &Self)| (key.clone(), value.resolved());
                let resolved = nested(|| Ok(written.iter().map(resolve).collect::<Map>()));
                match (resolved, map.try_borrow_mut()) {
                    (Ok(resolved), Ok(mut map)) => *map = resolved,
                    (Ok(resolved), Err(_)) => return Self::dict(resolved),
                    (Err(fault), _) => return Self::Marker(Rc::new(*fault)),
                }
                self.clone()
            }
            other => other.clone(),
        }
    }

    /// As what a template says: tuples are lists, and what is `omit` is left out.
    pub fn finished(&self) -> R<Self> {
        let kept = |items: &[Self]| -> R<Self> {
            let kept = items.iter().filter(|item| !matches!(item, Self::Omit));
            nested(|| kept.map(Self::finished).collect::<R<Vec<Self>>>()).map(Self::list)
        };
        match self {
            Self::List(items) => {
                let items = items.borrow().clone();
                kept(&items)
            }
            Self::Tuple(items) => kept(items),
            Self::Dict(map) => {
                let map = map.borrow().clone();
                let kept = map.iter().filter(|(_, value)| !matches!(value, Self::Omit));
                nested(|| kept.map(|(key, value)| Ok((key.clone(), value.finished()?))).collect::<R<Map>>())
                    .map(Self::dict)
            }
            Self::Object(object) => match object.map() {
                Some(map) => Self::dict(map?).finished(),
                None => Ok(self.clone()),
            },
            other => Ok(other.clone()),
        }
    }

    fn has_lazy(&self, depth: usize) -> bool {
        if depth > DEEPEST {
            return false;
        }
        let has = |value: &Self| value.has_lazy(depth + 1);
        match self {
            Self::Lazy(_) => true,
            Self::List(items) => items.borrow().iter().any(has),
            Self::Tuple(items) => items.iter().any(has),
            Self::Dict(map) => map.borrow().values().any(has),
            _ => false,
        }
    }

    /// The value as a dict's key, where it can be one.
    pub fn key(&self) -> R<Key> {
        match self {
            Self::List(_) | Self::Dict(_) => Err(Fault::new(format!("unhashable type: '{}'", self.type_name()))),
            Self::Tuple(items) => items.iter().try_for_each(|item| item.key().map(drop)).map(|()| Key(self.clone())),
            Self::Marker(fault) => Err(fault.again()),
            Self::Lazy(lazy) => lazy.force().key(),
            other => Ok(Key(other.clone())),
        }
    }

    /// Python's `==`. What is undefined can't be compared.
    pub fn equals(&self, other: &Self) -> R<bool> {
        Ok(match (self, other) {
            (Self::Marker(fault), _) | (_, Self::Marker(fault)) => return Err(fault.again()),
            (Self::Lazy(lazy), other) | (other, Self::Lazy(lazy)) => return lazy.force().equals(other),
            (Self::None, Self::None) | (Self::Omit, Self::Omit) => true,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::List(a), Self::List(b)) => Rc::ptr_eq(a, b) || same_items(&a.borrow(), &b.borrow())?,
            (Self::Tuple(a), Self::Tuple(b)) => same_items(a, b)?,
            (Self::Dict(a), Self::Dict(b)) => {
                if Rc::ptr_eq(a, b) {
                    return Ok(true);
                }
                let (a, b) = (a.borrow(), b.borrow());
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (key, value) in a.iter() {
                    match b.get(key) {
                        Some(other) if value.equals(other)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            (Self::Range(..), Self::Range(..)) => same_items(&self.iterate()?, &other.iterate()?)?,
            (Self::Time(a), Self::Time(b)) => return super::time::equal(a, b),
            (Self::Delta(a), Self::Delta(b)) => a == b,
            (Self::Object(a), Self::Object(b)) => {
                Rc::ptr_eq(a, b)
                    || match (a.items(), b.items()) {
                        (Some(a), Some(b)) => same_items(&a?, &b?)?,
                        _ => false,
                    }
            }
            (a, b) => match (a.as_int(), b.as_int()) {
                (Some(a), Some(b)) => a == b,
                _ => matches!((a.as_float(), b.as_float()), (Some(a), Some(b)) if a == b),
            },
        })
    }

    /// What is at a key of a dict or an index of a list, where there is something.
    pub fn at(&self, key: &Self) -> R<Option<Self>> {
        let index = |len: usize, at: i128| {
            let len = i128::try_from(len).unwrap_or(i128::MAX);
            usize::try_from(if at < 0 { at + len } else { at })
                .ok()
                .filter(|at| i128::try_from(*at).is_ok_and(|at| at < len))
        };
        Ok(match (self, key) {
            (Self::Dict(map), key) => match key {
                Self::List(_) | Self::Dict(_) => None,
                key => {
                    let found = map.borrow().get(&key.key()?).cloned();
                    found.map(|value| value.forced())
                }
            },
            (Self::List(items), key) => match key.as_int() {
                Some(at) => {
                    let len = items.borrow().len();
                    let found = index(len, at).map(|at| items.borrow()[at].clone());
                    found.map(|value| value.forced())
                }
                None => None,
            },
            (Self::Tuple(items), key) => {
                key.as_int().and_then(|at| index(items.len(), at)).map(|at| items[at].forced())
            }
            (Self::Str(text), key) => match key.as_int() {
                Some(at) => index(text.chars().count(), at)
                    .and_then(|at| text.chars().nth(at))
                    .map(|c| Self::str(c.to_string())),
                None => None,
            },
            (Self::Range(from, to, step), key) => {
                let len = usize::try_from(range_len(*from, *to, *step)).unwrap_or(usize::MAX);
                key.as_int().and_then(|at| index(len, at)).map(|at| Self::Int(from + at as i128 * step))
            }
            (Self::Object(object), key) => object.item(key)?,
            (Self::Lazy(lazy), key) => return lazy.force().at(key),
            _ => None,
        })
    }

    /// What is at a text key of a dict.
    pub fn field(&self, name: &str) -> R<Option<Self>> {
        self.at(&Self::str(name))
    }
}

/// The most items that a range may give: a template is no place to count to a billion.
const MOST_ITEMS: i128 = 5_000_000;

pub fn range_len(from: i128, to: i128, step: i128) -> i128 {
    let span = if step > 0 { to - from } else { from - to };
    let step = step.abs().max(1);
    if span <= 0 { 0 } else { (span + step - 1) / step }
}

pub fn same_items(a: &[Value], b: &[Value]) -> R<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    nested(|| {
        for (a, b) in a.iter().zip(b) {
            if !a.equals(b)? {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

/// How deep lists and dicts may be inside of each other.
const DEEPEST: usize = 500;

thread_local! {
    static DEPTH: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Goes one list or dict deeper. A list that holds itself has no end.
pub fn nested<T>(run: impl FnOnce() -> R<T>) -> R<T> {
    let depth = DEPTH.get();
    if depth > DEEPEST {
        return Err(
            Fault::new("lists and dicts are too deep inside of each other").hint("does one of them hold itself?")
        );
    }
    DEPTH.set(depth + 1);
    let result = run();
    DEPTH.set(depth);
    result
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        // A key holds nothing undefined: comparing it can't fail.
        self.0.equals(&other.0).unwrap_or(false)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Value::Str(text) => text.hash(state),
            Value::Tuple(items) => items.iter().for_each(|item| Self(item.clone()).hash(state)),
            Value::Float(value) if value.fract() == 0.0 && value.abs() < 1e30 => Some(*value as i128).hash(state),
            Value::Float(value) => value.to_bits().hash(state),
            other => other.as_int().hash(state),
        }
    }
}

/// A dict from fields.
pub fn fields<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::dict(fields.into_iter().map(|(name, value)| (Key(Value::str(name)), value)).collect())
}
