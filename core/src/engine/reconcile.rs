//! A new route meets what is known: the backend's word for what it can show, the courier's for
//! what he did since. Nothing with unsent work leaves the device.

use super::change::{Change, Notice, RouteNews, RouteNewsCode, RouteRecord, Seen, StopRecord};
use super::lane::Lane;
use crate::domain::ids::StopId;
use crate::domain::json::to_text;
use crate::domain::route::Route;
use crate::domain::stop::{Stop, StopPlace, StopStatus};

pub struct Reconciling<'a> {
    pub route: &'a Route,
    /// when its request left: what settled before then it already shows
    pub asked_at: i64,
    pub stops: Vec<Seen<StopRecord>>,
    pub lanes: Vec<Lane>,
    pub header: Seen<RouteRecord>,
    /// some stops could not be read: none that is missing may be taken as gone
    pub partial: bool,
}

/// The change that takes the route in.
pub fn reconcile(r: Reconciling<'_>) -> Change {
    let mut change = Change::strict();
    let mut said = Vec::new();
    let busy = |id: &StopId| {
        let its = |lane: &&Lane| lane.stop.as_ref() == Some(id);
        r.lanes.iter().rfind(its).map(|lane| lane.head.seq)
    };
    let mut known = r.stops;
    let first = r.header.revision.is_none();

    for incoming in &r.route.stops {
        let is = |seen: &Seen<StopRecord>| seen.value.mirror.id == incoming.id;
        match known.iter().position(is) {
            Some(place) => {
                let mut seen = known.remove(place);
                let was = to_text(&*seen.value);
                let record = &mut *seen.value;
                record.progress.reconcile(r.asked_at);
                record.gone = false;
                let before = std::mem::replace(&mut record.mirror, incoming.clone());
                let now = &record.mirror;
                if let Some(seq) = busy(&now.id) {
                    said.extend(news(&before, now));
                    if now.status == StopStatus::Cancelled && before.status != now.status {
                        change.put_blind(&withdrawn(record, "stop_cancelled", seq, r.asked_at));
                    }
                }
                if to_text(record) != was {
                    change.put_seen(&seen);
                }
            }
            None => {
                if !first {
                    said.push(RouteNews::of(RouteNewsCode::NewStop, incoming));
                }
                let mut record = StopRecord::default();
                record.mirror.clone_from(incoming);
                change.put(&record, None);
            }
        }
    }
    if r.partial {
        known.clear();
    }
    for mut seen in known {
        let record = &mut *seen.value;
        if let Some(seq) = busy(&record.mirror.id) {
            said.push(RouteNews::of(RouteNewsCode::Gone, &record.mirror));
            if !record.gone {
                record.gone = true;
                // Where the backend has our outcome, it is no wonder that it lists the stop no more.
                let outcome = record.progress.outcome.as_ref();
                let notice = outcome
                    .is_none_or(|o| o.mark.settled_at.is_none())
                    .then(|| withdrawn(record, "stop_gone", seq, r.asked_at));
                change.put_seen(&seen);
                if let Some(notice) = notice {
                    change.put_blind(&notice);
                }
            }
        } else {
            if !record.mirror.status.is_final() {
                said.push(RouteNews::of(RouteNewsCode::Left, &record.mirror));
            }
            change.delete_seen(&seen);
        }
    }
    let record = RouteRecord {
        header: r.route.header.clone(),
        fetched_at: r.asked_at,
        changes: if first { Vec::new() } else { said },
    };
    change.put(&record, r.header.revision);
    change
}

/// The office took a stop away while work on it is unsent.
fn withdrawn(record: &StopRecord, code: &str, seq: u64, at: i64) -> Notice {
    let stop = &record.mirror;
    Notice {
        at,
        seq,
        code: code.to_owned(),
        kind: None,
        place: Some(StopPlace::of(stop)),
        times: None,
        reported: record.progress.outcome.is_some(),
        operation: None,
        stop: Some(stop.id.clone()),
    }
}

/// What is worth telling of a stop with unsent work on it.
fn news(old: &Stop, new: &Stop) -> Option<RouteNews> {
    let code = if new.status == StopStatus::Cancelled && old.status != StopStatus::Cancelled {
        RouteNewsCode::Cancelled
    } else if old.address != new.address {
        RouteNewsCode::NewAddress
    } else if old.parcels.len() != new.parcels.len() {
        RouteNewsCode::OtherParcels
    } else {
        return None;
    };
    Some(RouteNews::of(code, new))
}
