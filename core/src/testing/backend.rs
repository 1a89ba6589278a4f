//! A courier backend in memory, the twin of the sandbox: it honours no idempotency key, so that a
//! request that comes twice is there twice, unless it is told to honour one kind of identity.

use super::clock::{START_MS, TestClock};
use super::net::{dead, json};
use crate::domain::json::parse;
use crate::profile::http::{Body, Exchange, Part, Request};
use serde_json::{Value, json};
use std::cell::{Ref, RefCell};
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

/// Which identity of a request it recognises when the request comes again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Honours {
    #[default]
    Nothing,
    /// `Idempotency-Key`: the first answer again
    Header,
    /// `PUT .../{id}`: the record is written over
    RecordId,
    /// the fields: 409 `exists`
    NaturalKey,
    /// `If-None-Match: *`: 412 `exists`
    Conditional,
}

/// Something that was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    pub kind: String,
    pub stop: String,
    /// the operation's id, as it rode in a free field
    pub mark: String,
    pub body: Value,
    /// whose token it came with
    pub account: String,
}

type Faults = Box<dyn FnMut(&Request) -> Fault>;

#[derive(Clone, Default)]
struct Place {
    status: String,
    owner: String,
}

#[derive(Default)]
struct Inner {
    /// the world's clock, and how far its own is from it
    clock: Option<(TestClock, i64)>,
    honours: Honours,
    stops: BTreeMap<String, Place>,
    effects: Vec<Effect>,
    photos: Vec<(String, String, String)>,
    faults: Option<Faults>,
    /// accounts by token: the first one is number 1
    tokens: Vec<String>,
    /// tokens below this one are over
    valid_from: usize,
    refresh_refused: bool,
    route: Option<Value>,
    /// id and name of whoever signs in
    person: Option<(String, String)>,
    /// first answers by path and key
    answers: BTreeMap<(String, String), Exchange>,
    /// places in `effects`, by what makes a request the same
    places: BTreeMap<String, usize>,
    /// records written over: which, and how many effects there were
    over: Vec<(usize, usize)>,
}

#[derive(Clone, Default)]
pub struct Backend(Rc<RefCell<Inner>>);

impl Backend {
    pub fn new() -> Self {
        Self::with_stops("anna", ["s1", "s2", "s3", "s4", "s5", "s6"])
    }
    pub fn with_stops<S: Into<String>>(owner: &str, ids: impl IntoIterator<Item = S>) -> Self {
        let backend = Self::default();
        ids.into_iter()
            .for_each(|id| backend.assign(&id.into(), owner));
        backend
    }
    /// Tells the time from now on: the world's, so many ms off.
    pub fn by_clock(&self, clock: &TestClock, skew_ms: i64) {
        self.0.borrow_mut().clock = Some((clock.clone(), skew_ms));
    }
    pub fn honours(&self, honours: Honours) {
        self.0.borrow_mut().honours = honours;
    }
    /// Gives a stop to a courier, a new one or another's.
    pub fn assign(&self, stop: &str, owner: &str) {
        let mut inner = self.0.borrow_mut();
        let place = inner.stops.entry(stop.to_owned()).or_default();
        owner.clone_into(&mut place.owner);
        if place.status.is_empty() {
            "assigned".clone_into(&mut place.status);
        }
    }
    pub fn status(&self, stop: &str) -> Option<(String, String)> {
        let inner = self.0.borrow();
        let place = inner.stops.get(stop)?;
        Some((place.status.clone(), place.owner.clone()))
    }
    /// The account that this request's token belongs to, whether it still holds or not.
    pub fn account(&self, request: &Request) -> Option<String> {
        let inner = self.0.borrow();
        let token = inner.token(request)?;
        inner.tokens.get(token - 1).cloned()
    }
    /// Records that were written over: which effect, and how many effects there were by then.
    pub fn over(&self) -> Vec<(usize, usize)> {
        self.0.borrow().over.clone()
    }
    pub fn faults(&self, faults: impl FnMut(&Request) -> Fault + 'static) {
        self.0.borrow_mut().faults = Some(Box::new(faults));
    }
    pub fn healthy(&self) {
        self.0.borrow_mut().faults = None;
    }
    pub fn count(&self) -> usize {
        self.0.borrow().effects.len()
    }
    /// Whether this operation left an effect of this kind.
    pub fn has(&self, mark: &str, kind: &str) -> bool {
        let inner = self.0.borrow();
        let mut effects = inner.effects.iter();
        effects.any(|e| e.mark == mark && e.kind == kind)
    }
    pub fn effects(&self) -> Vec<Effect> {
        self.0.borrow().effects.clone()
    }
    /// The same without a copy; nothing may be asked of the backend meanwhile.
    pub fn look(&self) -> Ref<'_, [Effect]> {
        Ref::map(self.0.borrow(), |inner| &*inner.effects)
    }
    pub fn set_status(&self, stop: &str, status: &str) {
        let mut inner = self.0.borrow_mut();
        let place = inner.stops.entry(stop.to_owned()).or_default();
        if place.owner.is_empty() {
            place.owner.push_str("anna");
        }
        status.clone_into(&mut place.status);
    }
    pub fn remove_stop(&self, stop: &str) {
        self.0.borrow_mut().stops.remove(stop);
    }
    pub fn expire_tokens(&self, refresh_too: bool) {
        let mut inner = self.0.borrow_mut();
        inner.valid_from = inner.tokens.len() + 1;
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
                ..crate::profile::http::Answer::default()
            }),
            Fault::Cut => {
                let _ = self.answer(request);
                dead()
            }
            Fault::None => self.answer(request),
        }
    }

    /// What it answers when nothing is in the way.
    pub fn answer(&self, request: &Request) -> Exchange {
        self.0.borrow_mut().answer(request)
    }
}

