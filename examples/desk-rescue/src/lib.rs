//! `desk-rescue`: a phone is broken, and what it could still be made to give is a file. This takes
//! the file to a desk: the operations go into a store of their own under the ids they were recorded
//! with, the courier or his office signs in as the profile says, and the core sends what the
//! backend does not have yet. A browser that comes back later finds it applied.
//!
//! It is the core in a native host, as small as one gets: [`store`] is the store port and the blob
//! port on SQLite, [`host`] the other ports, [`archive`] opens an export, [`load`] puts it into the
//! store. What is sent, asked and parked is decided where it always is, in the crate `pannier`.

pub mod archive;
pub mod host;
pub mod load;
pub mod store;

use archive::Archive;
use host::Desk;
use lexopt::{Arg, Parser, ValueExt};
use load::{Loaded, list};
use pannier::domain::dictionary::Dictionary;
use pannier::domain::ids::AccountId;
use pannier::domain::json::{ToJson, to_text};
use pannier::engine::listing::{OperationStateName, OutboxItem};
use pannier::ports::handover::ShiftClose;
use pannier::ports::store::StoreError;
use pannier::ports::views::{OutboxFilter, OutboxQuery};
use pannier::ports::{CoreError, Driver};
use pannier::profile::document::Profile;
use pannier::profile::read::read;
use pannier_cli::Trouble;
use pannier_cli::machine::Machine;
use pannier_cli::talk::Talk;
use pannier_cli::way::Way;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use store::SqliteStore;

const USAGE: &str = "\
usage: desk-rescue EXPORT [--store FILE] [--office-key FILE] [--base-url NAME=URL | --base-url URL]
                   [--username NAME] [--password-env VAR | --key-env VAR | --token-env VAR --account ID]
                   [--secret-env NAME=VAR] [--ca FILE] [--retry ID | --retry all] [--minutes N]
                   [--look] [--json]

Sends what is in an export (.zip or .sealed), under the ids it was recorded with. Before anything is
sent that the backend would take twice, the backend is asked whether it has it.

  --store       where the work is kept on this machine; EXPORT.sqlite unless said. The same command
                again goes on where the last one ended
  --office-key  the private key that opens a sealed export: PEM text or a JWK
  --base-url    the backend's address, in place of the one that the phone used
  --retry       sends parked work once more: one operation by its id, or all of it
  --minutes     how long to try; 10 unless said
  --look        says what is in the export, signs in nowhere, sends nothing
  --json        for programs

Secrets come from the environment or are asked for. Exit codes: 0 everything is with the backend,
1 something is left, 2 it could not be done.
";

/// Why it could not be done: a stable code and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    pub code: String,
    pub text: String,
}

impl Wrong {
    pub fn new(code: &str, text: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            text: text.into(),
        }
    }
}
impl From<CoreError> for Wrong {
    fn from(error: CoreError) -> Self {
        Self {
            code: error.code,
            text: error.message,
        }
    }
}
impl From<StoreError> for Wrong {
    fn from(error: StoreError) -> Self {
        CoreError::from(error).into()
    }
}
impl From<Trouble> for Wrong {
    fn from(Trouble(text): Trouble) -> Self {
        Self::new("arguments", text)
    }
}
impl From<lexopt::Error> for Wrong {
    fn from(error: lexopt::Error) -> Self {
        Self::new("arguments", error.to_string())
    }
}

#[derive(Default)]
struct Wanted {
    export: PathBuf,
    store: Option<PathBuf>,
    office_key: Option<PathBuf>,
    retry: Option<String>,
    minutes: u32,
    look: bool,
    json: bool,
    way: Way,
}

