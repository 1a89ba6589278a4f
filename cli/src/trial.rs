//! `pannier profile try`: walks a real backend through sign-in, renewal, heartbeat and route, and
//! says of every answer which rule matched. It changes nothing at the backend unless `--send` names
//! kinds. Passwords and keys come from the environment or a prompt, and what is secret is never
//! printed.

use crate::arguments::Wanted;
use crate::machine::Machine;
use crate::net::Net;
use crate::talk::Talk;
use crate::{End, Trouble, check};
use lexopt::Parser;
use pannier::domain::dictionary::Dictionary;
use pannier::domain::ids::AccountId;
use pannier::domain::json::ToJson;
use pannier::domain::proof::{Proof, Requirement};
use pannier::domain::route::{ROUTE_STOPS_MAX, check_route};
use pannier::domain::stop::Stop;
use pannier::engine::context::{Here, for_session};
use pannier::engine::session::{Session, SessionState};
use pannier::profile::ProfileError;
use pannier::profile::document::{
    Call, OutcomeRule, Profile, Read, RefreshWith, RequestTemplate, SIGN_IN_OUTPUTS, SignInKind,
    Verdict,
};
use pannier::profile::http::{Answer, Request};
use pannier::profile::judge::{Ruling, answer_value, judge_knowing};
use pannier::profile::read::read;
use pannier::profile::request::{build, outputs};
use pannier::profile::route::{Pages, items_of, map, next_link};
use pannier::profile::value::{Context, fill, plain_text};
use pannier_check::places::{Places, pointer};
use serde_json::{Map, Value};
use std::rc::Rc;

/// As many as the core makes for one route.
const REQUESTS_MAX: u32 = 200;

/// Why the walk ended before its end.
pub enum Stopped {
    /// the backend, or what the profile says of it
    Wrong(String),
    Trouble(Trouble),
}

