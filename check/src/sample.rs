//! The requests of a sample day: one stop with two parcels, a photo, a signature and a position,
//! every kind of operation that the profile describes, fixed ids and times. Built by the core's own
//! code, so what is printed is what would be sent; what only an answer could give stands in angle
//! brackets.

use pannier::domain::address::{Address, Position, TimeWindow};
use pannier::domain::ids::{AccountId, BlobHandle, LaneId, OperationId, ParcelId, StopId};
use pannier::domain::json::{ToJson, object};
use pannier::domain::operation::{
    BlobPin, Intent, Operation, OperationState, Recorded, ScanSource, StepDone,
};
use pannier::domain::parcel::{Parcel, ParcelFate, ParcelOutcome};
use pannier::domain::proof::{Proof, ProofOverride, ProofPolicy};
use pannier::domain::stop::{Stop, StopKind, StopStatus};
use pannier::engine::change::StopRecord;
use pannier::engine::context::{Here, carry, for_operation, for_session, operation_value};
use pannier::engine::session::{Session, SessionState};
use pannier::profile::ProfileError;
use pannier::profile::document::{
    BodyTemplate, Call, Identity, OperationProfile, Profile, RequestTemplate, SIGN_IN_OUTPUTS,
    StepProfile,
};
use pannier::profile::http::{Body, Part, Piece, Request};
use pannier::profile::request::build;
use pannier::profile::route::Pages;
use pannier::profile::value::{Context, references};
use serde_json::{Map, Number, Value};

/// Sunday, 22 November 2026, 08:05:09 UTC.
pub const NOW_MS: i64 = 1_795_334_709_000;
/// More steps than any profile has; a document may claim to have more.
const REQUESTS_MAX: usize = 500;

/// The core's kinds, in the order of a day.
pub const KINDS: [&str; 10] = [
    "load",
    "arrive",
    "scan",
    "photo",
    "signature",
    "note",
    "pick_up",
    "deliver",
    "fail",
    "return",
];

/// One request of the day, or why there is none.
#[derive(Debug)]
pub struct Sample {
    /// "deliver, step send"
    pub what: String,
    /// where its template stands
    pub path: Vec<String>,
    pub built: Built,
}

#[derive(Debug)]
pub enum Built {
    Request(Request),
    /// its `when` does not hold on this day
    Skipped,
    Failed(ProfileError),
}

fn text(words: &str) -> Option<String> {
    Some(words.to_owned())
}

fn parcel(n: u8) -> Parcel {
    Parcel {
        id: ParcelId::new(format!("200{n}")),
        code: format!("PN-000{n}"),
        label: format!("Parcel {n}"),
        loaded: true,
        outcome: None,
    }
}

pub fn stop() -> Stop {
    Stop {
        // A number as text, for profiles that send it as a number.
        id: StopId::new("1001"),
        sequence: 1,
        kind: StopKind::Delivery,
        status: StopStatus::Open,
        version: text("7"),
        address: Address {
            name: "Ada Sample".to_owned(),
            street: "1 Sample Street".to_owned(),
            postal_code: "10115".to_owned(),
            city: "Sampleton".to_owned(),
            door_code: text("4711"),
            floor: text("2"),
            lat: Some(Number::from(52)),
            lon: Some(Number::from(13)),
            phone: text("+1 555 0100"),
        },
        window: Some(TimeWindow {
            from: NOW_MS,
            to: NOW_MS + 3_600_000,
        }),
        note: text("ring twice"),
        proof: ProofPolicy::default(),
        parcels: vec![parcel(1), parcel(2)],
    }
}

/// What `$stop.` may be followed by.
pub fn stop_fields() -> Vec<String> {
    let mut names = named(stop().to_json());
    names.push("withdrawn".to_owned());
    names
}

/// What `$operation.` may be followed by, for a kind.
pub fn fields(kind: &str) -> Vec<String> {
    let mut names = named(operation_value(&operation(kind, 1, &stop(), None)));
    names.push("supersedes".to_owned());
    names.sort();
    names
}

