//! The option that names folders of shared libraries.

use std::path::PathBuf;

use crate::config::{Config, Value};

/// The folders of shared libraries.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct LibraryArgs {
    /// A folder of shared libraries: what is not beside the importing file is looked for there. May be given several times;
    /// those of ZKMIG_LIBRARY and of zkmig.toml come after these
    #[arg(short = 'L', long = "library", value_name = "DIR")]
    library: Vec<PathBuf>,
}

impl LibraryArgs {
    /// Tells the settings what the command line says.
    pub fn say(&self, config: &mut Config) {
        if !self.library.is_empty() {
            config.set("library", Value::Paths(self.library.clone()), "-L".to_owned());
        }
    }

    /// The folders, the first that is looked in first.
    pub fn folders(&self, mut config: Config) -> Vec<PathBuf> {
        self.say(&mut config);
        config.paths("library")
    }
}
