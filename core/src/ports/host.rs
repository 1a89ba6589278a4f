//! All ports of one host, bundled.

use super::blobs::Blobs;
use super::clock::{Clock, Ids};
use super::lock::Lock;
use super::net::Net;
use super::store::Store;
use crate::engine::handed::{Upload, UploadReport};
use crate::engine::session::Origin;
use serde_json::{Map, Value};

/// What a host that signs in by its own means has to say.
#[derive(Clone, PartialEq)]
pub enum HostToken {
    /// `$credentials` for the profile's sign-in
    Given(Map<String, Value>),
    /// the person has to sign in again
    Refused,
    /// there is no host to ask here, as in a service worker, or it could not say now
    Absent,
}

pub trait Host {
    /// Whether there may be an operating system that takes requests to send. Where there is none for
    /// good, as in a browser, what hands over and takes answers is not even compiled.
    const HANDS_OVER: bool = true;
    type Store: Store;
    type Blobs: Blobs;
    type Net: Net;
    type Clock: Clock;
    type Ids: Ids;
    type Lock: Lock;
    fn store(&self) -> &Self::Store;
    fn blobs(&self) -> &Self::Blobs;
    fn net(&self) -> &Self::Net;
    fn clock(&self) -> &Self::Clock;
    fn ids(&self) -> &Self::Ids;
    fn lock(&self) -> &Self::Lock;
    /// Something changed: whoever shows it should read again. Only a hint.
    fn changed(&self, revision: u64);
    #[allow(async_fn_in_trait)]
    async fn token(&self) -> HostToken {
        HostToken::Absent
    }
    /// Names of the functions that the host lends to profiles.
    fn functions(&self) -> Vec<String> {
        vec![]
    }
    /// Calls one of them. `None`: it failed.
    #[allow(async_fn_in_trait)]
    async fn call(&self, _function: &str, _given: Value) -> Option<Value> {
        None
    }
    /// Gives the operating system requests to send while nothing of ours runs: each lane in its
    /// order, the next only after a yes ([`Upload`]). Kept over the end of the process once this
    /// has returned; what could not be given is simply not known later.
    #[allow(async_fn_in_trait)]
    async fn hand_over(&self, _uploads: &[Upload]) {}
    /// How everything stands that was given and not forgotten yet. `None`: the system does not
    /// answer now.
    #[allow(async_fn_in_trait)]
    async fn handed(&self) -> Option<Vec<UploadReport>> {
        Some(vec![])
    }
    /// These are done with: what was not sent yet will not be.
    #[allow(async_fn_in_trait)]
    async fn forget(&self, _ids: Vec<String>) {}
    /// Asks our own origin, past every cache, whether it is there; `backend` is the address that it
    /// is asked beside.
    #[allow(async_fn_in_trait)]
    async fn origin(&self, _backend: &str) -> Origin {
        Origin::Unasked
    }
    /// What runs the core here, for the record of wakes.
    fn context(&self) -> &'static str {
        "page"
    }
}
