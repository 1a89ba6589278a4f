//! The ordinary REST backend: what it seeds, what it takes, what it refuses.

use std::collections::HashSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::client::{AT, PNG, Request, Sandbox};

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

#[test]
fn a_courier_signs_in_and_a_stranger_does_not() {
    let sandbox = Sandbox::start();
    let sign_in = |password: &str| {
        let body = json!({"username": "anna", "password": password});
        sandbox.ask(Request::post("/api/login").json(&body))
    };
    let answer = sign_in("packet123").json();
    assert_eq!(
        answer["courier"],
        json!({"id": "c-anna", "name": "Anna Lindqvist"})
    );
    assert_eq!(answer["expires_in"], 3600);
    assert!(answer["now"].as_i64().unwrap() > AT);
    let refused = sign_in("wrong");
    assert_eq!(
        (refused.status, refused.code()),
        (401, "bad_credentials".into())
    );
    let stranger = sandbox.ask(Request::get("/api/route"));
    assert_eq!(
        (stranger.status, stranger.code()),
        (401, "not_signed_in".into())
    );
    let invented = sandbox.ask(Request::get("/api/route").bearer("nobody"));
    assert_eq!(
        (invented.status, invented.code()),
        (401, "not_signed_in".into())
    );
    assert_eq!(sandbox.ask(Request::get("/api/health")).json()["ok"], true);
}

#[test]
fn an_expired_token_is_refused_until_it_is_refreshed() {
    let sandbox = Sandbox::start();
    let body = json!({"username": "anna", "password": "packet123"});
    let first = sandbox.ask(Request::post("/api/login").json(&body)).json();
    let route =
        |token: &Value| sandbox.ask(Request::get("/api/route").bearer(token.as_str().unwrap()));
    let refresh = || {
        let body = json!({"refresh_token": first["refresh_token"]});
        sandbox.ask(Request::post("/api/token/refresh").json(&body))
    };
    sandbox.control("expire-tokens", &json!({}));
    assert_eq!(route(&first["access_token"]).code(), "token_expired");
    let second = refresh().json();
    assert_eq!(route(&second["access_token"]).status, 200);
    assert_eq!(refresh().status, 200, "a lost answer locks nobody out");
    sandbox.control("token-life", &json!({"seconds": 0}));
    let third = refresh().json();
    assert_eq!(third["expires_in"], 0);
    assert_eq!(route(&third["access_token"]).code(), "token_expired");
    sandbox.control("expire-tokens", &json!({"refresh": true}));
    let refused = refresh();
    assert_eq!(
        (refused.status, refused.code()),
        (401, "refresh_invalid".into())
    );
}

