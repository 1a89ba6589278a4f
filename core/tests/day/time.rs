//! Clocks that jump, phones that sleep for hours, and a device that is wrong by a day.

use crate::phone::{Phone, arrive, note};
use pannier::ports::drain::{Stopped, WakeReason};
use pannier::profile::http::Answer;
use pannier::testing::backend::Fault;
use pannier::testing::net::json as answer;
use serde_json::json;

const DAY_MS: i64 = 86_400_000;

/// A phone with one note that failed once and waits for its next try.
fn waiting() -> (Phone, i64) {
    let phone = Phone::new();
    phone.done(note("s1", "one"));
    phone.backend.faults(|r| match r.url.ends_with("/notes") {
        true => Fault::Status(500),
        false => Fault::None,
    });
    let due = phone.drain(WakeReason::Recorded).next_wake_at;
    phone.backend.healthy();
    let due = due.expect("comes back");
    (phone, due)
}

#[test]
fn a_clock_that_is_set_back_by_a_day_puts_nothing_off() {
    let (phone, _) = waiting();
    phone.clock.jump(-DAY_MS);
    let at = pannier::testing::run::run(&phone.clock, phone.core.status())
        .expect("reads")
        .next_wake_at;
    assert_eq!(
        at,
        Some(phone.now()),
        "the timer comes back now, not tomorrow"
    );
    phone.settle();
    assert_eq!(phone.marks("notes").len(), 1);
}

#[test]
fn a_clock_that_is_set_forward_by_a_day_sends_once_and_loses_nothing() {
    let (phone, _) = waiting();
    phone.clock.jump(DAY_MS);
    phone.settle();
    assert_eq!((phone.marks("notes").len(), phone.waiting()), (1, 0));
}

#[test]
fn hours_of_sleep_in_the_middle_of_a_wait_change_nothing() {
    let (phone, _) = waiting();
    phone.clock.advance(9 * 3_600_000);
    phone.settle();
    assert_eq!((phone.marks("notes").len(), phone.waiting()), (1, 0));
}

#[test]
fn nothing_is_tried_before_its_due_time() {
    let (phone, due) = waiting();
    // The heartbeat that is asked first takes a moment of its own.
    phone.clock.advance(due - phone.now() - 200);
    assert_eq!(phone.drain(WakeReason::Timer).attempted, 0);
    phone.clock.advance(200);
    assert!(phone.drain(WakeReason::Timer).attempted > 0);
}

#[test]
fn a_pause_that_the_clock_left_in_the_future_ends() {
    let phone = Phone::new();
    phone.done(note("s1", "one"));
    let backend = phone.backend.clone();
    let mut once = true;
    phone.net.answer_with(move |r| {
        if r.url.ends_with("/notes") && std::mem::take(&mut once) {
            let headers = [("retry-after".to_owned(), "600".to_owned())];
            return Ok(Answer {
                status: 429,
                headers: headers.into_iter().collect(),
                body: String::new(),
                ..Answer::default()
            });
        }
        backend.handle(r)
    });
    let due = phone
        .drain(WakeReason::Recorded)
        .next_wake_at
        .expect("comes back");
    assert_eq!(due - phone.now(), 600_000);
    assert_eq!(
        phone.drain(WakeReason::Manual).attempted,
        0,
        "a throttle is not hurried"
    );
    phone.clock.jump(-DAY_MS);
    phone.settle();
    assert_eq!(phone.marks("notes").len(), 1);
}

#[test]
fn a_lock_that_a_dead_holder_keeps_is_stolen_though_the_clock_was_set_back() {
    use pannier::ports::lock::Lock;
    let phone = Phone::new();
    phone.drain(WakeReason::Opened);
    let other = phone.tab(11);
    let _held = pannier::testing::run::run(
        &phone.clock,
        phone.core.host.lock.try_acquire("drain:anna", false),
    )
    .expect("is free");
    phone.done(arrive("s1"));
    phone.clock.jump(-DAY_MS);
    let report = pannier::testing::run::run(&phone.clock, other.drain(WakeReason::Visible, None))
        .expect("drains");
    assert_eq!((report.stopped, report.settled), (Stopped::Idle, 1));
}

/// `Retry-After` as a date, from a phone whose clock is wrong by so much.
fn wait_by_date(wrong_by: i64, date: Option<&str>) -> i64 {
    let phone = Phone::new();
    phone.clock.jump(wrong_by);
    phone.done(note("s1", "one"));
    let backend = phone.backend.clone();
    let date = date.map(str::to_owned);
    phone.net.answer_with(move |r| {
        if !r.url.ends_with("/notes") {
            return backend.handle(r);
        }
        let mut throttled = answer(429, &json!({}));
        if let Ok(answer) = &mut throttled {
            // Two minutes after the backend's now.
            answer
                .headers
                .insert("retry-after".into(), "Sun, 22 Nov 2026 08:02:00 GMT".into());
            if let Some(date) = &date {
                answer.headers.insert("date".into(), date.clone());
            }
        }
        throttled
    });
    let due = phone
        .drain(WakeReason::Recorded)
        .next_wake_at
        .expect("comes back");
    due - phone.now()
}

#[test]
fn a_date_to_come_back_at_is_read_by_the_backends_clock() {
    let now = "Sun, 22 Nov 2026 08:00:00 GMT";
    for wrong_by in [0, DAY_MS, -DAY_MS, 7 * 60_000] {
        assert_eq!(wait_by_date(wrong_by, Some(now)), 120_000, "{wrong_by}");
    }
    // Where the answer's own date cannot be seen, a wrong clock makes it a backoff, not a hurry.
    for wrong_by in [DAY_MS, -DAY_MS] {
        let wait = wait_by_date(wrong_by, None);
        assert!((500..=1_000).contains(&wait), "{wrong_by}: {wait}");
    }
    assert!((100_000..=120_000).contains(&wait_by_date(0, None)));
}
