//! A page or worker that is killed between any two awaits: the future is dropped there, nothing of
//! it runs any more, and what comes after has only the store.

use crate::counted::counting;
use crate::phone::{PROFILE, Phone, arrive, deliver, fail, note, open, scan};
use pannier::domain::ids::{OperationId, StopId};
use pannier::domain::operation::Intent;
use pannier::domain::parcel::ParcelFate;
use pannier::ports::drain::WakeReason;
use pannier::testing::backend::Fault;
use pannier::testing::run::{run, run_until};

impl Phone {
    /// The same phone, started again.
    fn reopened(self, seed: u64) -> Self {
        self.reopened_by(seed, PROFILE)
    }
    fn reopened_by(self, seed: u64, profile: &str) -> Self {
        let core = open(&self.clock, self.core.host.tab(seed), profile);
        Self { core, ..self }
    }
}

fn recorded(phone: &Phone) -> Vec<(String, OperationId)> {
    let mut all = vec![];
    let mut done = |kind: &str, intent| all.push((kind.to_owned(), phone.done(intent)));
    done("arrive", arrive("s1"));
    done("scans", scan("s1", "PN-s1-A"));
    done("scans", scan("s1", "PN-s1-B"));
    all.push(("photo".to_owned(), phone.photo("s1", 1)));
    let mut done = |kind: &str, intent| all.push((kind.to_owned(), phone.done(intent)));
    done("complete", deliver("s1", ParcelFate::Failed));
    done("arrive", arrive("s2"));
    done("fail", fail("s2"));
    all
}

/// Everything recorded, each once, stop by stop in the order of recording.
fn once_and_in_order(phone: &Phone, recorded: &[(String, OperationId)], at: usize) {
    for stop in ["s1", "s2"] {
        let arrived: Vec<(String, String)> = phone
            .backend
            .effects()
            .into_iter()
            .filter(|e| e.stop == stop)
            .map(|e| (e.kind, e.mark))
            .collect();
        let of_stop = if stop == "s1" {
            &recorded[..5]
        } else {
            &recorded[5..]
        };
        let wanted: Vec<(String, String)> = of_stop
            .iter()
            .map(|(kind, id)| (kind.clone(), id.0.clone()))
            .collect();
        assert_eq!(arrived, wanted, "{stop}, killed at poll {at}");
    }
    assert_eq!(phone.waiting(), 0, "killed at poll {at}");
}

/// Kills a drain at its first poll, at its second, and so on until one ends before it is killed.
/// `lands` says whether what is on the wire at that moment still reaches the backend.
fn killed_while_sending(lands: bool, profile: &str) -> usize {
    for at in 1.. {
        let phone = Phone::new().reopened_by(3, profile);
        let everything = recorded(&phone);
        let drained = run_until(
            &phone.clock,
            phone.core.drain(WakeReason::Recorded, None),
            at,
        );
        if drained.is_none() && lands {
            // Nobody is left to hear the answers.
            for request in phone.net.unanswered() {
                let _ = phone.backend.handle(&request);
            }
        }
        // Two cores of the same phone open the store that the first one left.
        let phone = phone.reopened_by(at as u64 + 100, profile);
        phone.settle();
        once_and_in_order(&phone, &everything, at);
        if drained.is_some() {
            return at;
        }
    }
    unreachable!("a drain ends")
}

#[test]
fn a_drain_that_is_killed_anywhere_leaves_each_operation_with_one_effect() {
    let polls = killed_while_sending(false, PROFILE);
    // Every port call lets go at least once, so this many places were tried.
    assert!(polls > 40, "only {polls} places to be killed at");
}

#[test]
fn what_was_on_the_wire_at_that_moment_may_land_and_is_not_sent_again() {
    let polls = killed_while_sending(true, PROFILE);
    assert!(polls > 40, "only {polls} places to be killed at");
}

#[test]
fn a_drain_that_is_killed_while_it_counts_counts_again_and_sends_nothing_again() {
    let profile = counting().to_string();
    let polls = killed_while_sending(true, &profile);
    assert!(polls > 60, "only {polls} places to be killed at");
}

#[test]
fn a_recording_that_is_killed_anywhere_is_there_whole_or_not_at_all() {
    let mut seen = [0, 0];
    for at in 1.. {
        let phone = Phone::new();
        phone.backend.faults(|_| Fault::Lost);
        phone.done(arrive("s1"));
        let receipt = run_until(
            &phone.clock,
            phone.core.record(note("s1", "half written"), None),
            at,
        );
        let phone = phone.reopened(at as u64 + 100);
        let waiting = phone.waiting();
        assert!((1..=2).contains(&waiting), "killed at poll {at}: {waiting}");
        if receipt.is_some() {
            assert_eq!(waiting, 2, "confirmed, so it is there");
        }
        seen[usize::from(waiting == 2)] += 1;
        phone.backend.healthy();
        phone.clock.advance(120_000);
        phone.settle();
        assert_eq!(phone.marks("notes").len(), waiting as usize - 1);
        if receipt.is_some() {
            break;
        }
    }
    assert!(
        seen[0] > 0 && seen[1] > 1,
        "killed before and after its commit: {seen:?}"
    );
}

#[test]
fn a_picture_whose_staging_is_killed_is_swept_or_used_and_never_half() {
    for at in 1.. {
        let phone = Phone::new();
        let mut bytes = crate::phone::JPEG.to_vec();
        bytes.push(7);
        let staging = phone
            .core
            .stage(crate::phone::JPEG, bytes.len() as u64, bytes.clone());
        let staged = run_until(&phone.clock, staging, at);
        let phone = phone.reopened(at as u64 + 100);
        if let Some(staged) = staged {
            let handle = staged.expect("stages").handle;
            let (_, kept) = run(&phone.clock, phone.core.blob(&handle, None))
                .expect("reads")
                .expect("is there");
            assert_eq!(kept, bytes);
            phone.done(Intent::Photo {
                stop: StopId::new("s1"),
                blob: handle,
            });
            phone.settle();
            assert_eq!(phone.effects("photo").len(), 1);
            return;
        }
        // Nobody knows its handle, so nothing can name it; a day later it is gone.
        phone.clock.advance(25 * 3_600_000);
        run(&phone.clock, phone.core.sweep()).expect("sweeps");
        assert_eq!(
            phone
                .core
                .host
                .store
                .count(pannier::ports::store::Table::Blobs),
            0
        );
    }
}
