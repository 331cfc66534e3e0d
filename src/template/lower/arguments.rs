//! Arguments that are written out: whether a filter or a test takes them, told before anything runs.

use std::rc::Rc;

use minijinja::machinery::ast::{CallArg, Expr};

use crate::template::fault::R;
use crate::template::object::Call;
use crate::template::value::Value;
use crate::template::{filters, tests};

/// Fails where a filter can't take what it is given.
pub fn of_filter(name: &str, args: &[CallArg<'_>]) -> R<()> {
    let Some(call) = shape(args) else { return Ok(()) };
    filters::fits(name, call.clone())?;
    let first = text(args, 0);
    match (filters::plain(name), first, text(args, 1)) {
        // They name another filter or test, which is given the rest.
        ("map", Some(inner), _) => {
            filters::known(inner)?;
            filters::fits(inner, behind(call, 1))
        }
        ("select" | "reject", Some(inner), _) => of_inner_test(inner, behind(call, 1)),
        ("selectattr" | "rejectattr", _, Some(inner)) => of_inner_test(inner, behind(call, 2)),
        ("hash", kind, _) => kind.or_else(|| named(args, "hashtype")).map_or(Ok(()), filters::known_hash),
        _ => Ok(()),
    }
}

/// Fails where a test can't take what it is given.
pub fn of_test(name: &str, args: &[CallArg<'_>]) -> R<()> {
    shape(args).map_or(Ok(()), |call| tests::fits(name, call))
}

fn of_inner_test(name: &str, call: Call) -> R<()> {
    tests::known(name)?;
    tests::fits(name, call)
}

/// The call with how many arguments it has and their names; their values don't matter. None where a list is spread over
/// them, whose length nobody knows.
fn shape(args: &[CallArg<'_>]) -> Option<Call> {
    let mut call = Call::default();
    for arg in args {
        match arg {
            CallArg::Pos(_) => call.positional.push(Value::None),
            CallArg::Kwarg(name, _) => call.named.push((Rc::from(*name), Value::None)),
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => return None,
        }
    }
    Some(call)
}

fn behind(mut call: Call, count: usize) -> Call {
    call.positional.drain(..count);
    call
}

/// The text that is written out at a place.
fn text<'a>(args: &'a [CallArg<'_>], at: usize) -> Option<&'a str> {
    let mut positional = args.iter().filter_map(|arg| if let CallArg::Pos(value) = arg { Some(value) } else { None });
    literal(positional.nth(at)?)
}

fn named<'a>(args: &'a [CallArg<'_>], name: &str) -> Option<&'a str> {
    args.iter().find_map(|arg| match arg {
        CallArg::Kwarg(known, value) if *known == name => literal(value),
        _ => None,
    })
}

fn literal<'a>(value: &'a Expr<'_>) -> Option<&'a str> {
    if let Expr::Const(constant) = value { constant.value.as_str() } else { None }
}
