//! A courier backend in memory, the twin of the sandbox: it honours no idempotency key, so that a
//! request that comes twice is there twice.

use super::net::{dead, json};
use crate::profile::http::{Body, Exchange, Part, Request};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// never arrives
    Lost,
    /// applied, and the answer is lost
    Cut,
    Status(u16),
    /// a login portal answers in its place
    Portal,
}

/// Something that was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    pub kind: String,
    pub stop: String,
    /// the operation's id, as it rode in a free field
    pub mark: String,
    pub body: Value,
}

type Faults = Box<dyn FnMut(&Request) -> Fault>;

#[derive(Default)]
struct Inner {
    statuses: BTreeMap<String, String>,
    effects: Vec<Effect>,
    photos: Vec<(String, String, String)>,
    faults: Option<Faults>,
    token: u32,
    /// tokens below this one are over
    valid_from: u32,
    refresh_refused: bool,
    route: Option<Value>,
    /// id and name of whoever signs in
    person: Option<(String, String)>,
}

#[derive(Clone, Default)]
pub struct Backend(Rc<RefCell<Inner>>);

impl Backend {
    pub fn new() -> Self {
        let backend = Self::default();
        for stop in ["s1", "s2", "s3", "s4", "s5", "s6"] {
            backend
                .0
                .borrow_mut()
                .statuses
                .insert(stop.into(), "assigned".into());
        }
        backend
    }
    pub fn faults(&self, faults: impl FnMut(&Request) -> Fault + 'static) {
        self.0.borrow_mut().faults = Some(Box::new(faults));
    }
    pub fn healthy(&self) {
        self.0.borrow_mut().faults = None;
    }
    pub fn effects(&self) -> Vec<Effect> {
        self.0.borrow().effects.clone()
    }
    pub fn set_status(&self, stop: &str, status: &str) {
        self.0
            .borrow_mut()
            .statuses
            .insert(stop.into(), status.into());
    }
    pub fn remove_stop(&self, stop: &str) {
        self.0.borrow_mut().statuses.remove(stop);
    }
    pub fn expire_tokens(&self, refresh_too: bool) {
        let mut inner = self.0.borrow_mut();
        inner.valid_from = inner.token + 1;
        inner.refresh_refused = refresh_too;
    }
    /// Who signs in from now on; Anna without it.
    pub fn person(&self, id: &str, name: &str) {
        self.0.borrow_mut().person = Some((id.to_owned(), name.to_owned()));
    }
    /// Answers the route with this instead.
    pub fn answer_route(&self, body: Value) {
        self.0.borrow_mut().route = Some(body);
    }

    pub fn handle(&self, request: &Request) -> Exchange {
        let faults = self.0.borrow_mut().faults.take();
        let fault = match faults {
            Some(mut faults) => {
                let fault = faults(request);
                self.0.borrow_mut().faults.get_or_insert(faults);
                fault
            }
            None => Fault::None,
        };
        match fault {
            Fault::Lost => dead(),
            Fault::Status(status) => json(
                status,
                &json!({"error": {"code": "fault", "message": "a fault"}}),
            ),
            Fault::Portal => Ok(crate::profile::http::Answer {
                status: 200,
                headers: [("content-type".to_owned(), "text/html".to_owned())]
                    .into_iter()
                    .collect(),
                body: "<h1>Welcome to the café</h1>".into(),
            }),
            Fault::Cut => {
                let _ = self.answer(request);
                dead()
            }
            Fault::None => self.answer(request),
        }
    }