#[test]
fn annas_day_has_twelve_stops_twenty_one_parcels_and_every_kind_of_proof() {
    let sandbox = Sandbox::start();
    let route = sandbox.sign_in("anna").get("/api/route").json();
    let stops = list(&route["stops"]);
    assert_eq!(stops.len(), 12);
    assert_eq!(route["route"]["courier_id"], "c-anna");
    let parcels: Vec<&Value> = stops
        .iter()
        .flat_map(|stop| list(&stop["parcels"]))
        .collect();
    assert_eq!(parcels.len(), 21);
    let codes: HashSet<&str> = parcels
        .iter()
        .map(|parcel| parcel["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes.len(), 21);
    assert!(codes.contains("PN-7H2K-0001"));
    let count = |fits: &dyn Fn(&Value) -> bool| stops.iter().filter(|stop| fits(stop)).count();
    let size = |stop: &Value| list(&stop["parcels"]).len();
    assert_eq!(count(&|stop| size(stop) == 3), 1);
    assert_eq!(count(&|stop| size(stop) == 4), 1);
    assert_eq!(count(&|stop| stop["proof"]["signature"] == "required"), 1);
    assert_eq!(
        count(&|stop| stop["proof"]["signature"] == "required"
            && stop["proof"]["photo"] == "required"),
        1
    );
    assert_eq!(count(&|stop| stop["address"].get("door_code").is_some()), 1);
    assert_eq!(
        count(&|stop| stop["kind"] == "pickup" && size(stop) == 2),
        1
    );
    assert_eq!(count(&|stop| stop["kind"] == "pickup"), 1);
    let optional = |stop: &Value| {
        ["photo", "signature", "scan"]
            .iter()
            .all(|proof| stop["proof"][proof] == "optional")
    };
    assert_eq!(count(&optional), 1);
    assert_eq!(count(&|stop| stop["proof"]["overridable"] == true), 1);
    for (place, stop) in stops.iter().enumerate() {
        assert_eq!(stop["sequence"], place + 1);
        assert_eq!(stop["status"], "assigned");
        assert!(stop["window"]["from"].as_i64() < stop["window"]["to"].as_i64());
        let day_ms = 24 * 3600 * 1000;
        assert!(
            (stop["window"]["from"].as_i64().unwrap() - route["now"].as_i64().unwrap()).abs()
                < day_ms
        );
        assert!(stop["address"]["lat"].is_f64() && stop["address"]["lon"].is_f64());
    }
}

#[test]
fn omar_has_two_stops_and_cannot_see_annas() {
    let sandbox = Sandbox::start();
    let omar = sandbox.sign_in("omar");
    assert_eq!(list(&omar.get("/api/route").json()["stops"]).len(), 2);
    assert_eq!(omar.arrive("st-01").status, 404);
    assert_eq!(omar.get("/api/stops/st-01/events").status, 404);
    assert_eq!(
        omar.post("/api/parcels/PN-7H2K-0001/load", &json!({"at": AT}))
            .status,
        404
    );
    assert_eq!(omar.photo("st-01", PNG).status, 404);
}

#[test]
fn a_delivery_runs_from_assigned_over_arrived_to_delivered() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    let early = anna.post(
        "/api/stops/st-01/fail",
        &json!({"at": AT, "reason": "closed"}),
    );
    assert_eq!(early.status, 409);
    assert_eq!(early.json()["error"]["from"], "assigned");
    assert_eq!(early.json()["error"]["to"], "failed");
    assert_eq!(early.code(), "illegal_transition");
    let loaded = anna.post("/api/parcels/PN-7H2K-0001/load", &json!({"at": AT}));
    assert_eq!(loaded.json()["parcel"]["loaded"], true);
    let arrived = anna.arrive("st-01");
    assert_eq!(
        arrived.json(),
        json!({"stop": {"id": "st-01", "status": "arrived", "version": 2}})
    );
    assert_eq!(anna.arrive("st-01").code(), "illegal_transition");
    let scan = json!({"at": AT, "code": "PN-7H2K-0001", "source": "camera"});
    assert_eq!(anna.post("/api/stops/st-01/scans", &scan).status, 201);
    let photo = anna.photo("st-01", PNG).json();
    let delivery = json!({
        "at": AT, "recipient": "Karin", "photo_ids": [photo["id"]], "remarks": "op-7",
        "parcels": [{"parcel": "p-01", "outcome": "delivered"}], "an_unknown_field": {"is": "ignored"},
    });
    let done = anna.post("/api/stops/st-01/complete", &delivery);
    assert_eq!(done.json()["stop"]["status"], "delivered");
    assert_eq!(
        anna.post("/api/stops/st-01/complete", &delivery).code(),
        "illegal_transition"
    );
    let stop = anna.stop("st-01");
    assert_eq!(stop["parcels"][0]["outcome"], "delivered");
    assert_eq!(stop["parcels"][0]["loaded"], true);
    assert_eq!(
        anna.event_types("st-01"),
        ["load", "arrive", "scan", "photo", "complete"]
    );
    let events = anna.get("/api/stops/st-01/events").json();
    let complete = &events["events"][4];
    assert_eq!(complete["remarks"], "op-7");
    assert_eq!(complete["at"], AT);
    assert_eq!(complete["detail"]["recipient"], "Karin");
    assert!(complete["detail"].get("an_unknown_field").is_none());
}

#[test]
fn mixed_outcomes_make_a_stop_partial_and_a_wrong_part_changes_nothing() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    anna.arrive("st-02");
    let complete = |parcels: Value, photos: Value| {
        let body = json!({"at": AT, "recipient": "Shop", "photo_ids": photos, "parcels": parcels});
        anna.post("/api/stops/st-02/complete", &body)
    };
    let outcome = |parcel: &str, outcome: &str| json!({"parcel": parcel, "outcome": outcome});
    let photo = complete(json!([outcome("p-02", "delivered")]), json!(["ph-none"]));
    assert_eq!((photo.status, photo.code()), (422, "unknown_photo".into()));
    let parcel = complete(
        json!([outcome("p-02", "delivered"), outcome("p-01", "delivered")]),
        json!([]),
    );
    assert_eq!(
        (parcel.status, parcel.code()),
        (422, "unknown_parcel".into())
    );
    let field = complete(json!([outcome("p-02", "eaten")]), json!([]));
    assert_eq!(
        (field.status, field.json()["error"]["field"].clone()),
        (400, "parcels".into())
    );
    let stop = anna.stop("st-02");
    assert_eq!(stop["status"], "arrived");
    assert!(stop["parcels"][0].get("outcome").is_none());
    let mixed = json!([
        outcome("p-02", "delivered"),
        outcome("p-03", "failed"),
        outcome("p-04", "returned")
    ]);
    assert_eq!(
        complete(mixed, json!([])).json()["stop"]["status"],
        "partial"
    );
}

