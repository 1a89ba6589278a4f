//! What every request can reach.

use std::path::PathBuf;
use std::sync::Arc;

use crate::database::Database;
use crate::faults::Faults;

pub struct App {
    pub database: Database,
    pub faults: Faults,
    /// the folder of the built page
    pub files: PathBuf,
    pub page_port: u16,
    pub api_port: u16,
    /// further origins that the API origin admits
    pub allowed_origins: Vec<String>,
}

pub type Shared = Arc<App>;

/// Which of the two origins a request came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// page, tools, and the API as behind a reverse proxy
    Page,
    /// the API alone, as another origin
    Api,
}

impl Door {
    pub fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Api => "api",
        }
    }
}
