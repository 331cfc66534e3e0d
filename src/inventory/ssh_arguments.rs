//! What inventories may say in arguments of ssh, as options of ssh's configuration.

/// ssh's options from a line of arguments.
pub fn parse(text: &str) -> std::result::Result<Vec<(String, String)>, String> {
    let words = words(text)?;
    let mut words = words.into_iter();
    let mut options = Vec::new();
    while let Some(word) = words.next() {
        let (flag, attached) = word.split_at(word.char_indices().nth(2).map_or(word.len(), |(at, _)| at));
        let plain = match word.as_str() {
            "-A" => Some(("ForwardAgent", "yes")),
            "-C" => Some(("Compression", "yes")),
            "-4" => Some(("AddressFamily", "inet")),
            "-6" => Some(("AddressFamily", "inet6")),
            _ => None,
        };
        if let Some((key, value)) = plain {
            options.push((key.to_owned(), value.to_owned()));
            continue;
        }
        let value = if attached.is_empty() {
            words.next().ok_or_else(|| format!("`{word}` lacks its value"))?
        } else {
            attached.to_owned()
        };
        match flag {
            "-o" => {
                let (key, value) = value
                    .split_once('=')
                    .or_else(|| value.split_once(' '))
                    .ok_or_else(|| format!("`-o {value}` is not `Key=Value`"))?;
                options.push((key.trim().to_owned(), value.trim().to_owned()));
            }
            "-J" => options.push(("ProxyJump".to_owned(), value)),
            _ => return Err(format!("`{word}` is not supported")),
        }
    }
    // One connection a host is kept open here anyway, at a place of its own.
    options.retain(|(key, _)| {
        !["ControlMaster", "ControlPersist", "ControlPath"].iter().any(|own| key.eq_ignore_ascii_case(own))
    });
    // ssh starts another ssh for it, with a shell.
    let jump = |host: &str| {
        let good = |c: char| c.is_alphanumeric() || "._-@:[]%/".contains(c);
        host.chars().all(good) && host.split(['@', '/']).all(|part| !part.starts_with('-'))
    };
    for (_, value) in options.iter().filter(|(key, _)| key.eq_ignore_ascii_case("ProxyJump")) {
        if value.is_empty() || !value.split(',').all(jump) {
            return Err(format!("`{}` is no host to jump over", value.escape_debug()));
        }
    }
    Ok(options)
}

fn words(text: &str) -> std::result::Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote does not end".to_owned());
    }
    words.extend(word);
    Ok(words)
}