fn named(value: Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields.into_iter().map(|(name, _)| name).collect(),
        _ => vec![],
    }
}

fn intent(kind: &str, stop: &Stop, profile: Option<&Profile>) -> Intent {
    let at = stop.id.clone();
    let reason = |fail: bool| {
        let choices = profile.map(|p| {
            if fail {
                &p.reasons.fail
            } else {
                &p.reasons.return_
            }
        });
        let first = choices.and_then(|c| c.first());
        first.map_or("other".to_owned(), |c| c.code.clone())
    };
    let code = || {
        let first = stop.parcels.first();
        first.map_or("PN-0001".to_owned(), |p| p.code.clone())
    };
    let left_out = vec![ProofOverride {
        proof: Proof::Signature,
        reason: "the pen does not write".to_owned(),
    }];
    match kind {
        "load" => Intent::Load { code: code() },
        "arrive" => Intent::Arrive { stop: at },
        "scan" => Intent::Scan {
            stop: at,
            code: code(),
            source: ScanSource::Camera,
        },
        "photo" => Intent::Photo {
            stop: at,
            blob: BlobHandle::new("photo-1"),
        },
        "signature" => Intent::Signature {
            stop: at,
            blob: BlobHandle::new("signature-1"),
            signer: text("Ada Sample"),
        },
        "note" => Intent::Note {
            stop: at,
            text: "the bell is broken".to_owned(),
        },
        "pick_up" => Intent::PickUp {
            stop: at,
            parcels: stop.parcels.iter().map(|p| p.id.clone()).collect(),
            overrides: left_out,
        },
        "deliver" => {
            let fates = [ParcelFate::Delivered, ParcelFate::Failed];
            let outcomes = stop.parcels.iter().zip(fates.into_iter().cycle());
            Intent::Deliver {
                stop: at,
                recipient: "Ada Sample".to_owned(),
                outcomes: outcomes
                    .map(|(parcel, outcome)| ParcelOutcome {
                        parcel: parcel.id.clone(),
                        outcome,
                        reason: (outcome == ParcelFate::Failed).then(|| reason(true)),
                    })
                    .collect(),
                overrides: left_out,
            }
        }
        "fail" => Intent::Fail {
            stop: at,
            reason: reason(true),
            text: text("nobody answered"),
        },
        "return" => Intent::Return {
            stop: at,
            reason: reason(false),
            text: text("the box is torn"),
        },
        custom => {
            let mut fields = Map::new();
            fields.insert("amount".to_owned(), 1_250_u32.to_json());
            fields.insert("note".to_owned(), "a sample".to_json());
            Intent::Custom {
                name: custom.to_owned(),
                stop: Some(at),
                fields,
            }
        }
    }
}

/// A recorded operation of this kind, as it would go out.
pub fn operation(kind: &str, seq: u64, stop: &Stop, profile: Option<&Profile>) -> Operation {
    let intent = intent(kind, stop, profile);
    let blob = intent.blob().map(|handle| {
        let usual = match kind {
            "signature" => "image/svg+xml",
            _ => "image/jpeg",
        };
        let takes = profile
            .and_then(|p| p.operations.get(kind))
            .map_or(&[][..], |o| o.blob.media_types.as_slice());
        let media_type = match takes {
            [] => usual,
            some if some.iter().any(|m| m == usual) => usual,
            [first, ..] => first,
        };
        BlobPin {
            handle: handle.clone(),
            media_type: media_type.to_owned(),
            bytes: 245_760,
            sha256: "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef".to_owned(),
        }
    });
    let at = NOW_MS + i64::try_from(seq).unwrap_or(0) * 60_000;
    Operation {
        id: OperationId::mint(at, [7; 16]),
        account: AccountId::new("courier-1"),
        seq,
        lane: LaneId::stop(&stop.id),
        intent,
        recorded: Recorded {
            at,
            offset_ms: None,
            position: Some(Position {
                lat: Number::from_string_unchecked("52.52".to_owned()),
                lon: Number::from_string_unchecked("13.405".to_owned()),
                accuracy_m: Number::from(9),
                age_ms: 1_200,
            }),
        },
        blob,
        state: OperationState::Waiting {
            due_at: at,
            floor_at: at,
        },
        profile: None,
        steps: vec![],
        attempt_count: 0,
        attempts: vec![],
        failures: 0,
        refused: None,
        fresh: serde_json::Map::new(),
        overruled: 0,
        supersedes: None,
        superseded_by: None,
        released: false,
        uncounted: None,
    }
}

