//! Every profile that ships, held to conversations with its backend: what a courier does, what is
//! then asked, to the letter, and what the answers come to. `profiles/fixtures/README.md` says how
//! they are written; with `PANNIER_BLESS=1` the requests are filled in, to be read before they are
//! committed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use pannier::domain::dictionary::Dictionary;
use pannier::domain::ids::StopId;
use pannier::domain::json::{FromJson, ToJson};
use pannier::domain::operation::Intent;
use pannier::ports::Driver;
use pannier::ports::drain::WakeReason;
use pannier::ports::views::OutboxQuery;
use pannier::profile::http::{Answer, Body, NetFailure, Part, Piece, Request};
use pannier::profile::judge::{ProbeFinding, Ruling, answer_value, judge_knowing, judge_probe};
use pannier::profile::read::read;
use pannier::profile::value::Context;
use pannier::testing::clock::TestClock;
use pannier::testing::host::TestHost;
use pannier::testing::net::TestNet;
use pannier::testing::run::run;
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 1, 2, 3];
const PNG: &[u8] = &[0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 7];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = fs::read_dir(folder)
        .expect("is there")
        .map(|entry| entry.expect("is listed").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    out.sort();
    out
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        other => panic!("an object is expected, not {other}"),
    }
}

/// A request as the fixtures write it: tokens stay, they are made up.
fn written(request: &Request) -> Value {
    let headers: Map<String, Value> = request
        .headers
        .iter()
        .map(|(k, v)| (k.clone(), json!(v)))
        .collect();
    let parsed = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    let body = match &request.body {
        Body::Empty => Value::Null,
        Body::Json(text) => parsed(text),
        Body::Form(text) => json!(text),
        Body::Blob { media_type, .. } => json!(format!("<the picture as {media_type}>")),
        Body::JsonPieces(pieces) => {
            let text: String = pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.as_str(),
                    Piece::Base64(_) => "<the picture in base64>",
                })
                .collect();
            parsed(&text)
        }
        Body::Multipart(parts) => parts
            .iter()
            .map(|part| match part {
                Part::Text { name, value } => json!({ name: value }),
                Part::File {
                    name,
                    filename,
                    media_type,
                    ..
                } => json!({ name: format!("<the picture as {media_type}, {filename}>") }),
            })
            .collect(),
    };
    let mut out = json!({ "method": request.method, "url": request.url });
    if !headers.is_empty() {
        out["headers"] = Value::Object(headers);
    }
    if !body.is_null() {
        out["body"] = body;
    }
    if request.cookies {
        out["cookies"] = json!(true);
    }
    out
}

/// `<operation 2>` in an answer stands for the id of the second operation that was recorded.
fn answer_of(exchange: &Value, recorded: &[String]) -> Result<Answer, NetFailure> {
    let mut given = exchange["answer"].to_string();
    for (i, id) in recorded.iter().enumerate() {
        given = given.replace(&format!("<operation {}>", i + 1), id);
    }
    let given: Value = serde_json::from_str(&given).expect("is JSON still");
    if given == "lost" {
        return Err(NetFailure::Unreachable);
    }
    let mut headers: Dictionary<String, String> = object(given["headers"].clone())
        .into_iter()
        .map(|(k, v)| (k, v.as_str().expect("a text").to_owned()))
        .collect();
    let body = match &given["body"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        json => {
            headers.insert("content-type".into(), "application/json".into());
            json.to_string()
        }
    };
    Ok(Answer {
        status: u16::from_json(given["status"].clone()).expect("a status"),
        headers,
        body,
        ..Answer::default()
    })
}

