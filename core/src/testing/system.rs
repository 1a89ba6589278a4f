//! The operating system's background upload in memory: it keeps what it was given over the end of
//! the process, sends each lane in its order, the next only after a yes, and tells of it until it is
//! told to forget. It works when a test lets it.

use crate::domain::json::ToJson;
use crate::engine::handed::{Upload, UploadReport, UploadState, Yes};
use crate::profile::http::{Exchange, Request};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[derive(Clone, Default)]
pub struct System(Rc<Inner>);

#[derive(Default)]
struct Inner {
    kept: RefCell<Vec<(Upload, UploadReport)>>,
    deaf: Cell<bool>,
    silent: Cell<bool>,
    never_forgets: Cell<bool>,
}

impl System {
    /// What it is given does not arrive there, as when the process ends first.
    pub fn deaf(&self, deaf: bool) {
        self.0.deaf.set(deaf);
    }
    /// It gives no answer when it is asked.
    pub fn silent(&self, silent: bool) {
        self.0.silent.set(silent);
    }
    /// It tells again of what was done with, as when the process ended before that was said.
    pub fn never_forgets(&self, never: bool) {
        self.0.never_forgets.set(never);
    }
    /// Everything it had is gone, as when an app's data is cleared.
    pub fn loses_all(&self) {
        self.0.kept.borrow_mut().clear();
    }
    /// The requests it has, in the order they were given.
    pub fn kept(&self) -> Vec<(Upload, UploadState)> {
        let kept = self.0.kept.borrow();
        kept.iter().map(|(u, r)| (u.clone(), r.state)).collect()
    }
    /// Another report of the same lane and place, as a duplicate event or an older attempt's.
    pub fn tell(&self, report: UploadReport) {
        let upload = self.0.kept.borrow()[0].0.clone();
        self.0.kept.borrow_mut().push((upload, report));
    }
    pub fn reports(&self) -> Vec<UploadReport> {
        self.0.kept.borrow().iter().map(|k| k.1.clone()).collect()
    }
    /// Sends up to `count` requests, as the system gets round to it.
    pub fn work(&self, count: usize, mut network: impl FnMut(&Request) -> Exchange) {
        for _ in 0..count {
            let mut kept = self.0.kept.borrow_mut();
            let is_first = |place: usize| {
                !kept[..place].iter().any(|(_, before)| {
                    before.lane == kept[place].1.lane && before.state == UploadState::Pending
                })
            };
            let Some(place) = (0..kept.len())
                .find(|&place| kept[place].1.state == UploadState::Pending && is_first(place))
            else {
                return;
            };
            let (upload, report) = &mut kept[place];
            let yes = match network(&upload.request) {
                Ok(answer) => {
                    report.state = UploadState::Answered;
                    report.status = answer.status;
                    report.headers = answer.headers.to_json();
                    report.body = answer.body;
                    upload.note.yes.iter().any(|yes| meets(yes, report))
                }
                Err(_) => {
                    report.state = UploadState::Failed;
                    false
                }
            };
            if !yes {
                let lane = report.lane.clone();
                for (_, later) in &mut kept[place + 1..] {
                    if later.lane == lane && later.state == UploadState::Pending {
                        later.state = UploadState::Held;
                    }
                }
            }
        }
    }
    pub(super) fn take(&self, uploads: &[Upload]) {
        if self.0.deaf.get() {
            return;
        }
        for upload in uploads {
            let note = &upload.note;
            let report = UploadReport {
                id: note.id.clone(),
                account: note.account.clone(),
                lane: note.lane.clone(),
                seq: note.seq,
                attempt: note.attempt,
                state: UploadState::Pending,
                status: 0,
                headers: Value::Null,
                body: String::new(),
            };
            self.0.kept.borrow_mut().push((upload.clone(), report));
        }
    }
    pub(super) fn told(&self) -> Option<Vec<UploadReport>> {
        (!self.0.silent.get()).then(|| self.reports())
    }
    pub(super) fn forget(&self, ids: &[String]) {
        if !self.0.never_forgets.get() {
            self.0
                .kept
                .borrow_mut()
                .retain(|(_, r)| !ids.contains(&r.id));
        }
    }
}

/// As the plugins do it.
fn meets(yes: &Yes, report: &UploadReport) -> bool {
    let body: Value = serde_json::from_str(&report.body).unwrap_or_default();
    yes.status.contains(&report.status)
        && yes.body.iter().all(|said| {
            let here = body.pointer(&said.at).filter(|v| !v.is_null());
            here.is_some_and(|v| said.eq.as_ref().is_none_or(|eq| v.as_str() == Some(eq)))
        })
}
