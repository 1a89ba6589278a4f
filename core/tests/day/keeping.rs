//! What stays on the phone and what goes: signing out, pruning by age and by space, and stores that
//! are damaged or full.

use crate::phone::{JPEG, Phone, arrive, deliver, note, scan};
use pannier::domain::ids::{OperationId, StopId};
use pannier::domain::operation::Intent;
use pannier::domain::parcel::ParcelFate;
use pannier::ports::drain::WakeReason;
use pannier::ports::push::Subscription;
use pannier::ports::store::{StoreError, Table};
use pannier::ports::{Keep, Room};
use pannier::testing::backend::Fault;
use pannier::testing::net::json;
use pannier::testing::run::run;
use serde_json::{Map, Value};

const DAY: i64 = 24 * 3_600_000;

fn tidy(phone: &Phone, room: Option<Room>) -> pannier::ports::Tidied {
    run(&phone.clock, phone.core.tidy(room)).expect("tidies")
}
fn tables(phone: &Phone, tables: &[Table]) -> Vec<usize> {
    let store = &phone.core.host.store;
    tables.iter().map(|table| store.count(*table)).collect()
}
fn pictures(phone: &Phone) -> usize {
    phone.core.host.store.pictures()
}
/// Everything of a stop, photo included, confirmed by the backend.
fn delivered(phone: &Phone, stop: &str, tail: u8) {
    phone.done(arrive(stop));
    phone.done(scan(stop, &format!("PN-{stop}-A")));
    phone.done(scan(stop, &format!("PN-{stop}-B")));
    phone.photo(stop, tail);
    phone.done(deliver(stop, ParcelFate::Delivered));
    phone.settle();
}

#[test]
fn signing_out_with_nothing_unsent_leaves_nothing_of_a_person_behind() {
    let phone = Phone::new();
    delivered(&phone, "s1", 1);
    assert!(phone.core.host.store.dump().contains("Anna Berg"));
    run(&phone.clock, phone.core.sign_out(false)).expect("signs out");
    let left = phone.core.host.store.dump();
    for trace in ["Anna", "Street", "PN-s1", "token-1"] {
        assert!(!left.contains(trace), "{trace} is still there");
    }
    assert_eq!(pictures(&phone), 0);
    use Table::{Blobs, Drafts, Operations, Session, Settled, Stops, Wakes};
    assert_eq!(
        tables(
            &phone,
            &[Operations, Settled, Blobs, Drafts, Stops, Session, Wakes]
        ),
        [0; 7]
    );
    // Numbers go on where they were: none is used twice.
    phone.sign_in();
    run(&phone.clock, phone.core.refresh_route()).expect("refreshes");
    let receipt = run(&phone.clock, phone.core.record(note("s2", "x"), None)).expect("records");
    assert!(receipt.seq > 5);
}

#[test]
fn signing_out_with_unsent_work_is_refused_and_then_keeps_just_that() {
    let phone = Phone::new();
    delivered(&phone, "s1", 1);
    phone.backend.faults(|_| Fault::Lost);
    phone.done(arrive("s2"));
    phone.photo("s2", 2);
    phone.drain(WakeReason::Recorded);
    assert_eq!(
        run(&phone.clock, phone.core.sign_out(false)).map_err(|e| e.code),
        Err("unsent_work".to_owned())
    );
    assert_eq!(pictures(&phone), 2, "a refusal changes nothing");
    run(&phone.clock, phone.core.sign_out(true)).expect("signs out");
    assert_eq!(pictures(&phone), 1, "only the unsent one is left");
    use Table::{Operations, Settled, Stops};
    assert_eq!(tables(&phone, &[Operations, Settled, Stops]), [2, 0, 1]);
    assert!(!phone.core.host.store.dump().contains("token-1"));
    phone.backend.healthy();
    phone.sign_in();
    phone.clock.advance(120_000);
    phone.settle();
    let kinds: Vec<_> = phone
        .backend
        .effects()
        .into_iter()
        .map(|e| e.kind)
        .collect();
    assert_eq!(&kinds[kinds.len() - 2..], ["arrive", "photo"]);
}

#[test]
fn a_half_filled_stop_is_a_reason_to_ask_before_signing_out() {
    let phone = Phone::new();
    let staging = phone.core.stage(JPEG, JPEG.len() as u64, JPEG.to_vec());
    let handle = run(&phone.clock, staging).expect("stages").handle;
    let draft = phone
        .core
        .save_draft(StopId::new("s1"), vec![handle], Map::new());
    run(&phone.clock, draft).expect("keeps");
    let refused = run(&phone.clock, phone.core.sign_out(false)).expect_err("is refused");
    assert_eq!(refused.code, "unsent_work");
    assert_eq!(refused.values.expect("says how many")["drafts"], 1);
    run(&phone.clock, phone.core.sign_out(true)).expect("signs out");
    assert_eq!(
        (pictures(&phone), tables(&phone, &[Table::Drafts])),
        (0, vec![0])
    );
}

