//! What every request can reach.

use std::path::PathBuf;
use std::sync::Arc;

use pannier_push::Relay;

use crate::database::Database;
use crate::faults::Faults;

pub struct App {
    pub database: Database,
    pub faults: Faults,
    /// the folder of the built page
    pub files: PathBuf,
    /// wakes phones; see `push`
    pub push: Arc<Relay>,
    /// further origins that the API origin admits
    pub allowed_origins: Vec<String>,
}

pub type Shared = Arc<App>;

/// Where page and API are, seen from where a request came in: this machine, or the network.
#[derive(Clone, Copy, Debug)]
pub struct Origins {
    /// `http` or `https`
    pub scheme: &'static str,
    pub page_port: u16,
    pub api_port: u16,
}

impl Origins {
    /// The page's origin under that host name.
    pub fn page(&self, host: &str) -> String {
        format!("{}://{host}:{}", self.scheme, self.page_port)
    }

    /// The second origin under that host name.
    pub fn api(&self, host: &str) -> String {
        format!("{}://{host}:{}", self.scheme, self.api_port)
    }
}

/// Which of the origins a request came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// page, tools, and the API as behind a reverse proxy
    Page,
    /// the API alone, as another origin
    Api,
    /// on the network and by plain http: how to trust the certificate of the others, and it alone
    Trust,
}

impl Door {
    pub fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Api => "api",
            Self::Trust => "trust",
        }
    }
}
