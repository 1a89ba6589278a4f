//! The driver: loads the part of the store that an input concerns, lets the engine step, commits,
//! and only then runs the effects. A failed commit runs none; a stale one is stepped again.
//!
//! This file opens and reads; [`super::recording`] records and does what a person asks,
//! [`super::drain`] sends, [`super::session`] signs in and fetches the route, [`super::views`] shows.

use super::clock::Clock;
use super::drain::WakeReason;
use super::error::{CoreError, CoreFault};
use super::host::Host;
use super::net::Net;
use super::pace::Pace;
use super::records::{self, Unreadable};
use super::store::{
    Begun, Commit, Committed, Durability, Envelope, Key, Query, Record, Store, StoreError, Table,
};
use crate::domain::dictionary::Dictionary;
use crate::domain::ids::{AccountId, LaneId, ProfileRevision};
use crate::domain::json::{FromJson, ToJson};
use crate::domain::operation::Operation;
use crate::engine::change::{Change, EntityKey, Seen, WakeRecord};
use crate::engine::lane::Lane;
use crate::engine::session::Session;
use crate::profile::document::Profile;
use crate::profile::http::{Exchange, Request};
use crate::profile::read::read;
use serde_json::{Map, Value};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

pub(super) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// How often a step is taken again because someone else was first.
pub(super) const STALE_MAX: u32 = 16;

pub struct Driver<H: Host> {
    pub host: H,
    profile: RefCell<Rc<Profile>>,
    /// older revisions that operations under way are pinned to
    pinned: RefCell<Vec<Rc<Profile>>>,
    servers: Dictionary<String, String>,
    secrets: Dictionary<String, String>,
    pub(super) pace: RefCell<Pace>,
    whose: RefCell<AccountId>,
    /// the sign-in as it was last read: it is asked for all the time and hardly changes
    signed: RefCell<Option<Seen<Session>>>,
    pub(super) draining: Cell<bool>,
    /// why another drain was asked for while one ran
    pub(super) wanted: Cell<Option<WakeReason>>,
    /// when the first of what settled can be counted again, as far as the last drain saw
    pub(super) count_due: Cell<Option<i64>>,
    /// a count has renewed the token, and none was answered since
    pub(super) count_renewed: Cell<bool>,
    /// when this context last looked for what nobody needs any more
    pub(super) tidied_at: Cell<i64>,
    /// what the operating system was given and lost was looked for
    pub(super) found_lost: Cell<bool>,
    /// the app leaves the screen: nothing more is begun here
    pub(super) leaving: Cell<bool>,
    /// the page is not seen: nothing long is begun
    hidden: Cell<bool>,
    /// how much the storage held when the host last heard of it, for the record of wakes
    pub used: Cell<Option<u64>>,
    /// where the jitter stands; 0: none was drawn yet
    pub(super) jitter: Cell<u32>,
    /// what this context's last wake left on record
    pub(super) last_wake: RefCell<Option<WakeRecord>>,
}

/// Somebody else is current than was thought.
pub(super) struct Another;

#[derive(Clone, ToJson, FromJson)]
struct Current {
    account: AccountId,
}

/// The profile as it is stored for the worker, with the addresses the host gave.
#[derive(Clone, PartialEq, ToJson, FromJson)]
struct StoredProfile {
    document: String,
    servers: Dictionary<String, String>,
    #[json(default)]
    secrets: Dictionary<String, String>,
}

fn device(name: &str) -> Key {
    Key::new("").text(name)
}

/// Who is current on this device.
pub(super) fn current_query() -> Query {
    Query::One(Table::Session, device("current"))
}

