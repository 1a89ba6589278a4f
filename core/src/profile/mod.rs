//! The backend profile: one JSON document that says how the company's existing backend is spoken
//! to. Data only: this module reads it, checks it, builds requests from it and judges answers.
//!
//! Read a document ([`read`]), fill a request from a context ([`request`], [`value`], [`functions`], [`date`], [`url`]),
//! judge what came back ([`mod@judge`], [`mod@test`]), map a route into our words ([`route`]).

pub mod date;
pub mod document;
pub mod functions;
pub mod http;
pub mod judge;
pub mod packs;
pub mod read;
pub mod request;
pub mod route;
pub mod test;
pub mod url;
pub mod value;

pub use document::Profile;
pub use read::{Mistake, ProfileError};
