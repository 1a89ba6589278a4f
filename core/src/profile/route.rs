//! From the backend's answer to a route in our words.

use super::document::Profile;
use super::http::Answer;
use super::judge::answer_value;
use super::read::ProfileError;
use super::request::outputs;
use super::value::{Context, fill};
use crate::domain::json::FromJson;
use crate::domain::route::{ROUTE_STOPS_MAX, Route, RouteHeader};
use crate::domain::stop::Stop;
use serde_json::Value;

/// A mapped route, the stops that could not be read (by place and reason), and the backend's clock.
#[derive(Debug, Default)]
pub struct Mapped {
    pub route: Route,
    pub unreadable: Vec<String>,
    pub now_ms: Option<i64>,
}

/// # Errors
/// `route_unreadable`, when the answer holds no list of stops where the profile says.
pub fn map(profile: &Profile, answer: &Answer) -> Result<Mapped, ProfileError> {
    let read = &profile.route;
    let value = answer_value(answer);
    let items = value["body"].pointer(read.items.trim_start_matches('#'));
    let Some(Value::Array(items)) = items else {
        return Err(ProfileError::new(
            "route_unreadable",
            format!(
                "the backend's answer has no list of stops at {}",
                read.items
            ),
        ));
    };
    if items.len() > ROUTE_STOPS_MAX {
        return Err(ProfileError::new(
            "route_too_large",
            format!(
                "the backend's route has {} stops; at most {ROUTE_STOPS_MAX} are taken",
                items.len()
            ),
        ));
    }
    let mut context = Context::default().with("response", value.clone());
    let header = outputs(&read.outputs, &context)?;
    let now_ms = header.get("nowMs").and_then(Value::as_i64);
    let text = |name: &str| header.get(name).map(super::value::plain_text);
    let mut mapped = Mapped {
        route: Route {
            header: RouteHeader {
                id: text("id"),
                date: text("date"),
                version: text("version"),
            },
            stops: Vec::with_capacity(items.len()),
        },
        unreadable: Vec::new(),
        now_ms,
    };
    for (i, item) in items.iter().enumerate() {
        context.set("item", item.clone());
        let filled = fill(&read.stop, &context)?.unwrap_or(Value::Null);
        match Stop::from_json(filled) {
            Ok(stop) if stop.id.0.is_empty() => {
                mapped
                    .unreadable
                    .push(format!("{}/{i}: the stop has no id", read.items));
            }
            Ok(mut stop) => {
                if stop.sequence == 0 {
                    stop.sequence = u32::try_from(i + 1).unwrap_or(u32::MAX);
                }
                mapped.route.stops.push(stop);
            }
            Err(e) => mapped.unreadable.push(format!("{}/{i}: {e}", read.items)),
        }
    }
    Ok(mapped)
}
