//! The option that names folders of shared libraries.

use std::path::PathBuf;

/// The folders of shared libraries.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct LibraryArgs {
    /// A folder of shared libraries: what is not beside the importing file is looked for there. May be given several times;
    /// those of ZKMIG_LIBRARY come after these
    #[arg(short = 'L', long = "library", value_name = "DIR")]
    library: Vec<PathBuf>,
}

impl LibraryArgs {
    /// The folders, the first that is looked in first.
    pub fn folders(&self) -> Vec<PathBuf> {
        let named = std::env::var_os("ZKMIG_LIBRARY").unwrap_or_default();
        let named = std::env::split_paths(&named).filter(|folder| !folder.as_os_str().is_empty());
        self.library.iter().cloned().chain(named).collect()
    }
}
