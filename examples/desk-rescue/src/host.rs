//! The core's ports on a desk: SQLite, the machine's network and clock, locks within this process.

use crate::store::SqliteStore;
use pannier::domain::ids::AccountId;
use pannier::ports::Host;
use pannier::ports::blobs::Blobs;
use pannier::ports::clock::{Clock, Ids};
use pannier::ports::lock::Lock;
use pannier::ports::net::Net as NetPort;
use pannier::profile::http::{Exchange, NetFailure, Request};
use pannier_cli::machine::Machine;
use pannier_cli::net::Net;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

/// A clone is the same desk.
#[derive(Clone)]
pub struct Desk {
    pub store: SqliteStore,
    net: DeskNet,
    clock: DeskClock,
    locks: DeskLocks,
}

impl Desk {
    pub fn new(machine: &Rc<dyn Machine>, store: SqliteStore) -> Self {
        let net = Rc::new(RefCell::new(Net::new(machine, "desk-rescue")));
        Self {
            net: DeskNet {
                net,
                store: store.clone(),
            },
            store,
            clock: DeskClock {
                machine: machine.clone(),
                began: Instant::now(),
            },
            locks: DeskLocks::default(),
        }
    }
}

impl Host for Desk {
    type Store = SqliteStore;
    type Blobs = SqliteStore;
    type Net = DeskNet;
    type Clock = DeskClock;
    type Ids = DeskClock;
    type Lock = DeskLocks;
    fn store(&self) -> &SqliteStore {
        &self.store
    }
    fn blobs(&self) -> &SqliteStore {
        &self.store
    }
    fn net(&self) -> &DeskNet {
        &self.net
    }
    fn clock(&self) -> &DeskClock {
        &self.clock
    }
    fn ids(&self) -> &DeskClock {
        &self.clock
    }
    fn lock(&self) -> &DeskLocks {
        &self.locks
    }
    fn changed(&self, _: u64) {}
}

/// One request after the other: a desk is in no hurry.
#[derive(Clone)]
pub struct DeskNet {
    net: Rc<RefCell<Net>>,
    store: SqliteStore,
}

impl NetPort for DeskNet {
    async fn exchange(&self, account: &AccountId, request: &Request) -> Exchange {
        let mut pictures = BTreeMap::new();
        for handle in request.pictures() {
            if let Ok(Some((_, bytes))) = self.store.bytes(account, handle).await {
                pictures.insert(handle.0.clone(), bytes);
            }
        }
        let mut net = self.net.borrow_mut();
        net.pictures = pictures;
        // Whether anything arrived before it broke is not known: in doubt, whatever it was.
        let answer = net.exchange(request).map_err(|_| NetFailure::Unreachable);
        net.pictures.clear();
        answer
    }
}

#[derive(Clone)]
pub struct DeskClock {
    machine: Rc<dyn Machine>,
    began: Instant,
}

impl Clock for DeskClock {
    fn now_ms(&self) -> i64 {
        self.machine.now_ms()
    }
    fn monotonic_ms(&self) -> f64 {
        self.began.elapsed().as_secs_f64() * 1_000.0
    }
    fn zone_min(&self) -> i64 {
        let east = chrono::Local::now().offset().local_minus_utc();
        i64::from(east / 60)
    }
    async fn sleep(&self, ms: u32) {
        tokio::time::sleep(Duration::from_millis(u64::from(ms))).await;
    }
}

impl Ids for DeskClock {
    fn random(&self) -> [u8; 16] {
        self.machine.chance()
    }
}

/// The store's file is this process's alone, so its locks are, too.
#[derive(Clone, Default)]
pub struct DeskLocks(Rc<RefCell<BTreeMap<String, Arc<Mutex<()>>>>>);

impl DeskLocks {
    fn named(&self, name: &str, anew: bool) -> Arc<Mutex<()>> {
        let mut locks = self.0.borrow_mut();
        if anew {
            locks.remove(name);
        }
        locks.entry(name.to_owned()).or_default().clone()
    }
}

impl Lock for DeskLocks {
    type Guard = OwnedMutexGuard<()>;

    async fn try_acquire(&self, name: &str, steal: bool) -> Option<Self::Guard> {
        self.named(name, steal).try_lock_owned().ok()
    }

    async fn acquire(&self, name: &str, ms: u32) -> Option<Self::Guard> {
        let wait = Duration::from_millis(u64::from(ms));
        let turn = self.named(name, false).lock_owned();
        tokio::time::timeout(wait, turn).await.ok()
    }
}
