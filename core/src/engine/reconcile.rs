//! A new route meets what is known: the backend's word for what it can show, the courier's for
//! what he did since. Nothing with unsent work leaves the device.

use super::change::{
    Change, EntityKey, Notice, RouteNews, RouteNewsCode, RouteRecord, Seen, StopRecord,
};
use super::lane::Lane;
use crate::domain::dictionary::Dictionary;
use crate::domain::ids::StopId;
use crate::domain::json::to_text;
use crate::domain::route::Route;
use crate::domain::stop::{Stop, StopPlace, StopStatus};

pub struct Reconciling {
    pub route: Route,
    /// when its request left: what settled before then it already shows
    pub asked_at: i64,
    pub stops: Vec<Seen<StopRecord>>,
    pub lanes: Vec<Lane>,
    pub header: Seen<RouteRecord>,
    /// some stops could not be read: none that is missing may be taken as gone
    pub partial: bool,
}

/// The change that takes the route in.
pub fn reconcile(r: Reconciling) -> Change {
    let mut change = Change::strict();
    let mut said = Vec::new();
    let mut busy: Dictionary<&str, u64> = Dictionary::new();
    for lane in &r.lanes {
        if let Some(stop) = &lane.stop {
            busy.insert(stop.as_str(), lane.head.seq);
        }
    }
    let mut known: Vec<Option<Seen<StopRecord>>> = r.stops.into_iter().map(Some).collect();
    let is = |seen: &Option<Seen<StopRecord>>, id: &StopId| {
        seen.as_ref().is_some_and(|s| s.value.mirror.id == *id)
    };
    let first = r.header.revision.is_none();

    for incoming in r.route.stops {
        let place = known.iter_mut().find(|s| is(s, &incoming.id));
        match place.and_then(Option::take) {
            Some(seen) => {
                let mut record = seen.value.clone();
                record.progress.reconcile(r.asked_at);
                record.gone = false;
                let before = std::mem::replace(&mut record.mirror, incoming);
                let now = &record.mirror;
                if let Some(seq) = busy.get(now.id.as_str()) {
                    said.extend(news(&before, now));
                    if now.status == StopStatus::Cancelled && before.status != now.status {
                        change.put_blind(&withdrawn(&record, "stop_cancelled", *seq, r.asked_at));
                    }
                }
                if to_text(&record) != to_text(&seen.value) {
                    change.put(&*record, seen.revision);
                }
            }
            None => {
                if !first {
                    said.push(RouteNews::of(RouteNewsCode::NewStop, &incoming));
                }
                change.put(
                    &StopRecord {
                        mirror: incoming,
                        ..StopRecord::default()
                    },
                    None,
                );
            }
        }
    }
    for seen in known.into_iter().flatten().filter(|_| !r.partial) {
        let id = seen.value.mirror.id.clone();
        if let Some(seq) = busy.get(id.as_str()) {
            let newly = !seen.value.gone;
            let record = StopRecord {
                gone: true,
                ..*seen.value
            };
            let notice = withdrawn(&record, "stop_gone", *seq, r.asked_at);
            said.push(RouteNews::of(RouteNewsCode::Gone, &record.mirror));
            if newly {
                change.put(&record, seen.revision);
                // Where the backend has our outcome, it is no wonder that it lists the stop no more.
                let outcome = record.progress.outcome.as_ref();
                if outcome.is_none_or(|o| o.mark.settled_at.is_none()) {
                    change.put_blind(&notice);
                }
            }
        } else {
            if !seen.value.mirror.status.is_final() {
                said.push(RouteNews::of(RouteNewsCode::Left, &seen.value.mirror));
            }
            let key = EntityKey::Stop(id);
            change.expect(key.clone(), seen.revision);
            change.delete(key);
        }
    }
    let record = RouteRecord {
        header: r.route.header,
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