/// Has one conversation; gives what was asked, in order.
fn converse(profile: &str, talk: &Value, name: &str) -> Vec<Value> {
    let clock = TestClock::default();
    let asked: Rc<RefCell<Vec<Value>>> = Rc::default();
    let exchanges = talk["exchanges"].as_array().expect("exchanges").clone();
    let recorded: Rc<RefCell<Vec<String>>> = Rc::default();
    let (seen, told, ids) = (asked.clone(), name.to_owned(), recorded.clone());
    let net = TestNet::new(&clock, move |request| {
        let place = seen.borrow().len();
        seen.borrow_mut().push(written(request));
        let Some(exchange) = exchanges.get(place) else {
            panic!(
                "{told}: asked once more than the fixture answers: {}",
                written(request)
            )
        };
        answer_of(exchange, &ids.borrow())
    });
    let texts = |value: &Value| -> Dictionary<String, String> {
        object(value.clone())
            .into_iter()
            .map(|(k, v)| (k, v.as_str().expect("a text").to_owned()))
            .collect()
    };
    let host = TestHost::new(&clock, &net, 7);
    let opening = Driver::open(
        host,
        Some(profile.to_owned()),
        Dictionary::default(),
        texts(&talk["secrets"]),
    );
    let core = run(&clock, opening).unwrap_or_else(|e| panic!("{name}: {}", e.message));
    let mut refused = vec![];
    for doing in talk["courier"].as_array().expect("what the courier does") {
        let (what, with) = doing
            .as_object()
            .and_then(|o| o.iter().next())
            .expect("one thing");
        let error = match what.as_str() {
            "signIn" => run(&clock, core.sign_in(object(with.clone()))).err(),
            "fetches" => run(&clock, core.refresh_route()).err(),
            "waits" => {
                clock.advance(with.as_i64().expect("ms"));
                None
            }
            "sends" => run(&clock, core.drain(WakeReason::Manual, None)).err(),
            "records" => {
                let mut intent = object(with.clone());
                if let Some(kind) = intent.remove("picture") {
                    let bytes = if kind == "png" { PNG } else { JPEG };
                    let staging = core.stage(bytes, bytes.len() as u64, bytes.to_vec());
                    let staged = run(&clock, staging).expect("is staged");
                    intent.insert("blob".into(), json!(staged.handle.0));
                }
                let intent = Intent::from_json(Value::Object(intent))
                    .unwrap_or_else(|e| panic!("{name}: {e}"));
                match run(&clock, core.record(intent, None)) {
                    Ok(receipt) => {
                        recorded.borrow_mut().push(receipt.operation.0);
                        None
                    }
                    Err(error) => Some(error),
                }
            }
            other => panic!("{name}: {other} is nothing that a courier does"),
        };
        refused.extend(error.map(|e| e.code));
    }
    let then = &talk["then"];
    let outbox = run(&clock, core.outbox(OutboxQuery::default()))
        .map(|page| page.items)
        .unwrap_or_default();
    let mut outbox: Vec<_> = outbox.into_iter().map(|i| (i.seq, i)).collect();
    outbox.sort_by_key(|(seq, _)| *seq);
    let states: Vec<Value> = outbox
        .iter()
        .map(|(_, item)| {
            let reason = item.reason.as_ref().map(|r| r.code.clone());
            let state = item.state.to_json();
            let state = state.as_str().unwrap_or_default();
            match reason {
                Some(reason) => json!(format!("{}: {}: {reason}", item.kind, state)),
                None => json!(format!("{}: {}", item.kind, state)),
            }
        })
        .collect();
    assert_eq!(json!(states), then["outbox"], "{name}: the outbox");
    assert_eq!(
        json!(refused),
        then.get("refused").cloned().unwrap_or(json!([])),
        "{name}: what was refused"
    );
    for (id, wanted) in object(then["stops"].clone()) {
        let stop = run(&clock, core.stop(&StopId::new(&id))).expect("reads");
        let stop = pannier::domain::json::ToJson::to_json(
            &stop.unwrap_or_else(|| panic!("{name}: no stop {id}")),
        );
        for (field, value) in object(wanted) {
            assert_eq!(stop[&field], value, "{name}: {id}: {field}");
        }
    }
    drop(core);
    Rc::try_unwrap(asked)
        .map(RefCell::into_inner)
        .unwrap_or_else(|asked| asked.borrow().clone())
}

#[test]
fn every_profile_that_ships_is_read_and_says_what_it_cannot() {
    for path in files(&folder()) {
        let text = fs::read_to_string(&path).expect("is text");
        if path.to_string_lossy().ends_with(".schema.json") {
            continue;
        }
        let profile = read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            profile.notes.is_some_and(|n| n.len() > 80),
            "{}: its notes",
            path.display()
        );
    }
}