impl From<ProfileError> for Stopped {
    fn from(error: ProfileError) -> Self {
        Self::Wrong(error.to_string())
    }
}
impl From<Trouble> for Stopped {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

pub type Walked<T> = Result<T, Stopped>;

pub struct Trial {
    pub profile: Profile,
    pub places: Places,
    pub machine: Rc<dyn Machine>,
    pub net: Net,
    pub talk: Talk,
    pub session: Option<Session>,
    secrets: Value,
    requests: u32,
}

/// Where rules stand in the document.
pub fn path(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

pub fn run(machine: &Rc<dyn Machine>, arguments: Parser) -> Result<End, Trouble> {
    let wanted = Wanted::read(arguments)?;
    let text = check::read(machine.as_ref(), &wanted.file)?;
    let mut profile = match read(&text) {
        Ok(profile) => profile,
        Err(error) => {
            return Err(Trouble(format!(
                "{error}; see pannier profile check {}",
                wanted.file
            )));
        }
    };
    wanted.way.address(&mut profile)?;
    let mut talk = Talk::new(machine, &wanted.file);
    let secrets = wanted.way.secrets(&profile, &mut talk)?;
    wanted.way.trust(machine.as_ref())?;
    let mut trial = Trial {
        machine: machine.clone(),
        places: Places::of(&text),
        net: Net::new(machine, "profile try"),
        session: None,
        secrets,
        requests: 0,
        profile,
        talk,
    };
    match trial.walk(&wanted) {
        Ok(()) => {
            trial.talk.say("\nall was understood");
            Ok(End::Fine)
        }
        Err(Stopped::Wrong(why)) => {
            trial.talk.say(format!("\nstopped: {why}"));
            Ok(End::Wrong)
        }
        Err(Stopped::Trouble(trouble)) => Err(trouble),
    }
}

impl Trial {
    fn walk(&mut self, wanted: &Wanted) -> Walked<()> {
        let profile = self.profile.clone();
        self.sign_in(&profile, wanted)?;
        self.renew(&profile)?;
        if let Some(probe) = &profile.sign_in.probe {
            self.call("sign-in, probe", probe, &["signIn", "probe"])?;
        }
        if let Some(heartbeat) = &profile.heartbeat {
            self.call("heartbeat", heartbeat, &["heartbeat"])?;
        }
        let stops = self.route(&profile)?;
        if !wanted.send.is_empty() {
            self.send(&profile, wanted, &stops)?;
        }
        Ok(())
    }

    pub fn here(&self) -> Here {
        Here {
            kept: Value::Null,
            now: self.machine.now_ms(),
            zone_min: 0,
            secrets: self.secrets.clone(),
            ..Here::default()
        }
    }

    fn context(&self) -> Context<'static> {
        for_session(self.session.as_ref(), &self.here())
    }

    fn call(&mut self, what: &str, call: &Call, place: &[&str]) -> Walked<()> {
        let context = self.context();
        let rules = [path(place), path(&["outcomes"])].concat();
        self.ask(what, &call.request, &call.outcomes, &rules, &context)?;
        Ok(())
    }

    /// One request that has to be said yes to.
    fn ask(
        &mut self,
        what: &str,
        template: &RequestTemplate,
        rules: &[OutcomeRule],
        place: &[String],
        context: &Context<'_>,
    ) -> Walked<Answer> {
        let profile = self.profile.clone();
        let request = build(&profile, template, context)?;
        let (answer, ruling) = self.exchange(what, &request, rules, place, context)?;
        match ruling {
            Ruling::Rule(Verdict::Applied | Verdict::Already) => Ok(answer),
            _ => Err(Stopped::Wrong(format!("{what} was not said yes to"))),
        }
    }

    /// Sends a request and says what the answer means, and by which rule.
    pub fn exchange(
        &mut self,
        what: &str,
        request: &Request,
        rules: &[OutcomeRule],
        place: &[String],
        context: &Context<'_>,
    ) -> Walked<(Answer, Ruling)> {
        let answer = self.answer(what, request)?;
        // Signed in a moment ago: an answer that would have to be asked about is taken at its word.
        let judgement = judge_knowing(rules, &self.profile, &answer, context, true)?;
        let by = self.matched(rules, place, &answer, context)?;
        let verdict = match judgement.verdict {
            Ruling::Rule(verdict) => camel(verdict.name()),
            Ruling::Unmatched => "a person would have to look at it".to_owned(),
        };
        match by {
            Some(at) => {
                let line = self.places.find(&at, false).line;
                self.talk
                    .say(format!("{verdict}, by {} (line {line})", pointer(&at)));
            }
            None => self.talk.say(format!("{verdict}: no rule matched")),
        }
        if let Some(words) = &judgement.message {
            self.talk.say(format!("the backend says: {words}"));
        }
        Ok((answer, judgement.verdict))
    }

    /// Sends a request and says what came back.
    pub fn answer(&mut self, what: &str, request: &Request) -> Walked<Answer> {
        self.requests += 1;
        if self.requests > REQUESTS_MAX {
            return Err(Stopped::Wrong(format!("more than {REQUESTS_MAX} requests")));
        }
        self.talk
            .say(format!("\n== {what}\n{} {}", request.method, request.url));
        let from = self.machine.now_ms();
        let answer = match self.net.exchange(request) {
            Ok(answer) => answer,
            Err(why) => return Err(Stopped::Wrong(format!("{what}: no answer: {why}"))),
        };
        let media_type = match answer.media_type() {
            "" => "no media type",
            named => named,
        };
        self.talk.say(format!(
            "answer {}, {media_type}, {} bytes, {} ms",
            answer.status,
            answer.body.len(),
            self.machine.now_ms() - from
        ));
        Ok(answer)
    }

    /// The place of the first rule that matches, a request's own before the common ones.
    fn matched(
        &self,
        rules: &[OutcomeRule],
        place: &[String],
        answer: &Answer,
        context: &Context<'_>,
    ) -> Walked<Option<Vec<String>>> {
        let bare = Profile {
            outcomes: vec![],
            ..self.profile.clone()
        };
        let common = self.profile.outcomes.iter();
        let own = rules.iter().map(|rule| (rule, place.to_vec())).enumerate();
        let common = common.map(|rule| (rule, path(&["outcomes"]))).enumerate();
        for (i, (rule, mut at)) in own.chain(common) {
            // No answer is a yes unless a rule says so: so the yes shows that this one matched.
            let alone = OutcomeRule {
                then: Verdict::Applied,
                ..rule.clone()
            };
            let judgement = judge_knowing(&[alone], &bare, answer, context, true)?;
            if judgement.verdict == Ruling::Rule(Verdict::Applied)
                && rule.then != Verdict::AuthUnsure
            {
                at.push(i.to_string());
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn sign_in(&mut self, profile: &Profile, wanted: &Wanted) -> Walked<()> {
        let how = &profile.sign_in;
        let mut credentials = wanted.way.credentials(how.kind, &mut self.talk)?;
        let here = self.here();
        let context = |credentials: &Map<String, Value>| {
            let given = Value::Object(credentials.clone());
            for_session(None, &here).with("credentials", given)
        };
        if let Some(start) = &how.start {
            let rules = path(&["signIn", "start", "outcomes"]);
            let context = context(&credentials);
            self.ask(
                "sign-in, start",
                &start.request,
                &start.outcomes,
                &rules,
                &context,
            )?;
            let code = self.talk.prompt("the code that you were sent: ")?;
            credentials.insert("code".to_owned(), Value::String(code));
        }
        let mut context = context(&credentials);
        let brought = how.kind == SignInKind::AuthorizationCode;
        if brought {
            let text = |name: &str| credentials.get(name).map(plain_text).unwrap_or_default();
            self.begin(&text("account"), text("token"), Map::new());
            return Ok(());
        }
        if let Some(request) = &how.request {
            let rules = path(&["signIn", "outcomes"]);
            let answer = self.ask("sign-in", request, &how.outcomes, &rules, &context)?;
            context.set("response", answer_value(&answer));
        }
        let got = self.captured(&how.outputs, &context)?;
        let text = |name: &str| got.get(name).map(plain_text).filter(|t| !t.is_empty());
        let needless = how.kind == SignInKind::None || how.cookies;
        let token = text("token").or_else(|| needless.then(String::new));
        let (Some(account), Some(token)) = (text("account"), token) else {
            return Err(Stopped::Wrong(
                "there is no account or no token where the profile says".to_owned(),
            ));
        };
        self.begin(&account, token, got);
        Ok(())
    }

    fn begin(&mut self, account: &str, token: String, got: Map<String, Value>) {
        let text = |name: &str| got.get(name).map(plain_text).filter(|t| !t.is_empty());
        self.session = Some(Session {
            account: AccountId::new(account),
            name: text("name").unwrap_or_default(),
            token,
            refresh_token: text("refreshToken"),
            expires_at: None,
            state: SessionState::SignedIn,
            offset_ms: None,
            outputs: further(got),
        });
    }

    fn renew(&mut self, profile: &Profile) -> Walked<()> {
        let has_one = self
            .session
            .as_ref()
            .is_some_and(|s| s.refresh_token.is_some());
        let refresh = profile.sign_in.refresh.as_ref();
        let Some(refresh) =
            refresh.filter(|r| has_one || r.with == RefreshWith::Token || profile.sign_in.cookies)
        else {
            return Ok(());
        };
        let context = self.context();
        let rules = path(&["signIn", "refresh", "outcomes"]);
        let answer = self.ask(
            "sign-in, refresh",
            &refresh.request,
            &refresh.outcomes,
            &rules,
            &context,
        )?;
        let context = context.with("response", answer_value(&answer));
        let got = self.captured(&refresh.outputs, &context)?;
        if let Some(session) = &mut self.session {
            if let Some(token) = got.get("token") {
                session.token = plain_text(token);
            }
            if let Some(next) = got.get("refreshToken") {
                session.refresh_token = Some(plain_text(next));
            }
            session.outputs.extend(further(got));
        }
        Ok(())
    }

    /// Fills outputs and says their names; a value only where it cannot be a secret.
    pub fn captured(
        &mut self,
        trees: &Dictionary<String, Value>,
        context: &Context<'_>,
    ) -> Walked<Map<String, Value>> {
        let got = outputs(trees, context)?;
        for name in trees.keys() {
            let Some(value) = got.get(name) else {
                self.talk
                    .say(format!("captured no {name}: it is not in the answer"));
                continue;
            };
            let text = plain_text(value);
            let plain = [
                "account",
                "name",
                "expiresInS",
                "expiresAt",
                "nowMs",
                "id",
                "date",
                "version",
            ];
            if plain.contains(&name.as_str()) || value.is_number() || value.is_boolean() {
                self.talk.say(format!("captured {name}: {text}"));
            } else {
                let length = text.chars().count();
                self.talk.hide(&text);
                self.talk
                    .say(format!("captured {name}: {length} characters, not shown"));
            }
        }
        Ok(got)
    }

    fn route(&mut self, profile: &Profile) -> Walked<Vec<Stop>> {
        let mut reads = Map::new();
        let (mut first, mut last) = (None, vec![]);
        for (i, read) in profile.route.reads.iter().enumerate() {
            let context = self.context().with("reads", Value::Object(reads.clone()));
            let mut items = vec![];
            match &read.for_ {
                None => self.pages(read, i, &context, &mut items, &mut first)?,
                Some(list) => {
                    let Some(Value::Array(each)) = fill(list, &context)? else {
                        self.talk
                            .say(format!("read {}: nothing to ask for", read.read_id));
                        continue;
                    };
                    let name = read.as_.as_deref().unwrap_or("item");
                    for one in each {
                        let from = items.len();
                        let context = context.clone().with(name, one.clone());
                        self.pages(read, i, &context, &mut items, &mut first)?;
                        for item in &mut items[from..] {
                            if let Value::Object(fields) = item {
                                fields.insert(name.to_owned(), one.clone());
                            }
                        }
                    }
                }
            }
            self.talk
                .say(format!("{} items in all of {}", items.len(), read.read_id));
            last.clone_from(&items);
            reads.insert(read.read_id.clone(), Value::Array(items));
        }
        if let Some(tree) = &profile.route.items {
            let context = self.context().with("reads", Value::Object(reads));
            last = match fill(tree, &context)? {
                Some(Value::Array(items)) => items,
                _ => {
                    let why = "what the profile takes for the list of stops is no list";
                    return Err(Stopped::Wrong(why.to_owned()));
                }
            };
        }
        let context = self.context().with("response", first.unwrap_or_default());
        self.talk.say("\n== the route");
        self.captured(&profile.route.outputs, &context)?;
        let mapped = map(profile, &last, context)?;
        for stop in &mapped.route.stops {
            self.talk.say(described(stop));
        }
        for unreadable in &mapped.unreadable {
            self.talk.say(format!("not read: {unreadable}"));
        }
        let (read, not) = (mapped.route.stops.len(), mapped.unreadable.len());
        self.talk.say(format!("{read} stops read, {not} not"));
        if let Err(refusal) = check_route(&mapped.route) {
            return Err(Stopped::Wrong(refusal.to_string()));
        }
        match not {
            0 => Ok(mapped.route.stops),
            _ => Err(Stopped::Wrong("not every stop could be read".to_owned())),
        }
    }

    fn pages(
        &mut self,
        read: &Read,
        index: usize,
        context: &Context<'static>,
        items: &mut Vec<Value>,
        first: &mut Option<Value>,
    ) -> Walked<()> {
        let profile = self.profile.clone();
        let rules = path(&["route", "reads", &index.to_string(), "outcomes"]);
        let mut pages = Pages::new(read.paging.as_ref());
        for number in 1_u32.. {
            let context = match pages.value() {
                Some(page) => context.clone().with("page", page),
                None => context.clone(),
            };
            let mut request = build(&profile, &read.request, &context)?;
            pages.place(&mut request.url)?;
            let what = match read.paging {
                Some(_) => format!("route, read {}, page {number}", read.read_id),
                None => format!("route, read {}", read.read_id),
            };
            let (answer, ruling) =
                self.exchange(&what, &request, &read.outcomes, &rules, &context)?;
            if ruling != Ruling::Rule(Verdict::Applied) {
                return Err(Stopped::Wrong(format!("{what} was not said yes to")));
            }
            let value = answer_value(&answer);
            let page = items_of(read, &value)?;
            if items.len() + page.len() > ROUTE_STOPS_MAX {
                return Err(Stopped::Wrong(format!("more than {ROUTE_STOPS_MAX} items")));
            }
            self.talk
                .say(format!("{} items at {}", page.len(), read.items));
            let so_far = items.len() + page.len();
            let more = pages.turn(&value, page.len(), so_far, next_link(&answer), &context)?;
            items.extend(page.iter().cloned());
            first.get_or_insert(value);
            if !more {
                break;
            }
        }
        Ok(())
    }
}

/// What a stop has, not what it says: names and addresses are nobody's business here.
fn described(stop: &Stop) -> String {
    let mut has = vec![];
    if let Value::Object(fields) = stop.to_json() {
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("id" | "status" | "kind" | "sequence" | "parcels" | "proof", _) => {}
                ("address", Value::Object(parts)) => {
                    let given = parts.iter().filter(|(_, v)| v.as_str() != Some(""));
                    let given: Vec<&str> = given.map(|(n, _)| n.as_str()).collect();
                    has.push(format!("address ({})", given.join(", ")));
                }
                (name, _) => has.push(name.to_owned()),
            }
        }
    }
    let wanted = Proof::ALL.map(|proof| (proof, stop.proof.requirement(proof)));
    let wanted = wanted
        .iter()
        .filter(|(_, r)| *r != Requirement::Optional)
        .map(|(proof, r)| {
            let words = [proof.to_json(), r.to_json()].map(|word| plain_text(&word));
            words.join(" ")
        });
    let wanted: Vec<String> = wanted.collect();
    if !wanted.is_empty() {
        has.push(format!("proof ({})", wanted.join(", ")));
    }
    let (kind, status) = (stop.kind.to_json(), stop.status.to_json());
    format!(
        "stop {}: {} {}, {}, {} parcels; has {}",
        stop.id,
        stop.sequence,
        plain_text(&kind),
        plain_text(&status),
        stop.parcels.len(),
        has.join(", ")
    )
}

fn further(mut got: Map<String, Value>) -> Map<String, Value> {
    for name in SIGN_IN_OUTPUTS {
        got.remove(name);
    }
    got
}

/// A verdict as a profile spells it.
fn camel(name: &str) -> String {
    let mut out = String::new();
    for (i, word) in name.split('_').enumerate() {
        let mut letters = word.chars();
        match letters.next() {
            Some(c) if i > 0 => out.extend(c.to_uppercase().chain(letters)),
            Some(c) => out.extend(std::iter::once(c).chain(letters)),
            None => {}
        }
    }
    out
}
