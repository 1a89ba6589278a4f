//! Steps: plain code over records that are read for it.
//!
//! A step asks its [`View`] for records. What was not read yet ends it early, is read together with
//! whatever else it had asked for, and the step is taken again from its beginning, until it comes to
//! its end. What it decides is one commit; where somebody else was first, it is taken again over
//! fresh records. So a step looks and decides and does nothing else: it may be taken several times.
//!
//! Against the same as an `async fn`: no state between two awaits that has to be kept, restored and
//! dropped, which made up a third of the module.

use super::driver::{Boxed, Driver, STALE_MAX, contended, current_query, signed_out};
use super::error::CoreError;
use super::host::Host;
use super::records::{self, Unreadable};
use super::store::{Commit, Committed, Query, Record, Table};
use crate::domain::error::Refusal;
use crate::domain::ids::{AccountId, LaneId};
use crate::engine::change::{Change, EntityKey, Seen};
use crate::engine::session::Session;
use std::cell::RefCell;

/// The records a step has seen so far.
#[derive(Default)]
pub struct View {
    asked: RefCell<Vec<Query>>,
    /// what the first of them found; the rest is still to be read
    found: Vec<Vec<Record>>,
    aside: RefCell<Vec<(AccountId, Table, Unreadable)>>,
    mend: RefCell<Vec<(AccountId, LaneId)>>,
}

/// Why a step ended before its end. One pointer wide, as every `?` of every step hands it on.
pub enum Halt {
    /// something is to be read or mended first
    Again,
    Refused(CoreError),
}

impl From<CoreError> for Halt {
    fn from(error: CoreError) -> Self {
        Self::Refused(error)
    }
}
impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

/// What a step may come to: a commit, or nothing to write.
pub type Decided = Result<Option<Commit>, Halt>;

impl View {
    /// What a query finds. Nothing as long as it was not read: [`Self::read`] ends the step then.
    pub(super) fn ask(&self, query: Query) -> &[Record] {
        let mut asked = self.asked.borrow_mut();
        let place = asked.iter().position(|known| *known == query);
        if place.is_none() {
            asked.push(query);
        }
        place.and_then(|at| self.found.get(at)).map_or(&[], |r| r)
    }

    pub(super) fn one(&self, account: &AccountId, key: &EntityKey) -> &[Record] {
        self.ask(records::one(account, key))
    }

    pub(super) fn all(&self, account: &AccountId, table: Table) -> &[Record] {
        self.ask(records::all(account, table))
    }

    /// Ends the step here as long as anything it asked for was not read.
    pub(super) fn read(&self) -> Result<(), Halt> {
        if self.found.len() < self.asked.borrow().len() {
            return Err(Halt::Again);
        }
        Ok(())
    }

    /// These cannot be read; at the end of the step they are moved to the quarantine, raw.
    pub(super) fn set_aside(&self, account: &AccountId, table: Table, found: Vec<Unreadable>) {
        let mut aside = self.aside.borrow_mut();
        for one in found {
            aside.push((account.clone(), table, one));
        }
    }

    /// At the end of the step, or before it is taken again, this lane's unreadable operations are
    /// set aside and its summary made again from the others.
    pub(super) fn mend(&self, account: &AccountId, lane: LaneId) {
        self.mend.borrow_mut().push((account.clone(), lane));
    }
}

impl<H: Host> Driver<H> {
    /// Takes a step to its end and commits what it decided. Gives the store's revision then.
    ///
    /// # Errors
    /// What the step refuses with; `contended`; the store's failures.
    pub fn take<'a>(
        &'a self,
        step: &'a mut (dyn FnMut(&View) -> Decided + 'a),
    ) -> Boxed<'a, Result<Option<u64>, CoreError>> {
        Box::pin(async move {
            for _ in 0..STALE_MAX {
                let mut view = View::default();
                let decided = loop {
                    let decided = step(&view);
                    let known = view.found.len();
                    let wanted = &view.asked.get_mut()[known..];
                    if wanted.is_empty() {
                        break decided;
                    }
                    let mut found = self.read(wanted).await?;
                    view.found.append(&mut found);
                    view.aside.take();
                    view.mend.take();
                };
                if let Err(Halt::Refused(error)) = decided {
                    return Err(error);
                }
                let mended = self.mend_seen(&view).await;
                let commit = match decided {
                    // A store that is read-only still shows what it can.
                    Ok(None) => return Ok(None),
                    Ok(commit) => commit,
                    Err(_) => None,
                };
                mended?;
                if let Some(commit) = commit {
                    if let Committed::Done(revision) = self.commit(commit.clone()).await? {
                        return Ok(Some(revision));
                    }
                    // A connection that died while committing is tried again, and then meets what
                    // it wrote itself.
                    if self.stands(&commit).await? {
                        return Ok(Some(0));
                    }
                }
            }
            Err(contended())
        })
    }

    /// Whether the store holds all of what a commit would bring about.
    async fn stands(&self, commit: &Commit) -> Result<bool, CoreError> {
        let mut queries = vec![];
        for (table, key, _) in &commit.puts {
            queries.push(Query::One(*table, key.clone()));
        }
        for (table, key) in &commit.deletes {
            queries.push(Query::One(*table, key.clone()));
        }
        let found = self.read(&queries).await?;
        let (puts, deletes) = found.split_at(commit.puts.len());
        for ((_, _, wanted), found) in commit.puts.iter().zip(puts) {
            if found.first().is_none_or(|r| r.envelope.body != wanted.body) {
                return Ok(false);
            }
        }
        Ok(deletes.iter().all(Vec::is_empty))
    }

    /// Moves what a step could not read to the quarantine, and makes lanes' summaries anew.
    async fn mend_seen(&self, view: &View) -> Result<(), CoreError> {
        for (account, table, one) in view.aside.take() {
            self.set_aside(&account, table, vec![one]).await?;
        }
        for (account, lane) in view.mend.take() {
            self.heal_lane(&account, &lane).await?;
        }
        Ok(())
    }

    /// Takes a step that only looks.
    ///
    /// # Errors
    /// As for [`Self::take`].
    pub(super) async fn look<T>(
        &self,
        mut step: impl FnMut(&View) -> Result<T, Halt>,
    ) -> Result<T, CoreError> {
        let mut out = None;
        self.take(&mut |view| {
            out = Some(step(view)?);
            Ok(None)
        })
        .await?;
        out.ok_or_else(contended)
    }

    /// Who is current on this device, with the sign-in as it stands.
    pub fn session_in(&self, view: &View) -> Result<Option<Seen<Session>>, Halt> {
        loop {
            let asked = self.whose();
            let current = view.ask(current_query());
            let session = view.one(&asked, &EntityKey::Session);
            view.read()?;
            if let Ok(session) = self.who(&asked, current, session) {
                return Ok(session);
            }
        }
    }

    /// The account whose work this is, or `signed_out`.
    pub(super) fn account_in(&self, view: &View) -> Result<AccountId, Halt> {
        match self.session_in(view)? {
            Some(session) => Ok(session.value.account),
            None => Err(signed_out().into()),
        }
    }
}

/// The commit of a change, if there is anything in it.
pub(super) fn decided(account: &AccountId, change: Change) -> Decided {
    Ok(match change.is_empty() {
        true => None,
        false => Some(records::commit(account, change)),
    })
}