fn wrong(status: u16, code: &str) -> Exchange {
    json(status, &json!({"error": {"code": code, "message": code}}))
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let mut headers = request.headers.iter();
    headers.find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or("").to_owned()
}

/// Text parts of a form, with the file's name as `filename`.
fn form(parts: &[Part]) -> Value {
    let fields = parts.iter().map(|part| match part {
        Part::Text { name, value } => (name.clone(), Value::String(value.clone())),
        Part::File { filename, .. } => ("filename".to_owned(), Value::String(filename.clone())),
    });
    Value::Object(fields.collect())
}

/// What is asked to be there from now on.
struct Record {
    kind: String,
    stop: String,
    /// what makes it the same thing when it comes again
    natural: String,
    body: Value,
    account: String,
}

impl Inner {
    fn now(&self) -> i64 {
        let clock = self.clock.as_ref();
        clock.map_or(0, |(clock, skew_ms)| {
            START_MS + clock.elapsed_ms() + skew_ms
        })
    }

    fn token(&self, request: &Request) -> Option<usize> {
        let token = header(request, "Authorization")?.strip_prefix("Bearer token-")?;
        token.parse().ok().filter(|token| *token > 0)
    }

    fn account(&self, request: &Request) -> Option<String> {
        let token = self.token(request)?;
        let holds = token >= self.valid_from;
        holds.then(|| self.tokens.get(token - 1).cloned()).flatten()
    }

    fn signed(&mut self, account: String) -> Exchange {
        let refresh = format!("r-{account}");
        let somebody = self.person.clone();
        let (id, name) = somebody.unwrap_or_else(|| (account.clone(), "Anna".into()));
        self.tokens.push(account.clone());
        let token = format!("token-{}", self.tokens.len());
        json(
            200,
            &json!({"access_token": token, "refresh_token": refresh, "expires_in": 3600, "now": self.now(),
                "courier": {"id": id, "name": name}}),
        )
    }

