//! Two that drain, one of whom was frozen: only one may write, and what the other hears is kept.

use crate::phone::{Phone, arrive, note};
use pannier::domain::operation::{Attempt, Operation};
use pannier::ports::drain::{Stopped, WakeReason};
use pannier::ports::store::{Key, Query, Store, Table};
use pannier::profile::http::Request;
use pannier::testing::run::{Frozen, run};

/// Every attempt on record, settled operations included.
fn attempts(phone: &Phone) -> Vec<Attempt> {
    let queries = [Table::Operations, Table::Settled].map(|t| Query::under(t, Key::new("anna")));
    let found = run(&phone.clock, phone.core.host.store.read(&queries)).expect("reads");
    let found = found.concat();
    let opened = found.iter().map(pannier::ports::records::open::<Operation>);
    opened
        .flat_map(|o| o.expect("opens").value.attempts)
        .collect()
}

/// What is on the wire reaches the backend now, and its answer whoever waits for it, once he wakes.
fn lands(phone: &Phone) -> bool {
    let backend = phone.backend.clone();
    let landed = phone.net.unanswered().into_iter();
    let mut landed: Vec<_> = landed.map(|r| (backend.handle(&r), r)).collect();
    let notes = |r: &Request| r.method == "POST" && r.url.ends_with("/notes");
    let found = landed.iter().any(|(_, r)| notes(r));
    phone.net.answer_with(
        move |request| match landed.iter().position(|(_, r)| r == request) {
            Some(place) => landed.remove(place).0,
            None => backend.handle(request),
        },
    );
    found
}

/// Freezes a drain at each of its awaits in turn; a second one takes over once the lease is over,
/// and the first one wakes when that is done.
#[test]
fn a_holder_that_was_frozen_writes_nothing_when_it_wakes() {
    let (mut places, mut refused, mut late) = (0, 0, 0);
    for at in 1.. {
        let phone = Phone::new();
        phone.done(arrive("s1"));
        phone.done(note("s1", "one"));
        phone.done(note("s2", "two"));
        let other = phone.tab(11);
        let mut first = Frozen::new(phone.core.drain(WakeReason::Recorded, None));
        if first.run(&phone.clock, at).is_some() {
            break;
        }
        places += 1;
        lands(&phone);
        phone.clock.advance(3_600_000);
        let mut second = run(&phone.clock, other.drain(WakeReason::Visible, None)).expect("drains");
        while second.waiting > 0 {
            let wait = second.next_wake_at.expect("comes back") - phone.now();
            phone.clock.advance(wait.max(1));
            second = run(&phone.clock, other.drain(WakeReason::Timer, None)).expect("drains");
        }
        let before = phone.core.host.store.count(Table::Settled);
        let woken = first
            .run(&phone.clock, usize::MAX)
            .expect("ends")
            .expect("drains");
        refused += u32::from(woken.stopped == Stopped::Busy);
        assert_eq!(
            phone.core.host.store.count(Table::Settled),
            before,
            "frozen at {at}"
        );
        assert_eq!(before, 3, "frozen at {at}");
        assert_eq!(phone.waiting(), 0, "frozen at {at}");
        assert_eq!(phone.backend.effects().len(), 3, "frozen at {at}");
        late += u32::from(attempts(&phone).iter().any(|a| a.late_status.is_some()));
    }
    assert!(
        places > 20 && refused > 0,
        "{places} places, {refused} refused, {late} late"
    );
}

#[test]
fn a_late_answer_is_on_record_and_moves_nothing() {
    let mut heard = 0;
    for at in 1.. {
        // Frozen with the first note on the wire, which the backend gets; its probe gets no answer.
        let phone = Phone::new();
        let id = phone.done(note("s1", "one"));
        let mut first = Frozen::new(phone.core.drain(WakeReason::Recorded, None));
        if first.run(&phone.clock, at).is_some() {
            break;
        }
        if !lands(&phone) {
            continue;
        }
        phone.clock.advance(3_600_000);
        let other = phone.tab(11);
        // The second one finds it in doubt, and waits before it asks.
        run(&phone.clock, other.drain(WakeReason::Visible, None)).expect("drains");
        first
            .run(&phone.clock, usize::MAX)
            .expect("ends")
            .expect("drains");
        let all = attempts(&phone);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].verdict.as_deref(), Some("interrupted"), "at {at}");
        heard += u32::from(all[0].late_status == Some(201));
        assert_eq!(phone.waiting(), 1, "it is still in doubt");
        phone.settle();
        assert_eq!(phone.marks("notes"), [id.0]);
    }
    assert!(heard > 0);
}

#[test]
fn two_windows_that_record_at_once_take_different_places() {
    let phone = Phone::new();
    let other = phone.tab(11);
    for round in 0..20 {
        let (one, two) = (format!("one {round}"), format!("two {round}"));
        let mut first = Frozen::new(phone.core.record(note("s1", &one), None));
        let mut second = Frozen::new(other.record(note("s1", &two), None));
        // Each gets one await further in turn.
        let (mut a, mut b) = (None, None);
        while a.is_none() || b.is_none() {
            if a.is_none() {
                a = first.run(&phone.clock, 1);
            }
            if b.is_none() {
                b = second.run(&phone.clock, 1);
            }
        }
        let seq = |r: Option<Result<pannier::ports::recording::Receipt, _>>| {
            let receipt: Result<_, pannier::ports::CoreError> = r.expect("ended");
            receipt.expect("is recorded").seq
        };
        assert_ne!(seq(a), seq(b));
    }
    phone.settle();
    let notes = phone.effects("notes");
    assert_eq!(notes.len(), 40);
}
