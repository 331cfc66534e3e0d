//! Ranges in host names: `m[01:05]`, `10.10.0.[104:106]`, `rack-[a:c]-[1:9:2]`.

/// The most hosts that an inventory may have, and one name may stand for.
pub const MOST: usize = 100_000;

/// The order of letters in ranges: `[y:B]` is y, z, A, B.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The names that a name with ranges stands for, in order; the error says what is wrong with it.
pub fn expand(name: &str) -> Result<Vec<String>, String> {
    let Some(open) = name.find('[') else { return Ok(vec![name.to_owned()]) };
    let close = name.find(']').filter(|close| *close > open).ok_or("a `[` without its `]`")?;
    let (head, body, tail) = (&name[..open], &name[open + 1..close], &name[close + 1..]);
    let no_range = || format!("`[{body}]` is not a range such as `[01:05]` or `[a:e]`");
    let parts: Vec<&str> = body.split(':').collect();
    let (from, to, step) = match parts.as_slice() {
        [from, to] => (*from, *to, 1),
        [from, to, step] => {
            let step = step.parse::<usize>().ok().filter(|step| *step > 0);
            (*from, *to, step.ok_or("the step of a range is a number from 1")?)
        }
        _ => return Err(no_range()),
    };
    let from = if from.is_empty() { "0" } else { from };
    if to.is_empty() {
        return Err(format!("`[{body}]` lacks its end"));
    }
    let middles = match (LETTERS.find(from), LETTERS.find(to)) {
        (Some(first), Some(last)) if first <= last => {
            LETTERS[first..=last].chars().step_by(step).map(String::from).collect()
        }
        (Some(_), Some(_)) => return Err(format!("`[{body}]` has to name the lower end first")),
        _ => numbers(from, to, step).ok_or_else(no_range)??,
    };
    let tails = expand(tail)?;
    if middles.len().saturating_mul(tails.len()) > MOST {
        return Err(format!("it stands for more than {MOST} hosts"));
    }
    Ok(middles.iter().flat_map(|middle| tails.iter().map(move |tail| format!("{head}{middle}{tail}"))).collect())
}

fn numbers(from: &str, to: &str, step: usize) -> Option<Result<Vec<String>, String>> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.len() < 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse::<usize>().ok() } else { None }
    };
    let (first, last) = (number(from)?, number(to)?);
    // A leading zero gives all the numbers the width of the first.
    let width = if from.len() > 1 && from.starts_with('0') { from.len() } else { 0 };
    if width > 0 && width != to.len() {
        return Some(Err(format!("`[{from}:{to}]` has ends of different widths: a leading zero asks for one width")));
    }
    if first > last {
        return Some(Err(format!("`[{from}:{to}]` has to name the lower end first")));
    }
    // One more than the most is enough to be refused.
    let all = (first..=last).step_by(step).take(MOST + 1);
    Some(Ok(all.map(|number| format!("{number:0width$}")).collect()))
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
        assert_eq!(names("m[:2]"), ["m0", "m1", "m2"]);
        assert_eq!(names("m[1:9:4]"), ["m1", "m5", "m9"]);
        assert_eq!(names("[a:b][1:2].x"), ["a1.x", "a2.x", "b1.x", "b2.x"]);
        assert_eq!(names("m[y:B]"), ["my", "mz", "mA", "mB"]);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        let wrong = ["m[1:2", "m[1]", "m[2:1]", "m[a:9]", "m[C:a]", "m[1:2:0]", "m[1:999999]", "m[01:100]", "m[1:]"];
        for wrong in wrong.into_iter().chain(["[1:999][1:999]"]) {
            assert!(expand(wrong).is_err(), "{wrong}");
        }
    }
}
