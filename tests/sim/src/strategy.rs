//! The shipped sandbox profile, and what it becomes for a backend that honours another identity.

use pannier::testing::backend::Honours;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;

const SANDBOX: &str = include_str!("../../../profiles/sandbox.json");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// the sandbox's own profile as it ships: a mark in a free field, and a probe
    Marker,
    Header,
    RecordId,
    NaturalKey,
    Conditional,
    NoneProbe,
    None,
}

impl Strategy {
    pub const ALL: [Self; 7] = [
        Self::Marker,
        Self::Header,
        Self::RecordId,
        Self::NaturalKey,
        Self::Conditional,
        Self::NoneProbe,
        Self::None,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Marker => "marker",
            Self::Header => "header",
            Self::RecordId => "record-id",
            Self::NaturalKey => "natural-key",
            Self::Conditional => "conditional",
            Self::NoneProbe => "none-probe",
            Self::None => "none",
        }
    }

    pub fn honours(self) -> Honours {
        match self {
            Self::Header => Honours::Header,
            Self::RecordId => Honours::RecordId,
            Self::NaturalKey => Honours::NaturalKey,
            Self::Conditional => Honours::Conditional,
            Self::Marker | Self::NoneProbe | Self::None => Honours::Nothing,
        }
    }

    /// The backend recognises what comes again.
    pub fn is_honoured(self) -> bool {
        self.honours() != Honours::Nothing
    }

    pub fn has_probe(self) -> bool {
        matches!(self, Self::Marker | Self::NoneProbe)
    }

    /// What is asked for how many of it the backend holds, after its yes.
    pub fn counts(self, kind: &str) -> bool {
        let counted = ["scan", "photo", "signature", "note", "cash_collected"];
        self.has_probe() && counted.contains(&kind)
    }

    /// Of a kind that goes out as a stream, since nothing else keeps a browser from repeating it.
    pub fn streams(self, kind: &str) -> bool {
        self == Self::None && matches!(kind, "scan" | "note")
    }

    /// What an operation of this kind leaves at the backend, in order.
    pub fn effects(self, kind: &str) -> &'static [&'static str] {
        match kind {
            "load" => &["load"],
            "arrive" => &["arrive"],
            "scan" => &["scans"],
            "photo" if self == Self::RecordId => &["photo", "attach"],
            "photo" => &["photo"],
            "signature" => &["signature"],
            "note" => &["notes"],
            "deliver" => &["complete"],
            "fail" => &["fail"],
            "return" => &["return"],
            _ => &["events"],
        }
    }

    /// The profile under a revision; later ones differ in what a revision may change.
    pub fn profile(self, revision: u32) -> String {
        thread_local! {
            static MADE: RefCell<BTreeMap<(&'static str, u32), String>> = RefCell::default();
        }
        // Every page that opens brings it, some ten in a day.
        MADE.with_borrow_mut(|made| {
            let one = made.entry((self.name(), revision));
            one.or_insert_with(|| self.made(revision)).clone()
        })
    }

    fn made(self, revision: u32) -> String {
        let mut profile: Value = serde_json::from_str(SANDBOX).unwrap_or_default();
        profile["revision"] = json!(revision.to_string());
        if revision > 1 {
            profile["concurrency"] = json!(3);
        }
        if let Some(operations) = profile["operations"].as_object_mut() {
            for (kind, operation) in operations {
                self.step(kind, &mut operation["steps"][0]);
                if self == Self::RecordId && kind == "photo" {
                    let attach = attach();
                    if let Some(steps) = operation["steps"].as_array_mut() {
                        steps.push(attach);
                    }
                }
                // Proof that the backend takes at any time goes beside the stop's lane.
                if self == Self::Header && kind == "photo" {
                    operation["independent"] = json!(true);
                }
            }
        }
        profile.to_string()
    }

    fn step(self, kind: &str, step: &mut Value) {
        let creates = matches!(
            kind,
            "load" | "scan" | "photo" | "signature" | "note" | "cash_collected"
        );
        let identity = match self {
            Self::Marker => return,
            Self::Header => json!({"kind": "header", "name": "Idempotency-Key"}),
            Self::RecordId => json!({"kind": "recordId"}),
            Self::NaturalKey => json!({"kind": "naturalKey"}),
            Self::Conditional => json!({"kind": "conditional"}),
            Self::NoneProbe | Self::None => json!({"kind": "none"}),
        };
        step["identity"] = identity;
        if self.streams(kind) {
            step["request"]["streamed"] = json!(true);
        }
        if self == Self::NoneProbe && step.get("probe").is_some() {
            return;
        }
        if self == Self::NoneProbe {
            step["identity"] = json!({"kind": "naturalKey"});
        }
        if let Some(step) = step.as_object_mut() {
            step.remove("probe");
        }
        if let Some(outcomes) = step["outcomes"].as_array_mut() {
            outcomes.retain(|rule| rule["then"] != "probe");
            match self {
                Self::NaturalKey => outcomes.push(json!({"when": {"status": [409], "body": {"at": "#/error/code", "eq": "exists"}}, "then": "already"})),
                Self::Conditional if creates => outcomes.push(json!({"when": {"status": [412]}, "then": "already"})),
                Self::Conditional => outcomes.extend([
                    json!({"when": {"status": [409], "body": {"all": [
                        {"at": "#/error/code", "eq": "illegal_transition"},
                        {"at": "#/error/from", "eq": target(kind)}]}}, "then": "already"}),
                    json!({"when": {"status": [409]}, "then": "conflict", "message": "#/error/message"}),
                ]),
                Self::None => outcomes.push(json!({"when": {"status": [409]}, "then": "conflict", "message": "#/error/message"})),
                _ => {}
            }
        }
        if self == Self::RecordId || self == Self::Conditional && creates {
            let request = &mut step["request"];
            request["method"] = json!("PUT");
            let url = request["url"].as_str().unwrap_or_default().to_owned();
            request["url"] = json!(format!("{url}/{{record}}"));
            if request.get("parameters").is_none() {
                request["parameters"] = json!({});
            }
            request["parameters"]["record"] = json!("$operation.id");
        }
        if self == Self::Conditional && creates {
            step["request"]["headers"] = json!({"If-None-Match": "*"});
        }
    }
}

fn target(kind: &str) -> &'static str {
    match kind {
        "arrive" => "arrived",
        "deliver" => "delivered",
        "fail" => "failed",
        "return" => "returned",
        _ => "picked_up",
    }
}

/// A second step: the photo that is uploaded is attached to the stop.
fn attach() -> Value {
    json!({
        "stepId": "attach",
        "request": {
            "method": "PUT",
            "url": "{+api}/api/stops/{stop}/attach/{record}",
            "parameters": {"stop": "$operation.stop", "record": "$operation.id"},
            "body": {"json": {"photo": "$steps.upload.outputs.photoId", "remarks": "$operation.id"}}
        },
        "identity": {"kind": "recordId"},
        "outcomes": [{"when": {"status": ["2xx"], "body": {"at": "#/id", "exists": true}}, "then": "applied"}]
    })
}
