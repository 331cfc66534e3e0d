//! Errors on their way through a script: a [`Failure`] is what `catch (e)` holds.

use rhai::{Dynamic, Engine, EvalAltResult, NativeCallContext, Position};

use super::catalog::last_name;
use super::source::Sources;
use crate::error::{Error, Excerpt, Kind};

/// An error as a script sees it: `e.kind`, `e.host`, `e.step`, `e.message`, `e.details`, `e.hints`. What a command
/// that failed printed is among the details.
#[derive(Clone, Debug)]
pub struct Failure(pub Error);

/// Puts an error on its way through the script. One of interruption can't be caught there.
pub fn raise(error: Error) -> Box<EvalAltResult> {
    let interrupted = error.kind() == Kind::Interrupted;
    let value = Dynamic::from(Failure(error));
    if interrupted {
        EvalAltResult::ErrorTerminated(value, Position::NONE).into()
    } else {
        EvalAltResult::ErrorRuntime(value, Position::NONE).into()
    }
}

/// Puts an error on its way with the place of the call that failed.
pub fn raise_at(context: &NativeCallContext<'_>, sources: &Sources, error: Error) -> Box<EvalAltResult> {
    let located = error.parts().excerpts.iter().any(|excerpt| sources.text(&excerpt.path).is_some());
    let excerpt = context.call_source().and_then(|source| sources.excerpt(source, context.call_position()));
    raise(match excerpt {
        Some(excerpt) if !located => error.at(excerpt),
        _ => error,
    })
}

/// The failure inside a script error, if that is what it is.
pub fn failure_in(error: &EvalAltResult) -> Option<Error> {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
            failure_in(inner)
        }
        EvalAltResult::ErrorRuntime(value, _) | EvalAltResult::ErrorTerminated(value, _) => {
            value.read_lock::<Failure>().map(|failure| failure.0.clone())
        }
        _ => None,
    }
}

/// Whether it is a value that the playbook threw itself (`throw "not yet"`).
pub fn is_thrown(error: &EvalAltResult) -> bool {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
            is_thrown(inner)
        }
        EvalAltResult::ErrorRuntime(..) => true,
        _ => false,
    }
}

/// A script error as the user is told it: with the line, the frames that led there, and what was probably meant.
pub fn explain(error: &EvalAltResult, main: &str, sources: &Sources, functions: &[String], kind: Kind) -> Error {
    let mut frames: Vec<Excerpt> = Vec::new();
    let mut current = main.to_owned();
    let mut inner = error;
    loop {
        match inner {
            EvalAltResult::ErrorInFunctionCall(_, source, deeper, position) => {
                frames.extend(sources.excerpt(&current, *position));
                if !source.is_empty() {
                    current.clone_from(source);
                }
                inner = deeper;
            }
            EvalAltResult::ErrorInModule(path, deeper, position) => {
                frames.extend(sources.excerpt(&current, *position));
                if !path.is_empty() && sources.text(path).is_some() {
                    current.clone_from(path);
                }
                inner = deeper;
            }
            _ => break,
        }
    }
    let place = sources.excerpt(&current, inner.position());
    let explained = match failure_in(inner) {
        Some(failure) if failure.parts().excerpts.is_empty() => located(failure, place),
        Some(failure) => failure,
        None => located(message(inner, functions, kind), place),
    };
    let mut explained = explained;
    for frame in frames.into_iter().rev() {
        let known = explained
            .parts()
            .excerpts
            .iter()
            .any(|excerpt| excerpt.path == frame.path && excerpt.line() == frame.line());
        if !known {
            explained = explained.at(frame.label("called from here"));
        }
    }
    explained
}

fn located(error: Error, place: Option<Excerpt>) -> Error {
    match place {
        Some(place) => error.at(place),
        None => error,
    }
}

fn message(error: &EvalAltResult, functions: &[String], kind: Kind) -> Error {
    match error {
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let called = signature.split([' ', '(']).next().unwrap_or(signature);
            let name = last_name(called);
            let error = Error::new(kind, format!("there is no function {signature}"));
            match [called, name].into_iter().find(|name| functions.iter().any(|function| function == name)) {
                Some(name) => error.hint(format!("`{name}` exists, but takes something else: see `zkmig doc {name}`")),
                None => error.did_you_mean(name, functions.iter().map(String::as_str)),
            }
        }
        EvalAltResult::ErrorVariableNotFound(name, _) => Error::new(kind, format!("there is no variable `{name}`")),
        EvalAltResult::ErrorPropertyNotFound(name, _) => Error::new(kind, format!("there is no property `{name}`"))
            .hint("optional properties are read with `?.` or `map.get(\"name\") ?? default`"),
        EvalAltResult::ErrorTooManyOperations(_) => Error::new(kind, "the script does not come to an end")
            .hint("a loop that waits for a host has to use wait_until(…), which pauses and has a deadline"),
        EvalAltResult::ErrorDataRace(..) => Error::new(kind, "a function uses the variable that it is called on")
            .hint("list.filter(|item| … list …) needs what it uses of `list` in a variable of its own before the call"),
        EvalAltResult::ErrorStackOverflow(_) => Error::new(kind, "functions call each other too deeply")
            .hint("a function that calls itself needs a case in which it doesn't"),
        EvalAltResult::ErrorMismatchDataType(wanted, given, _) => {
            let error = Error::new(kind, format!("this is {given}, and {wanted} is needed"));
            if given.contains("unknown") {
                error.hint("check mode did not run the action that this value comes from")
            } else {
                error
            }
        }
        EvalAltResult::ErrorRuntime(value, _) => Error::new(Kind::Stopped, value.to_string()),
        EvalAltResult::ErrorParsing(error, _) => Error::input(error.to_string()),
        other => {
            let text = other.to_string();
            let text = text.split(" (line ").next().unwrap_or(&text).to_owned();
            Error::new(kind, text)
        }
    }
}

/// Registers what a script can do with a caught error.
pub fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Failure>("error")
        .register_get("kind", |failure: &mut Failure| failure.0.kind().word().to_owned())
        .register_get("message", |failure: &mut Failure| {
            let parts = failure.0.parts();
            parts.causes.iter().fold(parts.message.clone(), |text, cause| format!("{text}: {cause}"))
        })
        .register_get("host", |failure: &mut Failure| text_or_unit(failure.0.parts().host.as_ref()))
        .register_get("step", |failure: &mut Failure| text_or_unit(failure.0.parts().step.as_ref()))
        .register_get("details", |failure: &mut Failure| list(&failure.0.parts().details))
        .register_get("hints", |failure: &mut Failure| list(&failure.0.parts().hints))
        .register_fn("to_string", |failure: &mut Failure| failure.0.to_string())
        .register_fn("to_debug", |failure: &mut Failure| failure.0.to_string());
}

fn text_or_unit(text: Option<&String>) -> Dynamic {
    text.map_or(Dynamic::UNIT, |text| text.clone().into())
}

fn list(texts: &[String]) -> Dynamic {
    texts.iter().cloned().map(Dynamic::from).collect::<rhai::Array>().into()
}