#[test]
fn what_another_tab_keeps_while_the_push_sender_is_told_stops_the_sign_out() {
    let phone = Phone::new();
    let (tab, clock) = (phone.tab(7), phone.clock.clone());
    phone.net.answer_with(move |request| {
        assert!(request.url.ends_with("/push/subscriptions/end"));
        let fields = Map::from_iter([("who".to_owned(), "Anna".into())]);
        let draft = tab.save_draft(StopId::new("s1"), vec![], fields);
        run(&clock, draft).expect("keeps");
        json(204, &Value::Null)
    });
    let was = Subscription {
        endpoint: "https://push.example/1".to_owned(),
        p256dh: "key".to_owned(),
        auth: "secret".to_owned(),
    };
    let refused = run(&phone.clock, phone.core.sign_out_of(false, Some(was)));
    assert_eq!(refused.expect_err("is refused").code, "unsent_work");
    assert_eq!(tables(&phone, &[Table::Drafts]), [1]);
    let left = run(&phone.clock, phone.core.session()).expect("reads");
    assert!(left.is_some(), "still signed in");
}

#[test]
fn what_a_person_set_aside_outlives_the_sign_out_until_its_age_takes_it() {
    let phone = Phone::new();
    phone.backend.faults(|_| Fault::Lost);
    let photo = phone.photo("s1", 3);
    run(&phone.clock, phone.core.discard(&photo, "blurred")).expect("discards");
    run(&phone.clock, phone.core.sign_out(false)).expect("signs out");
    assert_eq!(
        (pictures(&phone), tables(&phone, &[Table::Settled])),
        (1, vec![1])
    );
    phone.clock.advance(15 * DAY);
    tidy(&phone, None);
    assert_eq!(
        (pictures(&phone), tables(&phone, &[Table::Settled])),
        (0, vec![0])
    );
    phone.clock.advance(DAY);
    tidy(&phone, None);
    assert_eq!(tables(&phone, &[Table::Session]), [0], "and then the name");
}

#[test]
fn a_sign_out_that_is_cut_short_is_finished_later() {
    let phone = Phone::new();
    delivered(&phone, "s1", 1);
    for polls in 1..40 {
        let tab = phone.tab(polls);
        let cut = pannier::testing::run::run_until(
            &phone.clock,
            tab.sign_out(false),
            usize::try_from(polls).expect("fits"),
        );
        if cut.is_some() {
            break;
        }
    }
    phone.clock.advance(DAY);
    tidy(&phone, None);
    assert!(!phone.core.host.store.dump().contains("Anna"));
    assert_eq!(pictures(&phone), 0);
}

#[test]
fn photos_go_after_three_days_and_names_after_fourteen_and_unsent_work_never() {
    let phone = Phone::new();
    delivered(&phone, "s1", 1);
    phone.backend.faults(|r| match &*r.method {
        "POST" => Fault::Status(503),
        _ => Fault::None,
    });
    phone.done(arrive("s2"));
    let unsent = phone.photo("s2", 2);
    phone.clock.advance(2 * DAY);
    tidy(&phone, None);
    assert_eq!(pictures(&phone), 2, "both are young");
    phone.clock.advance(DAY + 60_000);
    let tidied = tidy(&phone, None);
    assert_eq!((tidied.photos, tidied.operations), (1, 0));
    assert_eq!(pictures(&phone), 1);
    assert!(
        tables(&phone, &[Table::Settled])[0] >= 5,
        "the history stays"
    );
    phone.clock.advance(11 * DAY);
    let tidied = tidy(&phone, None);
    assert_eq!(tidied.operations, 5);
    assert_eq!(tables(&phone, &[Table::Settled]), [0]);
    phone.clock.advance(100 * DAY);
    tidy(&phone, None);
    assert_eq!(pictures(&phone), 1, "what is not settled is never pruned");
    phone.backend.healthy();
    phone.sign_in();
    phone.settle();
    assert_eq!(phone.effects("photo").len(), 2, "{unsent} went out at last");
}