impl Wanted {
    fn read(mut arguments: Parser) -> Result<Self, Wrong> {
        let mut out = Self {
            minutes: 10,
            ..Self::default()
        };
        while let Some(argument) = arguments.next()? {
            let name = match argument {
                Arg::Long("look") => {
                    out.look = true;
                    continue;
                }
                Arg::Long("json") => {
                    out.json = true;
                    continue;
                }
                Arg::Long(name) => name.to_owned(),
                Arg::Value(file) if out.export.as_os_str().is_empty() => {
                    out.export = file.into();
                    continue;
                }
                other => return Err(other.unexpected().into()),
            };
            let value = arguments.value()?;
            let Some(value) = out.way.take(&name, value.string()?)? else {
                continue;
            };
            match name.as_str() {
                "store" => out.store = Some(value.into()),
                "office-key" => out.office_key = Some(value.into()),
                "retry" => out.retry = Some(value),
                "minutes" => out.minutes = OsString::from(value).parse()?,
                other => return Err(Wrong::new("arguments", format!("--{other} is no option"))),
            }
        }
        if out.export.as_os_str().is_empty() {
            return Err(Wrong::new("arguments", format!("which export?\n{USAGE}")));
        }
        Ok(out)
    }
}

/// Runs the command with these arguments, the program's own name not among them, and gives its exit
/// code.
pub fn run(machine: &Rc<dyn Machine>, arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        machine.print(USAGE);
        return 0;
    }
    let json = arguments.iter().any(|a| a == "--json");
    let rescued = Wanted::read(Parser::from_args(arguments)).and_then(|wanted| {
        let mut building = tokio::runtime::Builder::new_current_thread();
        let runtime = building.enable_time().build();
        let runtime = runtime.map_err(|e| Wrong::new("machine", e.to_string()))?;
        runtime.block_on(rescue(machine, &wanted))
    });
    match rescued {
        Ok(clear) => u8::from(!clear),
        Err(Wrong { code, text }) => {
            if json {
                machine.print(&format!(
                    "{}\n",
                    json!({ "error": { "code": code, "message": text } })
                ));
            }
            machine.complain(&format!("desk-rescue: {text} ({code})\n"));
            2
        }
    }
}

fn file(path: &Path) -> Result<Vec<u8>, Wrong> {
    std::fs::read(path)
        .map_err(|e| Wrong::new("file_unreadable", format!("{}: {e}", path.display())))
}

/// Gives whether everything is with the backend.
async fn rescue(machine: &Rc<dyn Machine>, wanted: &Wanted) -> Result<bool, Wrong> {
    let key = wanted.office_key.as_deref().map(file).transpose()?;
    let key = key.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let mut archive = Archive::open(file(&wanted.export)?, key.as_deref())?;
    if wanted.look {
        machine.print(&look(&archive.index, wanted.json));
        return Ok(true);
    }
    let beside = || wanted.export.with_extension("sqlite");
    let store = SqliteStore::open(&wanted.store.clone().unwrap_or_else(beside))?;
    let mut talk = match wanted.json {
        true => Talk::plain(machine),
        false => Talk::new(machine, &wanted.export.to_string_lossy()),
    };
    wanted.way.trust(machine.as_ref()).map_err(Wrong::from)?;
    let desk = Desk::new(machine, store.clone());
    let driver = opened(&desk, &archive.index, &wanted.way, &mut talk).await?;

    let account = AccountId::new(archive.index["account"]["id"].as_str().unwrap_or_default());
    let credentials = wanted
        .way
        .credentials(driver.profile().sign_in.kind, &mut talk)?;
    sign_in(&driver, credentials, &account, &mut talk).await?;
    let loaded = load::load(&store, &account, &mut archive).await?;
    if !wanted.json {
        talk.say(told_loaded(&loaded, &archive.index));
    }
    if let Some(which) = &wanted.retry {
        retry(&driver, which).await?;
    }
    let close = driver
        .close_shift(Some(wanted.minutes.saturating_mul(60_000)))
        .await?;
    let settled = settled(&driver).await?;
    machine.print(&match wanted.json {
        true => as_json(&account, &loaded, &close, &settled),
        false => as_text(&close, &settled),
    });
    let left = list(&archive.index, "drafts").len() + list(&archive.index, "unreadable").len();
    Ok(close.clear && left == 0)
}