/// What stands for a value that only an answer or a person could give.
fn stands_for(name: &str) -> Value {
    Value::String(format!("<{name}>"))
}

/// What a sign-in gave beyond what the core itself uses.
fn further(profile: &Profile) -> impl Iterator<Item = &str> {
    let refresh = profile
        .sign_in
        .refresh
        .iter()
        .flat_map(|r| r.outputs.keys());
    let all = profile.sign_in.outputs.keys().chain(refresh);
    all.map(String::as_str)
        .filter(|name| !SIGN_IN_OUTPUTS.contains(name))
}

fn session(profile: &Profile) -> Session {
    let outputs = further(profile).map(|name| (name.to_owned(), stands_for(name)));
    Session {
        account: AccountId::new("courier-1"),
        name: "Anna Sample".to_owned(),
        token: "<token>".to_owned(),
        refresh_token: text("<refreshToken>"),
        expires_at: None,
        state: SessionState::SignedIn,
        offset_ms: None,
        outputs: outputs.collect(),
    }
}

/// Every value of a request.
pub fn values(request: &RequestTemplate) -> Vec<&Value> {
    let mut out: Vec<&Value> = request.parameters.values().collect();
    out.extend(request.headers.values());
    out.extend(&request.headers_from);
    match &request.body {
        Some(BodyTemplate::Json(tree) | BodyTemplate::Blob(tree)) => out.push(tree),
        Some(BodyTemplate::Form(fields)) => out.extend(fields.values()),
        Some(BodyTemplate::Multipart(parts)) => {
            for part in parts {
                let given = [&part.fields, &part.value, &part.blob, &part.filename];
                out.extend(given.into_iter().flatten());
            }
        }
        None => {}
    }
    out
}

/// Something for every reference that begins with `root`, at its place.
fn planted<'v>(root: &str, trees: impl IntoIterator<Item = &'v Value>) -> Value {
    let mut out = Map::new();
    let mut plain = false;
    for tree in trees {
        references(tree, &mut |reference| {
            let path = reference.replace(['#', '/'], ".");
            let mut names = path.split('.').filter(|n| !n.is_empty());
            if names.next() != Some(root) {
                return;
            }
            let names: Vec<&str> = names.collect();
            let Some((last, before)) = names.split_last() else {
                plain = true;
                return;
            };
            let mut here = &mut out;
            for name in before {
                let inner = here.entry((*name).to_owned()).or_insert(Value::Null);
                if !inner.is_object() {
                    *inner = Value::Object(Map::new());
                }
                let Value::Object(fields) = inner else { return };
                here = fields;
            }
            here.entry((*last).to_owned())
                .or_insert_with(|| stands_for(&names.join(".")));
        });
    }
    if plain && out.is_empty() {
        return stands_for(root);
    }
    Value::Object(out)
}

struct Day<'p> {
    profile: &'p Profile,
    here: Here,
    session: Session,
    out: Vec<Sample>,
}

/// All requests of the day, in its order.
pub fn day(profile: &Profile) -> Vec<Sample> {
    let secrets = profile.secrets.iter();
    let secrets = secrets.map(|name| (name.clone(), stands_for(name)));
    let mut day = Day {
        profile,
        here: Here {
            kept: Value::Null,
            now: NOW_MS,
            zone_min: 60,
            secrets: Value::Object(secrets.collect()),
            ..Here::default()
        },
        session: session(profile),
        out: vec![],
    };
    day.sign_in();
    day.route();
    day.stop();
    day.out
}