#[test]
fn the_photo_of_a_stop_with_unsent_work_stays_for_it() {
    let phone = Phone::new();
    phone.photo("s1", 1);
    phone.settle();
    phone.backend.faults(|_| Fault::Lost);
    phone.done(note("s1", "not sent"));
    phone.drain(WakeReason::Recorded);
    phone.clock.advance(4 * DAY);
    assert_eq!(tidy(&phone, None).photos, 0);
    phone.backend.healthy();
    phone.sign_in();
    phone.settle();
    phone.clock.advance(DAY);
    assert_eq!(tidy(&phone, None).photos, 1, "later its turn comes again");
}

#[test]
fn a_full_phone_gives_up_settled_photos_first_and_nothing_else() {
    let phone = Phone::new();
    delivered(&phone, "s1", 1);
    delivered(&phone, "s2", 2);
    phone.backend.faults(|_| Fault::Lost);
    phone.done(arrive("s3"));
    phone.photo("s3", 3);
    let room = |usage| {
        Some(Room {
            usage,
            quota: 1_000,
        })
    };
    phone.clock.advance(3_600_000);
    assert_eq!(tidy(&phone, room(499)).photos, 0);
    phone.clock.advance(3_600_000);
    assert_eq!(tidy(&phone, room(501)).photos, 2);
    assert_eq!(pictures(&phone), 1);
    assert_eq!(tables(&phone, &[Table::Settled]), [10]);
    let keep = Keep {
        storage_percent: Some(90),
        photo_days: Some(1),
        ..Keep::default()
    };
    run(&phone.clock, phone.core.keep(&keep)).expect("keeps");
    // Another context goes by the same settings.
    phone.backend.healthy();
    phone.settle();
    phone.clock.advance(DAY + 3_600_000);
    let worker = phone.tab(9);
    let tidied = run(&phone.clock, worker.tidy(room(501))).expect("tidies");
    assert_eq!(tidied.photos, 1);
}

#[test]
fn a_turn_of_pruning_costs_the_same_with_twenty_thousand_settled() {
    let phone = Phone::new();
    phone.photo("s1", 1);
    phone.settle();
    let store = &phone.core.host.store;
    let cost = |phone: &Phone| {
        phone.clock.advance(3_600_000);
        let before = store.records_read();
        tidy(phone, None);
        store.records_read() - before
    };
    let few = cost(&phone);
    store.multiply_settled(20_000, 60_000);
    assert_eq!(tables(&phone, &[Table::Settled]), [20_000]);
    let many = cost(&phone);
    assert!(
        many < few + 450,
        "{many} records were read instead of {few}"
    );
    // Turn by turn they go, once they are old enough.
    phone.clock.advance(60 * DAY);
    for turn in 1..=5 {
        let tidied = tidy(&phone, None);
        assert_eq!((tidied.operations, tidied.more), (100, true));
        assert_eq!(tables(&phone, &[Table::Settled]), [20_000 - turn * 100]);
    }
    assert_eq!(pictures(&phone), 0);
}

#[test]
fn what_waits_makes_no_turn_of_pruning_longer() {
    let phone = Phone::new();
    phone.done(note("s1", "sent"));
    phone.settle();
    let store = &phone.core.host.store;
    store.multiply_settled(20_000, 60_000);
    // All of it is old enough to go.
    phone.clock.advance(60 * DAY);
    phone.backend.faults(|_| Fault::Lost);
    let cost = |waiting: u32| {
        for n in phone.waiting()..waiting {
            phone.done(note(&format!("s{}", n % 3 + 4), &n.to_string()));
        }
        phone.drain(WakeReason::Visible);
        let before = store.records_read();
        phone.drain(WakeReason::Visible);
        let wake = store.records_read() - before;
        assert_eq!(tidy(&phone, None).operations, 100);
        (wake, store.records_read() - before - wake)
    };
    cost(6);
    let few = cost(6);
    assert_eq!(cost(300), few, "records read by a wake, and by its pruning");
}

#[test]
fn a_picture_that_was_recorded_once_more_stays_with_what_is_not_sent() {
    let phone = Phone::new();
    phone.photo("s1", 1);
    phone.settle();
    phone.backend.faults(|_| Fault::Lost);
    let blob = phone.core.host.store.only_picture();
    let stop = StopId::new("s2");
    phone.done(Intent::Photo { stop, blob });
    phone.clock.advance(20 * DAY);
    let tidied = tidy(&phone, None);
    assert_eq!((tidied.photos, tidied.operations), (0, 1));
    assert_eq!(pictures(&phone), 1);
}

#[test]
fn recording_and_sending_go_on_while_another_tab_prunes() {
    let phone = Phone::new();
    delivered(&phone, "s1", 1);
    phone.clock.advance(20 * DAY);
    let tab = phone.tab(11);
    let (tidied, recorded) = run(&phone.clock, async {
        futures_util::future::join(tab.tidy(None), phone.core.record(note("s2", "x"), None)).await
    });
    recorded.expect("records");
    tidied.expect("tidies");
    phone.sign_in();
    phone.settle();
    assert_eq!(phone.effects("notes").len(), 1);
}

