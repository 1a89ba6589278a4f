//! Steps: plain code over records that are read for it.
//!
//! A step asks its [`View`] for records. What was not read yet ends it early, is read together with
//! whatever else it had asked for, and the step is taken again from its beginning, until it comes to
//! its end. What it decides is one commit; where somebody else was first, it is taken again over
//! fresh records. So a step looks and decides and does nothing else: it may be taken several times.
//!
//! Against the same as an `async fn`: no state between two awaits that has to be kept, restored and
//! dropped, which made up a third of the module.

use super::driver::{Boxed, Driver, STALE_MAX, contended, signed_out};
use super::error::CoreError;
use super::host::Host;
use super::records::{self, Unreadable};
use super::store::{Commit, Committed, Query, Record, Table};
use crate::domain::error::Refusal;
use crate::domain::ids::{AccountId, LaneId};
use crate::engine::change::{Change, Seen};
use crate::engine::session::Session;
use std::cell::RefCell;

/// The records a step has seen so far.
#[derive(Default)]
pub struct View {
    found: Vec<(Query, Vec<Record>)>,
    wanted: RefCell<Vec<Query>>,
    aside: RefCell<Vec<(AccountId, Table, Unreadable)>>,
    mend: RefCell<Vec<(AccountId, LaneId)>>,
}

/// Why a step ended before its end.
pub enum Halt {
    /// something is to be read first
    Unread,
    /// this lane's summary has to be made again from its operations first
    Mend(Box<(AccountId, LaneId)>),
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
    /// What these queries find, in their order.
    pub(super) fn read(&self, queries: Vec<Query>) -> Result<Vec<&[Record]>, Halt> {
        let mut out = Vec::with_capacity(queries.len());
        let mut wanted = self.wanted.borrow_mut();
        for query in queries {
            match self.found.iter().find(|(known, _)| *known == query) {
                Some((_, records)) => out.push(&**records),
                None => wanted.push(query),
            }
        }
        if wanted.is_empty() {
            Ok(out)
        } else {
            Err(Halt::Unread)
        }
    }

    /// What one query finds.
    pub(super) fn list(&self, query: Query) -> Result<&[Record], Halt> {
        Ok(self.read(vec![query])?.pop().unwrap_or_default())
    }

    /// These cannot be read; at the end of the step they are moved to the quarantine, raw.
    pub(super) fn set_aside(&self, account: &AccountId, table: Table, found: Vec<Unreadable>) {
        let mut aside = self.aside.borrow_mut();
        for one in found {
            aside.push((account.clone(), table, one));
        }
    }

    /// At the end of the step this lane's unreadable operations are set aside.
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
                    match step(&view) {
                        Err(Halt::Unread) => {}
                        decided => break decided,
                    }
                    view.aside.take();
                    view.mend.take();
                    let wanted = view.wanted.take();
                    let found = self.read(&wanted).await?;
                    view.found.extend(wanted.into_iter().zip(found));
                };
                let commit = match decided {
                    Ok(commit) => commit,
                    Err(Halt::Mend(which)) => {
                        self.heal_lane(&which.0, &which.1).await?;
                        continue;
                    }
                    Err(Halt::Refused(error)) => return Err(error),
                    Err(Halt::Unread) => continue,
                };
                for (account, table, one) in view.aside.take() {
                    let done = self.set_aside(&account, table, vec![one]).await;
                    // A store that is read-only still shows what it can.
                    if commit.is_some() {
                        done?;
                    }
                }
                for (account, lane) in view.mend.take() {
                    let _ = self.heal_lane(&account, &lane).await;
                }
                let Some(commit) = commit else {
                    return Ok(None);
                };
                if let Committed::Done(revision) = self.commit(commit).await? {
                    return Ok(Some(revision));
                }
            }
            Err(contended())
        })
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
            let found = view.read(self.with_whose(vec![]))?;
            let mut found = found.into_iter().map(<[Record]>::to_vec).collect();
            if let Ok(session) = self.who(&asked, &mut found) {
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
