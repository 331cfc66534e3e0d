//! `zkmig.toml`.

use std::path::Path;
use std::sync::Arc;

use toml_edit::{Document, Item, Value as Toml};

use super::{Config, SETTINGS, Setting, Takes, Value, at_home};
use crate::error::{Error, Excerpt, Result};

/// Takes what the file says. Paths in it are those of its folder.
pub fn read(config: &mut Config, path: &Path) -> Result<()> {
    let shown = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|error| Error::input(format!("can't read {shown}")).caused_by(error))?;
    let text: Arc<str> = text.into();
    let document = Document::parse(text.to_string()).map_err(|error| {
        let span = error.span().unwrap_or(text.len()..text.len());
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        Error::input(format!("this is not TOML: {message}")).at(Excerpt::new(&shown, Arc::clone(&text), span))
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for (key, item) in document.as_table() {
        let place = document.as_table().key(key).and_then(|key| key.span()).unwrap_or_default();
        let excerpt = Excerpt::new(&shown, Arc::clone(&text), place);
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == key) else {
            let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
            return Err(Error::input(format!("there is no setting `{key}`"))
                .at(excerpt)
                .did_you_mean(key, names.iter().copied())
                .hint(format!("the settings are {}", names.join(", "))));
        };
        let from = format!("{shown}:{}", excerpt.line());
        let value = value(setting, item, folder).ok_or_else(|| {
            let wanted = match setting.takes {
                Takes::Paths(_) => "a path or a list of paths".to_owned(),
                Takes::Path => "a path".to_owned(),
                Takes::Text => "a text".to_owned(),
                Takes::Count(most) => format!("a number from 1 to {most}"),
                Takes::Flag => "true or false".to_owned(),
                Takes::Choice(choices) => format!("one of {}", choices.join(", ")),
            };
            Error::input(format!("`{key}` has to be {wanted}")).at(excerpt)
        })?;
        config.set(setting.name, value, from);
    }
    Ok(())
}

fn value(setting: &Setting, item: &Item, folder: &Path) -> Option<Value> {
    match (setting.takes, item.as_value()?) {
        (Takes::Paths(_), Toml::String(path)) => Some(Value::Paths(vec![named(setting, folder, path.value())])),
        (Takes::Paths(_), Toml::Array(paths)) => {
            let paths = paths.iter().map(|path| path.as_str().map(|path| named(setting, folder, path)));
            paths.collect::<Option<_>>().map(Value::Paths)
        }
        (Takes::Path | Takes::Text | Takes::Choice(_), Toml::String(text)) => setting.parse(text.value(), folder).ok(),
        (Takes::Count(_), Toml::Integer(count)) => setting.parse(&count.value().to_string(), folder).ok(),
        (Takes::Flag, Toml::Boolean(flag)) => Some(Value::Flag(*flag.value())),
        _ => None,
    }
}

/// A path as the file names it; a list of hosts such as `a,b,` is none.
fn named(setting: &Setting, folder: &Path, path: &str) -> std::path::PathBuf {
    if setting.name == "inventory" && path.contains(',') { path.into() } else { at_home(folder, path) }
}
