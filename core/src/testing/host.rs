//! A whole device in memory; a second one on the same store and lock is a second tab.

use super::clock::{SeededIds, TestClock};
use super::memory::{MemoryLock, MemoryStore};
use super::net::TestNet;
use super::system::System;
use crate::engine::handed::{Upload, UploadReport};
use crate::engine::session::Origin;
use crate::ports::Host;
use crate::ports::host::HostToken;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A function of the host, by its name.
pub type Functions = Vec<(String, Box<dyn Fn(Value) -> Option<Value>>)>;

pub struct TestHost {
    pub store: MemoryStore,
    pub net: TestNet,
    pub clock: TestClock,
    pub ids: SeededIds,
    pub lock: MemoryLock,
    /// what the host says when it is asked for a token
    pub token: Rc<RefCell<HostToken>>,
    /// what the host lends to profiles; each has its own in every context
    pub functions: RefCell<Functions>,
    /// what goes on when no context runs
    pub system: System,
    /// what our own origin says when it is asked
    pub origin: Rc<Cell<Origin>>,
    pub name: &'static str,
}

impl TestHost {
    pub fn new(clock: &TestClock, net: &TestNet, seed: u64) -> Self {
        Self {
            store: MemoryStore::default(),
            net: net.clone(),
            clock: clock.clone(),
            ids: SeededIds::new(seed),
            lock: MemoryLock::new(clock),
            token: Rc::new(RefCell::new(HostToken::Absent)),
            functions: RefCell::default(),
            system: System::default(),
            origin: Rc::default(),
            name: "page",
        }
    }
    pub fn tab(&self, seed: u64) -> Self {
        self.context(seed, 0)
    }
    /// A page, a tab or a worker of its own number, by which the twins tell it from others.
    pub fn context(&self, seed: u64, context: u32) -> Self {
        Self {
            store: self.store.of(context),
            net: self.net.of(context),
            clock: self.clock.clone(),
            ids: SeededIds::new(seed),
            lock: self.lock.of(context),
            token: self.token.clone(),
            functions: RefCell::default(),
            system: self.system.clone(),
            origin: self.origin.clone(),
            name: self.name,
        }
    }
}

impl Host for TestHost {
    type Store = MemoryStore;
    type Blobs = MemoryStore;
    type Net = TestNet;
    type Clock = TestClock;
    type Ids = SeededIds;
    type Lock = MemoryLock;
    fn store(&self) -> &MemoryStore {
        &self.store
    }
    fn blobs(&self) -> &MemoryStore {
        &self.store
    }
    fn net(&self) -> &TestNet {
        &self.net
    }
    fn clock(&self) -> &TestClock {
        &self.clock
    }
    fn ids(&self) -> &SeededIds {
        &self.ids
    }
    fn lock(&self) -> &MemoryLock {
        &self.lock
    }
    fn changed(&self, _: u64) {}
    async fn token(&self) -> HostToken {
        self.token.borrow().clone()
    }
    fn functions(&self) -> Vec<String> {
        let functions = self.functions.borrow();
        functions.iter().map(|(name, _)| name.clone()).collect()
    }
    async fn call(&self, function: &str, given: Value) -> Option<Value> {
        let functions = self.functions.borrow();
        let (_, found) = functions.iter().find(|(name, _)| name == function)?;
        found(given)
    }
    async fn hand_over(&self, uploads: &[Upload]) {
        self.system.take(uploads);
    }
    async fn handed(&self) -> Option<Vec<UploadReport>> {
        self.system.told()
    }
    async fn forget(&self, ids: Vec<String>) {
        self.system.forget(&ids);
    }
    async fn origin(&self, _: &str) -> Origin {
        self.origin.get()
    }
    fn context(&self) -> &'static str {
        self.name
    }
}