/// The core, with every revision of the profile that the export brings, today's last.
async fn opened(
    desk: &Desk,
    index: &Value,
    way: &Way,
    talk: &mut Talk,
) -> Result<Driver<Desk>, Wrong> {
    let today = &index["profile"];
    let mut profiles: Vec<&Value> = list(index, "profiles").iter().collect();
    profiles.sort_by_key(|profile| profile["revision"] == *today);
    let mut driver = None;
    let mut secrets = None;
    for told in profiles {
        let document = to_text(&told["document"]);
        let mut profile: Profile = read(&document).map_err(|e| Wrong::from(CoreError::from(e)))?;
        for (name, url) in told["servers"].as_object().into_iter().flatten() {
            if let Some(url) = url.as_str().filter(|url| url.contains("://")) {
                profile.servers.insert(name.clone(), url.to_owned());
            }
        }
        way.address(&mut profile)?;
        if secrets.is_none() {
            secrets = Some(way.secrets(&profile, talk)?);
        }
        let given: Dictionary<String, String> = secrets
            .iter()
            .filter_map(Value::as_object)
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect();
        driver = Some(Driver::open(desk.clone(), Some(document), profile.servers, given).await?);
    }
    driver.ok_or_else(|| Wrong::new("profile_missing", "the export brings no profile"))
}

async fn sign_in(
    driver: &Driver<Desk>,
    mut credentials: serde_json::Map<String, Value>,
    account: &AccountId,
    talk: &mut Talk,
) -> Result<(), Wrong> {
    let mut signed_in = driver.sign_in(credentials.clone()).await;
    if signed_in.as_ref().is_err_and(|e| e.code == "code_needed") {
        let code = talk.prompt("the code that you were sent: ")?;
        credentials.insert("code".to_owned(), Value::String(code));
        signed_in = driver.sign_in(credentials).await;
    }
    let session = signed_in?;
    if session.account != *account {
        // Nothing of the export is in the store under this name, and nothing is to be.
        driver.sign_out(true).await?;
        let text = format!(
            "the export is {}'s work and this sign-in is {}'s; nothing was sent",
            account, session.account
        );
        return Err(Wrong::new("account_other", text));
    }
    Ok(())
}

async fn retry(driver: &Driver<Desk>, which: &str) -> Result<(), Wrong> {
    let query = OutboxQuery {
        state: OutboxFilter::Unsettled,
        limit: Some(500),
        ..OutboxQuery::default()
    };
    let mut found = false;
    for item in driver.outbox(query).await?.items {
        let parked = item.state == OperationStateName::Parked;
        if item.id.as_str() == which || which == "all" && parked {
            found = true;
            driver.retry(&item.id).await?;
        }
    }
    if found || which == "all" {
        return Ok(());
    }
    let text = format!("{which} is no operation that waits here");
    Err(Wrong::new("operation_unknown", text))
}

/// Everything that is with the backend by now, or was set aside.
async fn settled(driver: &Driver<Desk>) -> Result<Vec<OutboxItem>, Wrong> {
    let mut out = vec![];
    let mut before = None;
    loop {
        let query = OutboxQuery {
            state: OutboxFilter::Settled,
            limit: Some(500),
            before,
            ..OutboxQuery::default()
        };
        let page = driver.outbox(query).await?;
        before = page.items.first().map(|item| item.seq);
        let more = page.more;
        out.splice(0..0, page.items);
        if !more {
            return Ok(out);
        }
    }
}

fn told_loaded(loaded: &Loaded, index: &Value) -> String {
    let Loaded {
        unsettled,
        set_aside,
        photos,
        damaged,
        before,
    } = loaded;
    if *before {
        return "this export is in the store already; going on with it".to_owned();
    }
    let mut text = format!("loaded {unsettled} operations to send and {photos} photos");
    let mut add = |n: usize, what: &str| {
        if n > 0 {
            text.push_str(&format!("\n  {n} {what}"));
        }
    };
    add(
        *damaged,
        "photos are missing or damaged; what needs them waits for a person",
    );
    add(
        *set_aside,
        "operations were set aside on the phone and are not sent",
    );
    add(
        list(index, "drafts").len(),
        "stops were half filled in: nothing of them was recorded, ask the courier",
    );
    add(
        list(index, "unreadable").len(),
        "records could not be read on the phone: they stand raw in the export's index.json",
    );
    if index["noted"] == false {
        text.push_str("\n  the phone could not note that its work was taken out: do not let it send by itself");
    }
    text
}

