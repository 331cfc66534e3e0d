//! Ranges in host names: `m[01:05]`, `10.10.0.[104:106]`, `rack-[a:c]-[1:9:2]`.

/// The most hosts that one name may stand for.
pub const MOST: usize = 10_000;

/// The names that a name with ranges stands for, in order; the error says what is wrong with it.
pub fn expand(name: &str) -> Result<Vec<String>, String> {
    let Some(open) = name.find('[') else {
        return if name.contains(']') { Err("a `]` without its `[`".to_owned()) } else { Ok(vec![name.to_owned()]) };
    };
    let close = name[open..].find(']').map(|at| open + at).ok_or("a `[` without its `]`")?;
    let (head, body, tail) = (&name[..open], &name[open + 1..close], &name[close + 1..]);
    let parts: Vec<&str> = body.split(':').collect();
    let (from, to, step) = match parts.as_slice() {
        [from, to] => (*from, *to, 1),
        [from, to, step] => (
            *from,
            *to,
            step.parse::<usize>().ok().filter(|step| *step > 0).ok_or("the step of a range is a number from 1")?,
        ),
        _ => return Err(format!("`[{body}]` is not a range such as `[01:05]`")),
    };
    let middles = numbers(from, to, step).or_else(|| letters(from, to, step)).ok_or_else(|| {
        format!("`[{body}]` is not a range such as `[01:05]` or `[a:e]`: its ends have to be two numbers or two letters, the lower first")
    })?;
    let tails = expand(tail)?;
    if middles.len().saturating_mul(tails.len()) > MOST {
        return Err(format!("it stands for more than {MOST} hosts"));
    }
    Ok(middles.iter().flat_map(|middle| tails.iter().map(move |tail| format!("{head}{middle}{tail}"))).collect())
}

fn numbers(from: &str, to: &str, step: usize) -> Option<Vec<String>> {
    let digits = |text: &str| !text.is_empty() && text.len() < 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(from) || !digits(to) {
        return None;
    }
    let (first, last) = (from.parse::<usize>().ok()?, to.parse::<usize>().ok()?);
    // A leading zero gives all the numbers the width of the first.
    let width = if from.len() > 1 && from.starts_with('0') { from.len() } else { 0 };
    // One more than the most is enough to be refused.
    (first <= last)
        .then(|| (first..=last).step_by(step).take(MOST + 1).map(|number| format!("{number:0width$}")).collect())
}

fn letters(from: &str, to: &str, step: usize) -> Option<Vec<String>> {
    let letter = |text: &str| {
        let mut chars = text.chars();
        chars.next().filter(|c| c.is_ascii_alphabetic() && chars.next().is_none())
    };
    let (first, last) = (letter(from)?, letter(to)?);
    let same_case = first.is_ascii_lowercase() == last.is_ascii_lowercase();
    (same_case && first <= last).then(|| (first..=last).step_by(step).map(String::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(name: &str) -> Vec<String> {
        expand(name).unwrap_or_else(|error| vec![error])
    }

    #[test]
    fn ranges_stand_for_names() {
        assert_eq!(names("m1"), ["m1"]);
        assert_eq!(names("10.10.0.[104:106]"), ["10.10.0.104", "10.10.0.105", "10.10.0.106"]);
        assert_eq!(names("m[08:10]"), ["m08", "m09", "m10"]);
        assert_eq!(names("m[1:9:4]"), ["m1", "m5", "m9"]);
        assert_eq!(names("[a:b][1:2].x"), ["a1.x", "a2.x", "b1.x", "b2.x"]);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for wrong in ["m[1:2", "m]", "m[1]", "m[2:1]", "m[a:9]", "m[a:C]", "m[1:2:0]", "m[1:99999]", "[1:999][1:999]"] {
            assert!(expand(wrong).is_err(), "{wrong}");
        }
    }
}
