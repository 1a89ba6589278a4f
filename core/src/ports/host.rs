//! All ports of one host, bundled.

use super::blobs::Blobs;
use super::clock::{Clock, Ids};
use super::lock::Lock;
use super::net::Net;
use super::store::Store;

pub trait Host {
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
}