    fn answer(&self, request: &Request) -> Exchange {
        let path = request.url.trim_start_matches("http://backend").to_owned();
        let body: Value = match &request.body {
            Body::Json(text) => serde_json::from_str(text).unwrap_or_default(),
            _ => Value::Null,
        };
        let mut inner = self.0.borrow_mut();
        let (id, name) = inner
            .person
            .clone()
            .unwrap_or_else(|| ("anna".into(), "Anna".into()));
        let signed = |token: u32| json!({"access_token": format!("token-{token}"), "refresh_token": "r", "expires_in": 3600, "now": 0, "courier": {"id": id, "name": name}});
        let wrong = |status: u16, code: &str| {
            json(status, &json!({"error": {"code": code, "message": code}}))
        };
        match path.as_str() {
            "/api/health" => return json(200, &json!({"ok": true})),
            "/api/login" if body["password"] == "packet123" => {
                inner.token += 1;
                inner.refresh_refused = false;
                return json(200, &signed(inner.token));
            }
            "/api/login" => return wrong(401, "bad_credentials"),
            "/api/token/refresh" if inner.refresh_refused => return wrong(401, "refresh_invalid"),
            "/api/token/refresh" => {
                inner.token += 1;
                return json(200, &signed(inner.token));
            }
            _ => {}
        }
        let bearer = request
            .headers
            .iter()
            .find(|(n, _)| n == "Authorization")
            .map(|(_, v)| v.as_str());
        let token = bearer
            .and_then(|b| b.strip_prefix("Bearer token-"))
            .and_then(|t| t.parse::<u32>().ok());
        if token.is_none_or(|t| t < inner.valid_from || t == 0) {
            return wrong(401, "token_expired");
        }
        if path == "/api/route" {
            if let Some(route) = &inner.route {
                return json(200, route);
            }
            let stops: Vec<Value> = inner.statuses.iter().enumerate().map(|(i, (id, status))| json!({
                "id": id, "sequence": i + 1, "kind": if id == "s6" { "pickup" } else { "delivery" }, "status": status, "version": 1,
                "address": {"name": "Anna Berg", "street": format!("Gatan {}", i + 1), "postal_code": "11122", "city": "Stockholm"},
                "proof": {"photo": if id == "s2" { "required" } else { "optional" }, "signature": "optional", "scan": "warned", "overridable": false},
                "parcels": [{"id": format!("{id}-a"), "code": format!("PN-{id}-A"), "label": "box", "loaded": false}, {"id": format!("{id}-b"), "code": format!("PN-{id}-B"), "label": "bag", "loaded": false}],
            })).collect();
            return json(
                200,
                &json!({"now": 0, "route": {"id": "r1", "date": "2026-11-22", "version": 1}, "stops": stops}),
            );
        }
        if let Some(code) = path.strip_prefix("/api/parcels/") {
            let mark = body["remarks"].as_str().unwrap_or("").to_owned();
            let code = code.trim_end_matches("/load").to_owned();
            inner.effects.push(Effect {
                kind: "load".into(),
                stop: String::new(),
                mark,
                body,
            });
            return json(200, &json!({"parcel": {"id": code}}));
        }
        if let Some(query) = path.strip_prefix("/api/photos?stop_id=") {
            let photos: Vec<Value> = inner
                .photos
                .iter()
                .filter(|(_, stop, _)| stop == query)
                .map(|(id, _, filename)| json!({"id": id, "filename": filename}))
                .collect();
            return json(200, &json!({"photos": photos}));
        }
        if path == "/api/photos" {
            let Body::Multipart(parts) = &request.body else {
                return wrong(415, "unsupported_media_type");
            };
            let text = |wanted: &str| {
                parts
                    .iter()
                    .find_map(|p| match p {
                        Part::Text { name, value } if name == wanted => Some(value.clone()),
                        _ => None,
                    })
                    .unwrap_or_default()
            };
            let filename = parts
                .iter()
                .find_map(|p| match p {
                    Part::File { filename, .. } => Some(filename.clone()),
                    Part::Text { .. } => None,
                })
                .unwrap_or_default();
            let id = format!("p{}", inner.photos.len() + 1);
            inner.photos.push((id.clone(), text("stop_id"), filename));
            inner.effects.push(Effect {
                kind: text("kind"),
                stop: text("stop_id"),
                mark: text("remarks"),
                body: json!({"id": id}),
            });
            return json(201, &json!({"id": id}));
        }
        let Some((stop, action)) = path
            .strip_prefix("/api/stops/")
            .and_then(|p| p.split_once('/'))
        else {
            return wrong(404, "not_found");
        };
        let (stop, action) = (stop.to_owned(), action.to_owned());
        let Some(status) = inner.statuses.get(&stop).cloned() else {
            return wrong(404, "not_found");
        };
        if action == "events" && request.method == "GET" {
            let events: Vec<Value> = inner
                .effects
                .iter()
                .filter(|e| e.stop == stop)
                .map(|e| json!({"type": e.kind, "remarks": e.mark}))
                .collect();
            return json(200, &json!({"events": events}));
        }
        let mark = body["remarks"].as_str().unwrap_or("").to_owned();
        let target = match action.as_str() {
            "arrive" => Some(("assigned", "arrived")),
            "complete" => Some(("arrived", "delivered")),
            "fail" => Some(("arrived", "failed")),
            "return" => Some(("arrived", "returned")),
            "pickup" => Some(("arrived", "picked_up")),
            _ => None,
        };
        if let Some((from, to)) = target {
            if status != from {
                return json(
                    409,
                    &json!({"error": {"code": "illegal_transition", "message": format!("the stop is {status}"), "from": status, "to": to}}),
                );
            }
            inner.statuses.insert(stop.clone(), to.into());
            inner.effects.push(Effect {
                kind: action,
                stop: stop.clone(),
                mark,
                body,
            });
            return json(
                200,
                &json!({"stop": {"id": stop, "status": to, "version": 2}}),
            );
        }
        let id = format!("e{}", inner.effects.len());
        inner.effects.push(Effect {
            kind: action,
            stop,
            mark,
            body,
        });
        json(201, &json!({"id": id}))
    }
}