fn path(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

impl Day<'_> {
    fn ask(
        &mut self,
        what: impl Into<String>,
        path: Vec<String>,
        template: &RequestTemplate,
        context: &Context,
    ) {
        let built = match build(self.profile, template, context) {
            Ok(request) => Built::Request(request),
            Err(error) => Built::Failed(error),
        };
        self.push(what, path, built);
    }

    fn push(&mut self, what: impl Into<String>, path: Vec<String>, built: Built) {
        if self.out.len() < REQUESTS_MAX {
            self.out.push(Sample {
                what: what.into(),
                path,
                built,
            });
        }
    }

    fn signed_in(&self) -> Context<'static> {
        for_session(Some(&self.session), &self.here)
    }

    fn call(&mut self, what: &str, place: &[&str], call: Option<&Call>, context: &Context) {
        if let Some(call) = call {
            self.ask(what, path(place), &call.request, context);
        }
    }

    fn sign_in(&mut self) {
        let how = &self.profile.sign_in;
        let start = how.start.as_ref().map(|call| &call.request);
        let requests = start.into_iter().chain(&how.request);
        let mut trees: Vec<&Value> = requests.flat_map(values).collect();
        trees.extend(how.outputs.values());
        let credentials = planted("credentials", trees);
        let context = for_session(None, &self.here).with("credentials", credentials);
        self.call(
            "sign-in, start",
            &["signIn", "start", "request"],
            how.start.as_ref(),
            &context,
        );
        if let Some(request) = &how.request {
            self.ask("sign-in", path(&["signIn", "request"]), request, &context);
        }
        let context = self.signed_in();
        if let Some(refresh) = &how.refresh {
            let place = path(&["signIn", "refresh", "request"]);
            self.ask("sign-in, refresh", place, &refresh.request, &context);
        }
        self.call(
            "sign-in, probe",
            &["signIn", "probe", "request"],
            how.probe.as_ref(),
            &context,
        );
        let heartbeat = self.profile.heartbeat.as_ref();
        self.call("heartbeat", &["heartbeat", "request"], heartbeat, &context);
        if let Some(push) = &self.profile.push {
            let calls = [
                ("readKey", push.read_key.as_ref()),
                ("subscribe", Some(&push.subscribe)),
                ("unsubscribe", push.unsubscribe.as_ref()),
            ];
            for (name, call) in calls {
                let requests = call.map(|call| &call.request);
                let given = planted("push", requests.into_iter().flat_map(values));
                let context = self.signed_in().with("push", given);
                let what = format!("push, {name}");
                self.call(&what, &["push", name, "request"], call, &context);
            }
        }
    }

    fn route(&mut self) {
        let mut reads = Map::new();
        for (i, read) in self.profile.route.reads.iter().enumerate() {
            let mut context = self.signed_in().with("reads", Value::Object(reads.clone()));
            if read.for_.is_some() {
                let name = read.as_.as_deref().unwrap_or("item");
                context.set(name, planted(name, values(&read.request)));
            }
            if let Some(page) = Pages::new(read.paging.as_ref()).value() {
                context.set("page", page);
            }
            let place = path(&["route", "reads", &i.to_string(), "request"]);
            self.ask(
                format!("route, read {}", read.read_id),
                place,
                &read.request,
                &context,
            );
            reads.insert(read.read_id.clone(), Value::Array(vec![]));
        }
    }

    fn stop(&mut self) {
        let mut record = StopRecord {
            mirror: stop(),
            ..StopRecord::default()
        };
        let operations = &self.profile.operations;
        let own = operations.keys().map(String::as_str);
        let own = own.filter(|kind| !KINDS.contains(kind));
        for (i, kind) in KINDS.into_iter().chain(own).enumerate() {
            let Some(described) = operations.get(kind) else {
                continue;
            };
            let seq = i as u64 + 1;
            let mut op = operation(kind, seq, &record.mirror, Some(self.profile));
            for (i, step) in described.steps.iter().enumerate() {
                let place = path(&["operations", kind, "steps", &i.to_string()]);
                self.step(described, step, place, &mut op, &record);
            }
            if self.out.len() >= REQUESTS_MAX {
                return;
            }
            let carried = carry(self.profile, &op);
            record.progress.settle(seq, NOW_MS, carried);
        }
    }

    fn step(
        &mut self,
        described: &OperationProfile,
        step: &StepProfile,
        place: Vec<String>,
        op: &mut Operation,
        stop: &StopRecord,
    ) {
        let stop = op.stop().map(|_| stop);
        let context = for_operation(self.profile, op, stop, &self.session, &self.here);
        let what = format!("{}, step {}", op.intent.kind(), step.step_id);
        let below = |names: &[&str]| [place.clone(), path(names)].concat();
        match step
            .when
            .as_ref()
            .map(|test| test.holds(&operation_value(op), &context))
        {
            Some(Ok(false)) => return self.push(what, below(&["when"]), Built::Skipped),
            Some(Err(error)) => self.push(&what, below(&["when"]), Built::Failed(error)),
            _ => {}
        }
        self.ask(&what, below(&["request"]), &step.request, &context);
        if let (Identity::Header { name }, Some(Built::Request(request))) =
            (&step.identity, self.out.last_mut().map(|s| &mut s.built))
        {
            request.headers.push((name.clone(), op.id.0.clone()));
        }
        if let Some(probe) = &step.probe {
            let what = format!("{what}, probe");
            self.ask(what, below(&["probe", "request"]), &probe.request, &context);
        }
        let outputs = step.outputs.keys();
        let outputs = outputs.map(|name| (name.clone(), captured(described, &step.step_id, name)));
        op.steps.push(StepDone {
            step: step.step_id.clone(),
            at: NOW_MS,
            outputs: outputs.collect(),
            already: false,
        });
    }
}