#[test]
fn a_pickup_a_failure_and_a_return_end_a_stop() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    for stop in ["st-06", "st-07", "st-09"] {
        anna.arrive(stop);
    }
    let parcels: Vec<Value> = list(&anna.stop("st-06")["parcels"])
        .iter()
        .map(|parcel| parcel["id"].clone())
        .collect();
    let picked = anna.post(
        "/api/stops/st-06/pickup",
        &json!({"at": AT, "parcels": parcels}),
    );
    assert_eq!(picked.json()["stop"]["status"], "picked_up");
    assert_eq!(anna.stop("st-06")["parcels"][1]["outcome"], "picked_up");
    let failed = anna.post(
        "/api/stops/st-07/fail",
        &json!({"at": AT, "reason": "nobody_home", "text": "dark"}),
    );
    assert_eq!(failed.json()["stop"]["status"], "failed");
    let returned = anna.post(
        "/api/stops/st-09/return",
        &json!({"at": AT, "reason": "refused"}),
    );
    assert_eq!(returned.json()["stop"]["status"], "returned");
    assert_eq!(anna.stop("st-09")["parcels"][0]["outcome"], "returned");
}

#[test]
fn replayed_records_are_recorded_twice() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    let scan = Request::post("/api/stops/st-01/scans")
        .header("Idempotency-Key", "same")
        .json(&json!({"at": AT, "code": "PN-7H2K-0001"}));
    let note =
        Request::post("/api/stops/st-01/notes").json(&json!({"at": AT, "text": "gate is open"}));
    let event = Request::post("/api/stops/st-01/events")
        .json(&json!({"at": AT, "type": "temperature", "fields": {"celsius": 4}}));
    for request in [scan, note, event, Request::photo("st-01", PNG)] {
        let (first, second) = (anna.ask(request.clone()), anna.ask(request));
        assert_eq!((first.status, second.status), (201, 201));
        assert_ne!(first.json()["id"], second.json()["id"]);
    }
    assert_eq!(
        anna.event_types("st-01"),
        [
            "scan",
            "scan",
            "note",
            "note",
            "temperature",
            "temperature",
            "photo",
            "photo"
        ]
    );
}

#[test]
fn a_scan_of_another_stops_parcel_is_refused() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    let scan = anna.post(
        "/api/stops/st-01/scans",
        &json!({"at": AT, "code": "PN-7H2K-0002"}),
    );
    assert_eq!((scan.status, scan.code()), (422, "unknown_parcel".into()));
}

#[test]
fn photos_come_back_byte_for_byte() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    let mut bytes = PNG.to_vec();
    bytes.extend((0..300_000_u32).map(|number| u8::try_from(number % 251).unwrap()));
    let answer = anna.photo("st-01", &bytes).json();
    let id = answer["id"].as_str().unwrap();
    let hash: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        answer,
        json!({"id": id, "bytes": bytes.len(), "sha256": hash, "filename": "op-1.png"})
    );
    assert!(anna.get(&format!("/api/photos/{id}")).body == bytes);
    let tool = sandbox.ask(Request::get(&format!("/log/photos/{id}")));
    assert!(tool.body == bytes);
    assert_eq!(tool.header("content-type"), Some("image/png"));
    let photos = anna.get("/api/photos?stop_id=st-01").json();
    assert_eq!(
        photos["photos"],
        json!([{"id": id, "kind": "photo", "filename": "op-1.png", "bytes": bytes.len(), "sha256": hash, "taken_at": AT}])
    );
    assert_eq!(
        sandbox
            .sign_in("omar")
            .get(&format!("/api/photos/{id}"))
            .status,
        404
    );
}