    fn answer(&mut self, request: &Request) -> Exchange {
        let path = request.url.trim_start_matches("http://backend");
        let body: Value = match &request.body {
            Body::Json(text) => parse(text).unwrap_or_default(),
            Body::Multipart(parts) => form(parts),
            _ => Value::Null,
        };
        match path {
            "/api/health" => return json(200, &json!({"ok": true})),
            "/api/login" if body["password"] == "packet123" => {
                self.refresh_refused = false;
                return self.signed(text(&body, "username"));
            }
            "/api/login" => return wrong(401, "bad_credentials"),
            "/api/token/refresh" if self.refresh_refused => return wrong(401, "refresh_invalid"),
            "/api/token/refresh" => {
                let token = text(&body, "refresh_token");
                let account = token.strip_prefix("r-").unwrap_or("anna");
                return self.signed(account.to_owned());
            }
            _ => {}
        }
        let Some(account) = self.account(request) else {
            return wrong(401, "token_expired");
        };
        if path == "/api/route" {
            return self.route_of(&account);
        }
        if let Some(stop) = path.strip_prefix("/api/photos?stop_id=") {
            return self.photos_of(stop);
        }
        if request.method == "GET" {
            return match self.action(path) {
                Some((stop, "events", _)) if self.owns(&account, stop) => self.events_of(stop),
                _ => wrong(404, "not_found"),
            };
        }
        let key = match (self.honours, header(request, "Idempotency-Key")) {
            (Honours::Header, Some(key)) => Some((path.to_owned(), key.to_owned())),
            _ => None,
        };
        if let Some(answer) = key.as_ref().and_then(|key| self.answers.get(key)) {
            return answer.clone();
        }
        let answer = self.take(request, path, body, account);
        if let (Some(key), Ok(given)) = (key, &answer)
            && given.status < 300
        {
            self.answers.insert(key, answer.clone());
        }
        answer
    }

    fn owns(&self, account: &str, stop: &str) -> bool {
        let place = self.stops.get(stop);
        place.is_some_and(|p| self.person.is_some() || p.owner == account)
    }

