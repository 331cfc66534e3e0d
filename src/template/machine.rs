//! This machine's users, as templates and lookups ask for them.

/// The name of a user id.
pub fn user_name(id: u32) -> Option<String> {
    entry(|fields| fields.get(2) == Some(&id.to_string().as_str())).and_then(|fields| fields.first().cloned())
}

/// The home of a user.
pub fn home_of(user: &str) -> Option<String> {
    entry(|fields| fields.first() == Some(&user)).and_then(|fields| fields.get(5).cloned())
}

fn entry(is: impl Fn(&[&str]) -> bool) -> Option<Vec<String>> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut lines = users.lines().map(|line| line.split(':').collect::<Vec<&str>>());
    let fields = lines.find(|fields| is(fields))?;
    Some(fields.into_iter().map(str::to_owned).collect())
}
