//! What a profile's references see: `$operation`, `$stop`, `$carried`, `$steps`, `$fresh`, `$session`,
//! `$account`, `$now`, `$device`, `$secrets`, `$kept`.

use super::change::StopRecord;
use super::session::Session;
use crate::domain::json::{ToJson, object};
use crate::domain::operation::{Intent, Operation};
use crate::domain::progress::Carried;
use crate::domain::tree::set;
use crate::profile::document::Profile;
use crate::profile::value::{Context, references};
use serde_json::{Map, Value};

/// The operation's fields as requests see them: `$operation.*`.
pub fn operation_value(op: &Operation) -> Value {
    let mut fields = match op.intent.to_json() {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    fields.insert("kind".into(), op.intent.kind().to_json());
    fields.insert("id".into(), op.id.to_json());
    fields.insert("seq".into(), op.seq.to_json());
    fields.insert("recordedAt".into(), op.recorded.backend_at().to_json());
    if let Some(id) = &op.supersedes {
        fields.insert("supersedes".into(), id.to_json());
    }
    if let Some(position) = &op.recorded.position {
        fields.insert("position".into(), position.to_json());
    }
    if let Some(blob) = &op.blob {
        fields.insert("blob".into(), blob.to_json());
    }
    Value::Object(fields)
}

/// What holds at this moment on this device.
#[derive(Clone, Debug, Default)]
pub struct Here {
    pub now: i64,
    pub zone_min: i64,
    /// texts by name, as the host gave them
    pub secrets: Value,
    /// what the last route left for requests
    pub kept: Value,
    /// names of the functions that the host lends
    pub functions: Vec<String>,
}

pub fn for_session(session: Option<&Session>, here: &Here) -> Context<'static> {
    let mut context = Context::default()
        .with("now", here.now.to_json())
        .with("device", object([("zoneMin", here.zone_min.to_json())]))
        .with("secrets", here.secrets.clone())
        .with("kept", here.kept.clone());
    if let Some(session) = session {
        context.set(
            "account",
            object([
                ("id", session.account.to_json()),
                ("name", session.name.to_json()),
            ]),
        );
        let mut known = session.outputs.clone();
        known.insert("token".into(), session.token.to_json());
        known.insert("refreshToken".into(), session.refresh_token.to_json());
        context.set("session", Value::Object(known));
    }
    context
}

fn stop_value(stop: &StopRecord) -> Value {
    let mut known = stop.mirror.to_json();
    if let Some(version) = &stop.progress.version {
        set(&mut known, "version", version.text.to_json());
    }
    if let Some(how) = stop.withdrawn() {
        set(&mut known, "withdrawn", how.to_json());
    }
    known
}

pub fn for_operation(
    profile: &Profile,
    op: &Operation,
    stop: Option<&StopRecord>,
    session: &Session,
    here: &Here,
) -> Context<'static> {
    let mut context = for_session(Some(session), here);
    context.set("operation", operation_value(op));
    context.set("fresh", Value::Object(op.fresh.clone()));
    let mut steps = Map::new();
    for done in &op.steps {
        steps.insert(
            done.step.clone(),
            object([("outputs", done.outputs.to_json())]),
        );
    }
    context.set("steps", Value::Object(steps));
    if let Some(stop) = stop {
        if !profile.stopless {
            context.set("stop", stop_value(stop));
        }
        let mut carried: Map<String, Value> = Map::new();
        for item in &stop.progress.carried {
            let list = carried
                .entry(item.kind.clone())
                .or_insert_with(|| Value::Array(vec![]));
            if let Value::Array(items) = list {
                items.push(object([
                    ("operation", item.operation.clone()),
                    ("outputs", item.outputs.to_json()),
                ]));
            }
        }
        context.set("carried", Value::Object(carried));
    }
    context
}

/// Whether any later request may name what this kind leaves behind.
pub fn is_carried(profile: &Profile, kind: &str) -> bool {
    let mut found = false;
    let mut visit = |reference: &str| {
        if let Some(rest) = reference.strip_prefix("carried.") {
            found |= rest.split(['.', '#']).next() == Some(kind);
        }
    };
    for step in profile.operations.values().flat_map(|o| &o.steps) {
        let probe = step.probe.iter().map(|p| &p.request);
        for request in std::iter::once(&step.request).chain(probe) {
            request.each_tree(&mut |tree| references(tree, &mut visit));
        }
    }
    found
}

/// What a settled operation leaves for later ones, if anybody asks for it.
pub fn carry(profile: &Profile, op: &Operation) -> Option<Carried> {
    if matches!(op.intent, Intent::Load { .. }) || !is_carried(profile, op.intent.kind()) {
        return None;
    }
    let mut outputs = Map::new();
    for done in &op.steps {
        outputs.insert(done.step.clone(), Value::Object(done.outputs.clone()));
    }
    Some(Carried {
        kind: op.intent.kind().to_owned(),
        seq: op.seq,
        operation: operation_value(op),
        outputs,
    })
}