    /// `/api/stops/{stop}/{action}`, perhaps with the record's id behind it.
    fn action<'a>(&self, path: &'a str) -> Option<(&'a str, &'a str, Option<&'a str>)> {
        let mut parts = path.strip_prefix("/api/stops/")?.split('/');
        Some((parts.next()?, parts.next()?, parts.next()))
    }

    fn route_of(&self, account: &str) -> Exchange {
        if let Some(route) = &self.route {
            return json(200, route);
        }
        let own = self.stops.iter().filter(|(id, _)| self.owns(account, id));
        let stops: Vec<Value> = own.enumerate().map(|(i, (id, place))| json!({
            "id": id, "sequence": i + 1, "kind": if id == "s6" { "pickup" } else { "delivery" }, "status": place.status, "version": 1,
            "address": {"name": "Anna Berg", "street": format!("Gatan {}", i + 1), "postal_code": "11122", "city": "Stockholm"},
            "proof": {"photo": if id == "s2" { "required" } else { "optional" }, "signature": "optional", "scan": "warned", "overridable": false},
            "parcels": [{"id": format!("{id}-a"), "code": format!("PN-{id}-A"), "label": "box", "loaded": false}, {"id": format!("{id}-b"), "code": format!("PN-{id}-B"), "label": "bag", "loaded": false}],
        })).collect();
        json(
            200,
            &json!({"now": self.now(), "route": {"id": "r1", "date": "2026-11-22", "version": 1}, "stops": stops}),
        )
    }

    fn photos_of(&self, stop: &str) -> Exchange {
        let of_stop = self.photos.iter().filter(|(_, s, _)| s == stop);
        let photos: Vec<Value> = of_stop
            .map(|(id, _, filename)| json!({"id": id, "filename": filename}))
            .collect();
        json(200, &json!({"photos": photos}))
    }

    fn events_of(&self, stop: &str) -> Exchange {
        let of_stop = self.effects.iter().filter(|e| e.stop == stop);
        let events: Vec<Value> = of_stop
            .map(|e| json!({"type": e.kind, "remarks": e.mark}))
            .collect();
        json(200, &json!({"events": events}))
    }

    /// A request that changes something.
    fn take(&mut self, request: &Request, path: &str, body: Value, account: String) -> Exchange {
        let put = request.method == "PUT";
        if let Some(code) = path.strip_prefix("/api/parcels/") {
            let code = code.split('/').next().unwrap_or(code).to_owned();
            let record = Record {
                kind: "load".into(),
                stop: String::new(),
                natural: format!("load {code}"),
                body,
                account,
            };
            let done = json(200, &json!({"parcel": {"id": code}}));
            return self.keep(record, put, request, done);
        }
        if path.starts_with("/api/photos") {
            if !matches!(request.body, Body::Multipart(_)) {
                return wrong(415, "unsupported_media_type");
            }
            let (stop, filename) = (text(&body, "stop_id"), text(&body, "filename"));
            if !self.owns(&account, &stop) {
                return wrong(404, "not_found");
            }
            let id = format!("p{}", self.photos.len() + 1);
            let record = Record {
                kind: text(&body, "kind"),
                natural: format!("photo {filename}"),
                body: json!({"id": id, "remarks": body["remarks"]}),
                stop: stop.clone(),
                account,
            };
            let had = self.effects.len();
            let answer = self.keep(record, put, request, json(201, &json!({"id": id})));
            if self.effects.len() > had {
                self.photos.push((id, stop, filename));
            }
            return answer;
        }
        let Some((stop, action, _)) = self.action(path) else {
            return wrong(404, "not_found");
        };
        if !self.owns(&account, stop) {
            return wrong(404, "not_found");
        }
        let natural = match action {
            "scans" => format!("scan {stop} {}", text(&body, "code")),
            "notes" => format!("note {stop} {}", text(&body, "text")),
            "attach" => format!("attach {stop} {}", text(&body, "photo")),
            "events" => format!("event {stop} {}", text(&body, "type")),
            _ => format!("{action} {stop}"),
        };
        let record = Record {
            kind: action.to_owned(),
            stop: stop.to_owned(),
            natural,
            body,
            account,
        };
        let target = match action {
            "arrive" => Some(("assigned", "arrived")),
            "complete" => Some(("arrived", "delivered")),
            "fail" => Some(("arrived", "failed")),
            "return" => Some(("arrived", "returned")),
            "pickup" => Some(("arrived", "picked_up")),
            _ => None,
        };
        let Some((from, to)) = target else {
            let id = format!("e{}", self.effects.len());
            return self.keep(record, put, request, json(201, &json!({"id": id})));
        };
        let known = match self.honours {
            Honours::RecordId => put && self.places.contains_key(path),
            Honours::NaturalKey => self.places.contains_key(&record.natural),
            _ => false,
        };
        let status = self.stops.get(stop).map_or("", |p| p.status.as_str());
        if !known && status != from {
            return json(
                409,
                &json!({"error": {"code": "illegal_transition", "message": format!("the stop is {status}"), "from": status, "to": to}}),
            );
        }
        if let Some(place) = self.stops.get_mut(stop).filter(|_| !known) {
            to.clone_into(&mut place.status);
        }
        let done = json(
            200,
            &json!({"stop": {"id": stop, "status": to, "version": 2}}),
        );
        self.keep(record, put, request, done)
    }

    /// Keeps a record, or recognises it.
    fn keep(&mut self, record: Record, put: bool, request: &Request, done: Exchange) -> Exchange {
        let place = match self.honours {
            Honours::RecordId if put => Some(request.url.trim_start_matches("http://backend")),
            Honours::Conditional if put => Some(request.url.as_str()),
            Honours::NaturalKey => Some(record.natural.as_str()),
            _ => None,
        };
        if let Some(known) = place.and_then(|place| self.places.get(place)) {
            return match self.honours {
                Honours::RecordId => {
                    self.over.push((*known, self.effects.len()));
                    match self.effects[*known].body.get("id") {
                        Some(id) => json(200, &json!({"id": id})),
                        None => done,
                    }
                }
                honours => {
                    let status = if honours == Honours::NaturalKey {
                        409
                    } else {
                        412
                    };
                    let id = self.effects[*known].body["id"].clone();
                    json(
                        status,
                        &json!({"id": id, "error": {"code": "exists", "message": "it is there"}}),
                    )
                }
            };
        }
        if let Some(place) = place {
            self.places.insert(place.to_owned(), self.effects.len());
        }
        self.effects.push(Effect {
            mark: text(&record.body, "remarks"),
            kind: record.kind,
            stop: record.stop,
            body: record.body,
            account: record.account,
        });
        done
    }
}