/// Something that fits where a later step uses it: an address, an object of fields, or a text.
fn captured(described: &OperationProfile, step: &str, name: &str) -> Value {
    let reference = format!("$steps.{step}.outputs.{name}");
    let is = |tree: &Value| tree.as_str() == Some(&reference);
    for request in described.steps.iter().map(|s| &s.request) {
        let parts = match &request.body {
            Some(BodyTemplate::Multipart(parts)) => parts.as_slice(),
            _ => &[],
        };
        let mut objects = request
            .headers_from
            .iter()
            .chain(parts.iter().filter_map(|p| p.fields.as_ref()));
        if objects.any(is) {
            return object([(name, stands_for(name))]);
        }
        let whole = |parameter: &str| {
            ["{+", "{"].iter().any(|open| {
                let rest = request.url.strip_prefix(open);
                rest.and_then(|r| r.strip_prefix(parameter))
                    .is_some_and(|r| r.starts_with('}'))
            })
        };
        if request
            .parameters
            .iter()
            .any(|(p, tree)| is(tree) && whole(p))
        {
            return Value::String(format!("https://given.example/<{step}.{name}>"));
        }
    }
    stands_for(&format!("{step}.{name}"))
}

/// A body in words, for whoever reads it.
pub fn body_text(body: &Body) -> String {
    let picture = |handle: &BlobHandle| format!("<bytes of {handle}>");
    match body {
        Body::Empty => String::new(),
        Body::Json(text) | Body::Form(text) => shown(text),
        Body::JsonPieces(pieces) => pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Base64(handle) => format!("<base64 of {handle}>"),
            })
            .collect(),
        Body::Blob { handle, .. } => picture(handle),
        Body::Multipart(parts) => {
            let lines: Vec<String> = parts
                .iter()
                .map(|part| match part {
                    Part::Text { name, value } => format!("{name}: {value}"),
                    Part::File {
                        name,
                        filename,
                        media_type,
                        handle,
                    } => format!("{name}: {} ({media_type}, {filename})", picture(handle)),
                })
                .collect();
            lines.join("\n")
        }
    }
}

/// What stands for a value, readable in a URL or a form too.
pub fn shown(text: &str) -> String {
    text.replace("%3C", "<").replace("%3E", ">")
}