#[test]
fn what_is_no_picture_or_too_large_is_refused() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    assert_eq!(anna.photo("st-01", b"hello").status, 415);
    let just_too_large = [PNG, &vec![0; 15 * 1024 * 1024]].concat();
    assert_eq!(anna.photo("st-01", &just_too_large).status, 413);
    let far_too_large = [PNG, &vec![0; 20 * 1024 * 1024]].concat();
    assert_eq!(anna.photo("st-01", &far_too_large).status, 413);
    assert_eq!(anna.photo("st-99", PNG).status, 404);
    assert!(list(&anna.get("/api/photos?stop_id=st-01").json()["photos"]).is_empty());
}

#[test]
fn a_bad_request_names_its_field() {
    let sandbox = Sandbox::start();
    let anna = sandbox.sign_in("anna");
    let field = |path: &str, body: Value| {
        let answer = anna.post(path, &body);
        assert_eq!((answer.status, answer.code()), (400, "bad_request".into()));
        answer.json()["error"]["field"].as_str().unwrap().to_owned()
    };
    assert_eq!(field("/api/stops/st-01/arrive", json!({})), "at");
    assert_eq!(
        field("/api/stops/st-01/arrive", json!({"at": "noon"})),
        "at"
    );
    assert_eq!(
        field("/api/stops/st-01/arrive", json!({"at": AT, "remarks": 7})),
        "remarks"
    );
    assert_eq!(field("/api/stops/st-01/notes", json!({"at": AT})), "text");
    assert_eq!(
        field("/api/stops/st-01/events", json!({"at": AT, "type": "x"})),
        "fields"
    );
    assert_eq!(field("/api/stops/st-01/arrive", json!([])), "body");
    let text = Request::post("/api/stops/st-01/arrive").text("text/plain", "{}");
    assert_eq!(anna.ask(text).status, 415);
    assert_eq!(anna.get("/api/stops/st-01/arrive").status, 405);
    assert_eq!(anna.get("/api/nowhere").code(), "not_found");
}

#[test]
fn the_office_can_finish_move_and_remove_a_stop() {
    let sandbox = Sandbox::start();
    let (anna, omar) = (sandbox.sign_in("anna"), sandbox.sign_in("omar"));
    let before = anna.get("/api/route").json()["route"]["version"]
        .as_i64()
        .unwrap();
    sandbox.control("stop", &json!({"id": "st-01", "status": "delivered"}));
    let conflict = anna.arrive("st-01");
    assert_eq!(conflict.json()["error"]["from"], "delivered");
    assert_eq!(anna.stop("st-01")["parcels"][0]["outcome"], "delivered");
    assert!(
        anna.get("/api/route").json()["route"]["version"]
            .as_i64()
            .unwrap()
            > before
    );
    sandbox.control("stop", &json!({"id": "st-02", "courier": "c-omar"}));
    assert_eq!(anna.arrive("st-02").status, 404);
    assert_eq!(omar.arrive("st-02").status, 200);
    sandbox.control("stop", &json!({"id": "st-03", "remove": true}));
    assert_eq!(anna.arrive("st-03").status, 404);
    assert_eq!(list(&anna.get("/api/route").json()["stops"]).len(), 10);
    let office: Vec<Value> = sandbox
        .log()
        .into_iter()
        .filter(|entry| entry["type"] == "office")
        .collect();
    assert_eq!(office.len(), 3);
    assert_eq!(office[0]["stop"], "st-01");
    assert_eq!(office[0]["applied"], true);
    assert_eq!(anna.event_types("st-01"), ["office"]);
    assert_eq!(
        sandbox
            .control("stop", &json!({"id": "st-01", "status": "lost"}))
            .status,
        400
    );
    assert_eq!(sandbox.control("reset", &json!({})).status, 200);
    assert_eq!(anna.stop("st-02")["status"], "assigned");
    assert_eq!(list(&anna.get("/api/route").json()["stops"]).len(), 12);
}