#[test]
fn every_conversation_goes_as_written() {
    let bless = std::env::var_os("PANNIER_BLESS").is_some();
    let mut count = 0;
    for path in files(&folder().join("fixtures")) {
        let name = path
            .file_stem()
            .expect("has a name")
            .to_string_lossy()
            .into_owned();
        let profile =
            fs::read_to_string(folder().join(format!("{name}.json"))).expect("has a profile");
        let text = fs::read_to_string(&path).expect("is text");
        let mut document: Value = serde_json::from_str(&text).expect("is JSON");
        for talk in document["conversations"]
            .as_array_mut()
            .expect("conversations")
        {
            let title = format!("{name}: {}", talk["title"].as_str().expect("a title"));
            let asked = converse(&profile, talk, &title);
            let exchanges = talk["exchanges"].as_array_mut().expect("exchanges");
            if bless {
                for (exchange, request) in exchanges.iter_mut().zip(asked) {
                    exchange["request"] = request;
                }
            } else {
                assert_eq!(asked.len(), exchanges.len(), "{title}: requests");
                for (exchange, request) in exchanges.iter().zip(asked) {
                    assert_eq!(request, exchange["request"], "{title}");
                }
            }
            count += 1;
        }
        if bless {
            let printed = serde_json::to_string_pretty(&document).expect("prints");
            fs::write(&path, format!("{printed}\n")).expect("is written");
        }
    }
    assert!(count >= 15, "{count} conversations");
}

/// What a running server really answered, one file for each kind of answer, and what it means.
#[test]
fn answers_of_a_real_server_are_judged_as_they_are_meant() {
    let mut count = 0;
    let profile = fs::read_to_string(folder().join("pocketbase.json")).expect("is there");
    let profile = read(&profile).expect("can be used");
    for path in files(&folder().join("fixtures/pocketbase")) {
        let fixture: Value =
            serde_json::from_str(&fs::read_to_string(&path).expect("is text")).expect("is JSON");
        let name = fixture["name"].as_str().expect("a name");
        let answered = json!({ "answer": fixture["answered"] });
        let answer = answer_of(&answered, &[]).expect("is an answer");
        let context = Context::default().with("operation", fixture["operation"].clone());
        let place: Vec<&str> = fixture["rules"]
            .as_str()
            .expect("rules")
            .split('/')
            .collect();
        let sign_in = &profile.sign_in;
        let step_of = |kind: &str, id: &str| {
            let steps = &profile.operations.get(kind).expect("a kind").steps;
            steps.iter().find(|s| s.step_id == id).expect("a step")
        };
        let rules = match place[..] {
            ["operations", kind, "steps", step, "probe"] => {
                let probe = step_of(kind, step).probe.as_ref().expect("a probe");
                let found = match judge_probe(probe, &answer, &answer_value(&answer), &context)
                    .expect("is judged")
                {
                    ProbeFinding::Applied => "applied",
                    ProbeFinding::NotApplied => "not_applied",
                    ProbeFinding::Unknown => "unknown",
                };
                assert_eq!(fixture["verdict"], found, "{name}");
                count += 1;
                continue;
            }
            ["operations", kind, "steps", step] => &step_of(kind, step).outcomes,
            ["signIn"] => &sign_in.outcomes,
            ["signIn", "refresh"] => &sign_in.refresh.as_ref().expect("is there").outcomes,
            ["signIn", "probe"] => &sign_in.probe.as_ref().expect("is there").outcomes,
            ["heartbeat"] => &profile.heartbeat.as_ref().expect("is there").outcomes,
            ["route", "reads", id] => {
                let read = profile.route.reads.iter().find(|r| r.read_id == id);
                &read.expect("a read").outcomes
            }
            _ => panic!("{name}: {} is no place", fixture["rules"]),
        };
        let verdict = |signed_in: bool| {
            let judged = judge_knowing(rules, &profile, &answer, &context, signed_in);
            match judged.expect("is judged").verdict {
                Ruling::Rule(verdict) => verdict.name(),
                Ruling::Unmatched => "unmatched",
            }
        };
        assert_eq!(fixture["verdict"], verdict(false), "{name}");
        if let Some(known) = fixture["signedIn"].as_str() {
            assert_eq!(known, verdict(true), "{name}, signed in for sure");
        }
        count += 1;
    }
    assert!(count >= 30, "{count} answers");
}