#[test]
fn a_picture_that_is_not_what_was_recorded_is_parked_and_never_sent() {
    let phone = Phone::new();
    let id = phone.photo("s1", 1);
    let store = &phone.core.host.store;
    let handle = store.only_picture();
    let mut other = JPEG.to_vec();
    other.push(99);
    store.spoil_bytes(&handle, Some(other));
    phone.drain(WakeReason::Recorded);
    assert_eq!(phone.reason(&id).map(|r| r.0), Some("blob_changed".into()));
    assert_eq!(phone.effects("photo").len(), 0);
    assert!(
        phone.net.sent().iter().all(|r| r.pictures().is_empty()),
        "its bytes never left"
    );
    let mut whole = JPEG.to_vec();
    whole.push(1);
    store.spoil_bytes(&handle, Some(whole));
    run(&phone.clock, phone.core.retry(&id)).expect("retries");
    phone.settle();
    assert_eq!(phone.effects("photo").len(), 1);
}

#[test]
fn a_picture_whose_bytes_are_gone_is_parked_and_told() {
    let phone = Phone::new();
    let id = phone.photo("s1", 1);
    let store = &phone.core.host.store;
    store.spoil_bytes(&store.only_picture(), None);
    phone.done(arrive("s2"));
    phone.drain(WakeReason::Recorded);
    assert_eq!(phone.reason(&id).map(|r| r.0), Some("blob_missing".into()));
    assert_eq!(phone.effects("arrive").len(), 1, "other stops go on");
}

#[test]
fn a_stop_that_cannot_be_read_is_set_aside_and_its_work_waits_for_a_person() {
    let phone = Phone::new();
    let id: OperationId = phone.done(note("s1", "x"));
    phone.core.host.store.spoil(Table::Stops, 0);
    assert_eq!(
        phone.record(note("s1", "y")),
        Err("stop_unknown".to_owned()),
        "fetching the route helps"
    );
    let status = run(&phone.clock, phone.core.status()).expect("reads");
    assert_eq!(status.quarantined, 1);
    phone.drain(WakeReason::Recorded);
    assert_eq!(
        phone.reason(&id).map(|r| r.0),
        Some("stop_unreadable".into())
    );
    assert_eq!(
        phone.effects("notes").len(),
        0,
        "nothing is sent without it"
    );
    run(&phone.clock, phone.core.refresh_route()).expect("refreshes");
    run(&phone.clock, phone.core.retry(&id)).expect("retries");
    phone.settle();
    assert_eq!(phone.marks("notes"), [id.0]);
}

#[test]
fn an_unreadable_operation_amid_its_lane_is_told_as_soon_as_the_outbox_is_looked_at() {
    let phone = Phone::new();
    phone.backend.faults(|_| Fault::Lost);
    phone.done(note("s1", "first"));
    let second = phone.done(note("s1", "second"));
    phone.core.host.store.spoil_body(&second.0);
    let page = run(&phone.clock, phone.core.outbox(Default::default())).expect("lists");
    assert_eq!(page.items.len(), 1);
    let status = run(&phone.clock, phone.core.status()).expect("reads");
    assert_eq!((status.quarantined, status.waiting), (1, 1));
}

#[test]
fn a_store_of_a_newer_core_shows_what_it_can_and_refuses_the_rest_by_name() {
    let phone = Phone::new();
    phone.backend.faults(|_| Fault::Lost);
    phone.done(note("s1", "recorded before"));
    let newer = StoreError::Newer { found: 7, known: 1 };
    phone.core.host.store.read_only(newer);
    let core = phone.tab(3);
    let refused = run(&phone.clock, core.record(note("s1", "after"), None)).expect_err("refuses");
    assert_eq!(refused.code, "storage_newer");
    assert!(refused.message.contains('7'), "{}", refused.message);
    let status = run(&phone.clock, core.status()).expect("reads");
    assert_eq!(status.waiting, 1);
    let page = run(&phone.clock, core.outbox(Default::default())).expect("lists");
    assert_eq!(page.items.len(), 1);
    let index = run(&phone.clock, core.export(None)).expect("exports");
    assert_eq!(index["operations"].as_array().map(Vec::len), Some(1));
    assert!(run(&phone.clock, core.route()).is_ok());
    assert!(run(&phone.clock, core.drain(WakeReason::Manual, None)).is_err());
}