impl<H: Host> Driver<H> {
    /// Opens with a profile document, or with the one stored last.
    ///
    /// # Errors
    /// The profile's mistakes by name; `profile_missing`; the store's failures.
    pub async fn open(
        host: H,
        document: Option<String>,
        servers: Dictionary<String, String>,
        secrets: Dictionary<String, String>,
    ) -> Result<Self, CoreError> {
        let told = !servers.is_empty();
        let stored = host
            .store()
            .read(&[Query::One(Table::Profiles, device("current"))])
            .await?;
        let stored = records::value::<StoredProfile>(&stored.concat());
        let given = |new: Dictionary<String, String>, old: &Dictionary<String, String>| {
            // A host that could not ask for its addresses goes on with those it had.
            if new.is_empty() { old.clone() } else { new }
        };
        let (now, fresh) = match (document, stored) {
            (Some(document), Some(stored)) => {
                let now = StoredProfile {
                    document,
                    servers: given(servers, &stored.servers),
                    secrets: given(secrets, &stored.secrets),
                };
                let fresh = now != *stored;
                (now, fresh)
            }
            (Some(document), None) => {
                let now = StoredProfile {
                    document,
                    servers,
                    secrets,
                };
                (now, true)
            }
            (None, Some(stored)) => (*stored, false),
            (None, None) => {
                return Err(CoreFault::new(
                    "profile_missing",
                    "no backend profile was given and none is stored",
                ));
            }
        };
        let mut profile = read(&now.document)?;
        let unknown = with_servers(&mut profile, &now.servers);
        // Those of an earlier document may have names that this one no longer has.
        if let Some(name) = unknown.filter(|_| told) {
            return Err(CoreFault::new(
                "server_unknown",
                format!("the profile has no server named {name}"),
            ));
        }
        if let Some(name) = profile
            .secrets
            .iter()
            .find(|name| !now.secrets.contains_key(name.as_str()))
        {
            return Err(CoreFault::new(
                "secret_missing",
                format!("the profile needs the secret {name}, and the host did not give it"),
            ));
        }
        if fresh {
            let stored = records::seal("profile", &now);
            let mut commit = Commit::new(Durability::Strict);
            let by_revision = device(&format!("revision/{}", profile.revision));
            commit
                .puts
                .push((Table::Profiles, device("current"), stored.clone()));
            commit.puts.push((Table::Profiles, by_revision, stored));
            match host.store().commit(commit).await {
                // A newer core's store is read-only here, and still worth opening.
                Ok(_) | Err(StoreError::Newer { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self {
            host,
            profile: RefCell::new(Rc::new(profile)),
            pinned: RefCell::default(),
            servers: now.servers,
            secrets: now.secrets,
            pace: RefCell::default(),
            whose: RefCell::default(),
            signed: RefCell::default(),
            draining: Cell::new(false),
            wanted: Cell::new(None),
            count_due: Cell::new(None),
            count_renewed: Cell::new(false),
            tidied_at: Cell::new(0),
            found_lost: Cell::new(false),
            leaving: Cell::new(false),
            hidden: Cell::new(false),
            used: Cell::default(),
            jitter: Cell::new(0),
            last_wake: RefCell::default(),
        })
    }

    /// Whether the page is seen. A hidden one finishes what is on its way and begins nothing long:
    /// iOS stops it within seconds.
    pub fn seen(&self, seen: bool) {
        self.hidden.set(!seen);
    }

    pub(super) fn hidden(&self) -> bool {
        self.hidden.get()
    }

    pub(super) fn secrets(&self) -> Value {
        let mut out = Map::new();
        for (name, text) in &self.secrets {
            out.insert(name.clone(), Value::String(text.clone()));
        }
        Value::Object(out)
    }

    pub fn profile(&self) -> Rc<Profile> {
        self.profile.borrow().clone()
    }

    /// The older profile that an operation goes out under; `None`: today's.
    pub(super) fn pinned_to(&self, op: &Operation) -> Option<ProfileRevision> {
        let today = self.profile();
        op.profile.clone().filter(|r| *r != today.revision)
    }

    /// The profile an operation goes out under: the one it is pinned to, or today's.
    pub(super) async fn profile_for(&self, op: &Operation) -> Result<Rc<Profile>, CoreError> {
        let today = self.profile();
        let Some(revision) = self.pinned_to(op) else {
            return Ok(today);
        };
        if let Some(known) = self.pinned.borrow().iter().find(|p| p.revision == revision) {
            return Ok(known.clone());
        }
        let key = device(&format!("revision/{revision}"));
        let found = self
            .host
            .store()
            .read(&[Query::One(Table::Profiles, key)])
            .await?
            .concat();
        let Some(stored) = records::value::<StoredProfile>(&found) else {
            return Ok(today);
        };
        // A document that this core no longer reads cannot be gone by; waiting for one that can would
        // be for ever.
        let Ok(document) = read(&stored.document) else {
            return Ok(today);
        };
        // The addresses are today's: a profile is pinned for what it says, not for where. Servers that
        // only one of the two knows have the addresses of their own time.
        let mut profile = document;
        with_servers(&mut profile, &stored.servers);
        with_servers(&mut profile, &self.servers);
        let profile = Rc::new(profile);
        self.pinned.borrow_mut().push(profile.clone());
        Ok(profile)
    }

    pub(super) fn now(&self) -> i64 {
        self.host.clock().now_ms()
    }

    // The three calls below are made from everywhere: boxed, so that the store's and the network's
    // own machinery stands once in the module and not in each caller's state.

    pub(super) fn write<'a>(
        &'a self,
        account: &AccountId,
        change: Change,
    ) -> Boxed<'a, Result<Committed, CoreError>> {
        self.commit(records::commit(account, change))
    }

    pub(super) fn commit(&self, commit: Commit) -> Boxed<'_, Result<Committed, CoreError>> {
        Box::pin(async move {
            let committed = self.host.store().commit(commit).await?;
            if let Committed::Done(revision) = committed {
                self.host.changed(revision);
            }
            Ok(committed)
        })
    }

