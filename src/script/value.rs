//! Values on their way between scripts and the rest: JSON, and the value that check mode does not know.

use rhai::{Array, Dynamic, Engine, EvalAltResult, Map, Position};
use serde_json::Value;

use super::failure::raise;
use crate::error::{Error, Result};

/// The result of an action that check mode did not run. Its properties are unknown too; deciding by it is an error that
/// names what it comes from.
#[derive(Clone, Debug)]
pub struct Unknown {
    /// The effect that would have given it.
    pub origin: String,
    /// The step that would have given it, where it was left out.
    step: Option<String>,
}

/// A JSON value as a script has it.
pub fn from_json(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => integer.into(),
            (None, Some(float)) => float.into(),
            (None, None) => number.to_string().into(),
        },
        Value::String(text) => text.clone().into(),
        Value::Array(items) => items.iter().map(from_json).collect::<Array>().into(),
        Value::Object(fields) => {
            fields.iter().map(|(key, field)| (key.as_str().into(), from_json(field))).collect::<Map>().into()
        }
    }
}

/// A script's value as JSON. Functions, hosts and unknown values have no such form.
pub fn to_json(value: &Dynamic) -> Result<Value> {
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(value) = value.as_bool() {
        return Ok(Value::Bool(value));
    }
    if let Ok(value) = value.as_int() {
        return Ok(Value::from(value));
    }
    if let Ok(value) = value.as_float() {
        if !value.is_finite() {
            return Err(Error::input(format!("{value} can't be used here")).hint("a number has to be finite"));
        }
        return Ok(Value::from(value));
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(Value::String(text.to_string()));
    }
    if let Ok(value) = value.as_char() {
        return Ok(Value::String(value.to_string()));
    }
    if let Ok(items) = value.as_array_ref() {
        return items.iter().map(to_json).collect::<Result<_>>().map(Value::Array);
    }
    if let Ok(fields) = value.as_map_ref() {
        let fields = fields.iter().map(|(key, field)| Ok((key.to_string(), to_json(field)?)));
        return fields.collect::<Result<_>>().map(Value::Object);
    }
    if let Some(unknown) = value.read_lock::<Unknown>() {
        return Err(unknown.error());
    }
    if let Some(vars) = value.read_lock::<super::variables::Vars>() {
        return vars.json().map(Value::Object);
    }
    if let Some(host) = value.read_lock::<super::api::host::Host>() {
        return Ok(Value::String(host.0.name.clone()));
    }
    Err(Error::input(format!("a value of type {} can't be used here", value.type_name()))
        .hint("texts, numbers, true and false, lists and maps can"))
}

impl Unknown {
    /// What an action would have given that check mode did not run.
    pub fn not_run(origin: String) -> Self {
        Self { origin, step: None }
    }

    /// What a step would have given that was left out.
    pub fn left_out(step: &str) -> Self {
        Self { origin: format!("step \"{step}\""), step: Some(step.to_owned()) }
    }

    /// The error of deciding by it.
    pub fn error(&self) -> Error {
        if let Some(step) = &self.step {
            return Error::input(format!("what step \"{step}\" gives is needed here, and --from-step left it out"))
                .hint("start without --from-step: what is done already is seen on the hosts")
                .hint(
                    "`zkmig resume RUN --from-step NAME` has the results of the earlier steps from the run's record",
                );
        }
        Error::stopped(format!("check mode does not know the result of {}, which it did not run", self.origin))
            .hint("everything up to here is predicted; from here on only a real run can tell")
            .hint("a command that only looks runs in check mode too when it says so: run(…, #{ read_only: true })")
    }
}

type Refusal = std::result::Result<bool, Box<EvalAltResult>>;

/// Registers the type [`Unknown`]: every way of deciding by it is an error.
pub fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Unknown>("unknown")
        .register_indexer_get(|unknown: &mut Unknown, _: &str| -> std::result::Result<Unknown, Box<EvalAltResult>> {
            // Check mode goes on as long as nothing is decided by it; a run for real has no use for what nobody knows.
            if unknown.step.is_some() { Err(raise(unknown.error())) } else { Ok(unknown.clone()) }
        })
        .register_fn("to_string", |unknown: &mut Unknown| format!("(unknown until {} has run)", unknown.origin))
        .register_fn("to_debug", |unknown: &mut Unknown| format!("(unknown until {} has run)", unknown.origin))
        .register_fn("!", |unknown: Unknown| -> Refusal { Err(raise(unknown.error())) });
    for operator in ["==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "contains"] {
        engine
            .register_fn(operator, |left: Unknown, _: Dynamic| -> Refusal { Err(raise(left.error())) })
            .register_fn(operator, |_: Dynamic, right: Unknown| -> Refusal { Err(raise(right.error())) })
            .register_fn(operator, |left: Unknown, _: Unknown| -> Refusal { Err(raise(left.error())) });
    }
}

/// A value as one line for a person.
pub fn shown(value: &Dynamic) -> String {
    if value.is_unit() {
        return "—".to_owned();
    }
    value.to_string()
}

/// Runtime error text for a script value of the wrong type.
pub fn wrong_type(name: &str, wanted: &str, given: &Dynamic) -> Box<EvalAltResult> {
    if let Some(unknown) = given.read_lock::<Unknown>() {
        return raise(unknown.error());
    }
    EvalAltResult::ErrorRuntime(
        Dynamic::from(super::failure::Failure(Error::input(format!(
            "{name} has to be {wanted}, and this is {}",
            given.type_name()
        )))),
        Position::NONE,
    )
    .into()
}