fn is_sent(item: &&OutboxItem) -> bool {
    item.state == OperationStateName::Settled
}

/// A code as docs/errors.md and the profile's language write it. The sentences are the phone's.
fn code<T: ToJson>(said: &T) -> String {
    said.to_json().as_str().unwrap_or_default().to_owned()
}

/// What was done and where: the title's code with its values, and the stop.
fn what(item: &OutboxItem) -> String {
    let mut out = item.kind.clone();
    if let Value::Object(fields) = item.title.to_json() {
        let values = fields.iter().filter(|(name, _)| *name != "code");
        for (name, value) in values {
            out.push_str(&format!(
                ", {name} {}",
                pannier::profile::value::plain_text(value)
            ));
        }
    }
    if let Some(place) = &item.place {
        out.push_str(&format!(" ({}. {})", place.sequence, place.street));
    }
    out
}

fn as_text(close: &ShiftClose, settled: &[OutboxItem]) -> String {
    let mut text = String::new();
    for item in settled.iter().filter(is_sent) {
        text.push_str(&format!(
            "{}  {}: {}\n",
            item.id,
            what(item),
            code(&item.said)
        ));
    }
    if close.items.is_empty() {
        text.push_str(&format!(
            "{} operations are with the backend\n",
            settled.iter().filter(is_sent).count()
        ));
    } else {
        text.push_str(&format!("{} not sent:\n", close.unsent));
    }
    for item in &close.items {
        text.push_str(&format!(
            "{}  {}: {}",
            item.id,
            what(item),
            code(&item.said)
        ));
        if let Some(reason) = &item.reason {
            text.push_str(&format!("\n  {}", reason.code));
            if let Some(detail) = &reason.detail {
                text.push_str(&format!(" ({detail})"));
            }
            if let Some(said) = &reason.backend {
                text.push_str(&format!("; the backend says: {said}"));
            }
        }
        if let Some(advice) = &item.advice {
            text.push_str(&format!("\n  {}", code(advice)));
        }
        text.push('\n');
    }
    text
}

fn as_json(
    account: &AccountId,
    loaded: &Loaded,
    close: &ShiftClose,
    settled: &[OutboxItem],
) -> String {
    let sent: Vec<&OutboxItem> = settled.iter().filter(is_sent).collect();
    let line = |item: &&OutboxItem| json!({ "id": item.id.0, "kind": item.kind, "said": code(&item.said) });
    let left = |item: &OutboxItem| {
        json!({
            "id": item.id.0, "kind": item.kind, "stop": item.stop.as_ref().map(|s| s.0.clone()),
            "said": code(&item.said), "code": item.reason.as_ref().map(|r| r.code.clone()),
            "detail": item.reason.as_ref().and_then(|r| r.detail.clone()), "advice": item.advice.as_ref().map(code),
        })
    };
    let out = json!({
        "account": account.0, "loaded": loaded.unsettled, "photos": loaded.photos, "damaged": loaded.damaged,
        "loadedBefore": loaded.before, "clear": close.clear,
        "settled": sent.iter().map(line).collect::<Vec<_>>(),
        "left": close.items.iter().map(left).collect::<Vec<_>>(),
    });
    format!("{out}\n")
}

/// The export in words, or as its own index without the photos.
fn look(index: &Value, as_json: bool) -> String {
    if as_json {
        return format!("{index}\n");
    }
    let name = index["account"]["name"]
        .as_str()
        .or(index["account"]["id"].as_str());
    let mut text = format!("work of {}\n", name.unwrap_or("somebody without a name"));
    for op in list(index, "operations") {
        let word = |name: &str| op[name].as_str().unwrap_or_default();
        let attempts = list(op, "attempts").len();
        text.push_str(&format!(
            "{}  {} at {}: {}",
            word("id"),
            word("title"),
            word("stop"),
            word("stateText")
        ));
        if attempts > 0 {
            text.push_str(&format!(", tried {attempts} times"));
        }
        text.push('\n');
    }
    for (name, what) in [
        ("blobs", "photos"),
        ("drafts", "half-filled stops"),
        ("unreadable", "unreadable records"),
    ] {
        text.push_str(&format!("{} {what}\n", list(index, name).len()));
    }
    text
}