    pub(super) fn read<'a>(
        &'a self,
        queries: &'a [Query],
    ) -> Boxed<'a, Result<Vec<Vec<Record>>, CoreError>> {
        Box::pin(async move { Ok(self.host.store().read(queries).await?) })
    }

    /// What one query finds.
    pub(super) fn list(&self, query: Query) -> Boxed<'_, Result<Vec<Record>, CoreError>> {
        Box::pin(async move { Ok(self.read(&[query]).await?.pop().unwrap_or_default()) })
    }

    /// One exchange, as soon as the backend's limits allow it.
    pub(super) fn exchange<'a>(
        &'a self,
        account: &'a AccountId,
        request: &'a Request,
    ) -> Boxed<'a, Exchange> {
        Box::pin(async move {
            loop {
                let wait = self.pace(&request.url);
                if wait <= 0.0 {
                    break;
                }
                self.host.clock().sleep(millis(wait)).await;
            }
            self.reserve(&request.url);
            self.host.net().exchange(account, request).await
        })
    }

    /// Who is current on this device, with the sign-in as it stands.
    pub fn session(&self) -> Boxed<'_, Result<Option<Seen<Session>>, CoreError>> {
        Box::pin(async move {
            loop {
                let asked = self.whose();
                let found = self.read(&self.with_whose(vec![])).await?;
                if let Ok(session) = self.who(&asked, &found[0], &found[1]) {
                    return Ok(session);
                }
            }
        })
    }

    /// Who was current when last looked. What is read with the account's keys is read together with
    /// who is current now (`with_whose`), and read again in the rare case that it is somebody else.
    pub(super) fn whose(&self) -> AccountId {
        self.whose.borrow().clone()
    }

    pub(super) fn with_whose(&self, mut queries: Vec<Query>) -> Vec<Query> {
        queries.push(current_query());
        queries.push(records::one(&self.whose.borrow(), &EntityKey::Session));
        queries
    }

    /// What `with_whose` found for this account. `Err`: read again; `Ok(None)`: nobody.
    pub(super) fn who(
        &self,
        asked: &AccountId,
        current: &[Record],
        session: &[Record],
    ) -> Result<Option<Seen<Session>>, Another> {
        let Some(current) = records::value::<Current>(current) else {
            return Ok(None);
        };
        // Not with `whose`: another call may have learned of somebody meanwhile.
        if current.account != *asked {
            self.whose.replace(current.account);
            return Err(Another);
        }
        let Some(record) = session.first() else {
            return Ok(None);
        };
        let mut signed = self.signed.borrow_mut();
        let is_known = |seen: &Seen<Session>| {
            seen.revision == Some(record.revision) && seen.value.account == *asked
        };
        if !signed.as_ref().is_some_and(is_known) {
            *signed = records::open(record).ok();
        }
        Ok(signed.clone())
    }

    /// Reads what a commit is to follow from: see [`Store::begin`].
    pub(super) fn begin_change<'a>(
        &'a self,
        queries: &'a [Query],
        tables: &'a [Table],
        durability: Durability,
    ) -> Boxed<'a, Result<Begun<H::Store>, CoreError>> {
        Box::pin(async move {
            let store = self.host.store();
            Ok(store.begin(queries, tables, durability).await?)
        })
    }

    /// Commits what follows, at once: see [`Store::conclude`].
    pub(super) fn conclude(
        &self,
        begun: <H::Store as Store>::Begun,
        commit: Option<Commit>,
    ) -> Boxed<'_, Result<Option<Committed>, CoreError>> {
        Box::pin(async move {
            let committed = self.host.store().conclude(begun, commit).await?;
            if let Some(Committed::Done(revision)) = committed {
                self.host.changed(revision);
            }
            Ok(committed)
        })
    }

    /// The account whose work this is.
    ///
    /// # Errors
    /// `signed_out`.
    pub(super) fn account(&self) -> Boxed<'_, Result<Seen<Session>, CoreError>> {
        Box::pin(async move { self.session().await?.ok_or_else(signed_out) })
    }

    pub(super) async fn make_current(&self, session: &Session) -> Result<(), CoreError> {
        let account = session.account.clone();
        let mut change = Change::strict();
        change.put_blind(session);
        let mut commit = records::commit(&account, change);
        let current = records::seal("current", &Current { account });
        commit
            .puts
            .push((Table::Session, device("current"), current));
        self.commit(commit).await?;
        Ok(())
    }

    /// Sets unreadable operations of a lane aside and sums up the rest.
    pub(super) fn rebuilt_lane<'a>(
        &'a self,
        account: &'a AccountId,
        id: &'a LaneId,
    ) -> Boxed<'a, Result<Option<Lane>, CoreError>> {
        Box::pin(async move {
            let found = self.list(records::lane_from(account, id, 0, None)).await?;
            let mut aside = vec![];
            let ops = records::read_all::<Operation>(&found, &mut aside);
            self.set_aside(account, Table::Operations, aside).await?;
            let mut lane: Option<Lane> = None;
            for op in ops {
                match &mut lane {
                    Some(lane) => lane.append(&op.value),
                    None => lane = Some(Lane::begin(&op.value)),
                }
            }
            Ok(lane)
        })
    }

    /// Writes a lane's summary anew from its operations.
    pub(super) async fn heal(
        &self,
        account: &AccountId,
        id: &LaneId,
        revision: Option<u64>,
    ) -> Result<(), CoreError> {
        let mut change = Change::strict();
        match self.rebuilt_lane(account, id).await? {
            Some(lane) => change.put(&lane, revision),
            None => {
                change.expect(EntityKey::Lane(id.clone()), revision);
                change.delete(EntityKey::Lane(id.clone()));
            }
        }
        self.write(account, change).await?;
        Ok(())
    }

    /// Sets a lane's unreadable operations aside at once, not only when their turn comes.
    pub(super) async fn heal_lane(
        &self,
        account: &AccountId,
        id: &LaneId,
    ) -> Result<(), CoreError> {
        let query = records::one(account, &EntityKey::Lane(id.clone()));
        let lane = self.list(query).await?;
        self.heal(account, id, lane.first().map(|r| r.revision))
            .await
    }

    /// Moves unreadable records to the quarantine, raw.
    pub(super) fn set_aside<'a>(
        &'a self,
        account: &'a AccountId,
        table: Table,
        aside: Vec<Unreadable>,
    ) -> Boxed<'a, Result<(), CoreError>> {
        Box::pin(async move {
            if aside.is_empty() {
                return Ok(());
            }
            let mut commit = Commit::new(Durability::Strict);
            for unreadable in aside {
                let key = Key::new(&account.0)
                    .text(table.name())
                    .text(&unreadable.record.key.to_string());
                let raw = Envelope::clone(&unreadable.record.envelope);
                commit.puts.push((Table::Quarantine, key, raw));
                commit.expect.push((
                    table,
                    unreadable.record.key.clone(),
                    Some(unreadable.record.revision),
                ));
                commit.deletes.push((table, unreadable.record.key));
            }
            self.commit(commit).await?;
            Ok(())
        })
    }
}

/// At most an hour: browsers take a timer of more than 24 days for one of none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn millis(ms: f64) -> u32 {
    ms.clamp(0.0, 3_600_000.0).ceil() as u32
}

/// Puts addresses where the profile has their names; gives a name that it does not have.
fn with_servers<'a>(
    profile: &mut Profile,
    servers: &'a Dictionary<String, String>,
) -> Option<&'a String> {
    let mut unknown = None;
    for (name, address) in servers {
        match profile.servers.get_mut(name) {
            Some(base) => base.clone_from(address),
            None => unknown = Some(name),
        }
    }
    unknown
}

#[allow(clippy::boxed_local)] // what `open` gives
pub(super) fn unreadable(unreadable: Box<Unreadable>) -> CoreError {
    CoreFault::new(
        "record_unreadable",
        format!(
            "a stored record cannot be read ({}): {}",
            unreadable.record.key, unreadable.why
        ),
    )
}

pub(super) fn signed_out() -> CoreError {
    CoreFault::new("signed_out", "nobody is signed in on this device")
}

pub(super) fn contended() -> CoreError {
    CoreFault::new(
        "contended",
        "the storage was changed by others all the time; try again",
    )
}
