//! The JavaScript API. `core/js` wraps it with types and with recovery from traps; nobody else
//! calls it.

use crate::host::{BrowserHost, JsHost};
use crate::store::SCHEMA;
use js_sys::{Array, ArrayBuffer, Promise, Uint8Array};
use pannier::domain::address::Position;
use pannier::domain::dictionary::Dictionary;
use pannier::domain::ids::{BlobHandle, OperationId, StopId};
use pannier::domain::json::{
    FromJson, Slot, ToJson, parse, print, read_text, to_text, write_fields,
};
use pannier::domain::operation::Intent;
use pannier::engine::listing::{account_view, session_view};
use pannier::engine::overdue::Thresholds;
use pannier::ports::drain::WakeReason;
use pannier::ports::views::OutboxQuery;
use pannier::ports::{CoreError, CoreFault, Decided, Driver, Host, Keep, Room, View};
use serde_json::{Map, Value};
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

type Answer = Result<JsValue, CoreError>;

/// Which of the two modules this is: the one for shells, or the browser's.
#[wasm_bindgen(js_name = handsOver)]
pub fn hands_over() -> bool {
    BrowserHost::HANDS_OVER
}

#[wasm_bindgen]
pub struct Core {
    driver: Rc<Driver<BrowserHost>>,
}

#[derive(FromJson)]
#[json(deny_unknown_fields)]
struct Options {
    /// the document as JSON text
    profile: Option<String>,
    #[json(default)]
    servers: Dictionary<String, String>,
    #[json(default)]
    secrets: Dictionary<String, String>,
    keep: Option<Keep>,
}

/// JSON crosses as text, both ways: JavaScript's own reader and printer are native.
fn encode(value: &dyn ToJson) -> JsValue {
    JsValue::from_str(&to_text(value))
}

fn invalid(what: &str, error: &dyn Display) -> CoreError {
    CoreFault::new(
        &[what, "_invalid"].concat(),
        format!("the {what} cannot be read: {error}"),
    )
}

/// What a call was given, in order; what is missing is null.
struct Arguments(std::vec::IntoIter<Value>);

impl Arguments {
    fn next<T: FromJson>(&mut self, what: &str) -> Result<T, CoreError> {
        let mut out = T::blank();
        self.read(what, &mut out)?;
        Ok(out)
    }
    fn read(&mut self, what: &str, place: &mut dyn Slot) -> Result<(), CoreError> {
        let given = print(&self.0.next().unwrap_or_default());
        read_text(&given, place).map_err(|e| invalid(what, &e))
    }
}

type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

/// The one place where a future becomes a promise: boxed, so that the machinery exists once.
fn promise(future: Boxed<Answer>) -> Promise {
    future_to_promise(async { future.await.map_err(|e| encode(&told(&e))) })
}

/// What `PannierError` of `core/js` is made from.
fn told(error: &CoreError) -> Value {
    write_fields(
        "code,message,values",
        &[&error.code, &error.message, &error.values],
    )
}

#[wasm_bindgen]
impl Core {
    /// A `Core`. `options`: as JSON.
    pub fn open(options: String, host: JsHost) -> Promise {
        promise(Box::pin(async move {
            let options = parse(&options).map_err(|e| invalid("options", &e))?;
            let options = Options::from_json(options).map_err(|e| invalid("options", &e))?;
            let host = BrowserHost::new(host);
            let driver = Driver::open(host, options.profile, options.servers, options.secrets);
            let driver = driver.await?;
            if let Some(keep) = options.keep {
                match driver.keep(&keep).await {
                    Err(e) if e.code != "storage_newer" => return Err(e),
                    _ => {}
                }
            }
            Ok(Self {
                driver: Rc::new(driver),
            }
            .into())
        }))
    }

    /// Whether the page is seen; holds from this moment on, before any call that waits its turn.
    pub fn seen(&self, seen: bool) {
        self.driver.seen(seen);
    }

    /// `{ core, schema, profile }` as JSON.
    pub fn versions(&self) -> String {
        let profile = self.driver.profile();
        let profile = [&*profile.name, " ", profile.revision.as_str()].concat();
        to_text(&write_fields(
            "core,schema,profile",
            &[&env!("CARGO_PKG_VERSION"), &SCHEMA, &profile],
        ))
    }

    /// Every call whose arguments and answer are JSON, by the name it has in `types.ts`.
    pub fn call(&self, name: String, arguments: String) -> Promise {
        let core = self.driver.clone();
        promise(Box::pin(async move {
            let Value::Array(given) = parse(&arguments).map_err(|e| invalid("arguments", &e))?
            else {
                return Err(invalid("arguments", &"a list is expected"));
            };
            let answer = dispatch(core, &name, Arguments(given.into_iter()))?.await?;
            Ok(JsValue::from_str(&answer))
        }))
    }

    /// Stores a picture's bytes; they stay on JavaScript's side but for the first few.
    pub fn stage(&self, bytes: ArrayBuffer) -> Promise {
        let core = self.driver.clone();
        let length = bytes.byte_length();
        let head = Uint8Array::new_with_byte_offset_and_length(&bytes, 0, length.min(32)).to_vec();
        promise(Box::pin(async move {
            let staged = core.stage(&head, u64::from(length), bytes).await?;
            Ok(encode(&staged))
        }))
    }

    /// Media type and bytes, or undefined. `of`: another account, by its reference.
    pub fn blob(&self, handle: String, of: Option<String>) -> Promise {
        let core = self.driver.clone();
        promise(Box::pin(async move {
            let found = core.blob(&BlobHandle(handle), of.as_deref()).await?;
            let Some((media_type, bytes)) = found else {
                return Ok(JsValue::UNDEFINED);
            };
            let out = Array::new();
            out.push(&JsValue::from_str(&media_type));
            out.push(&bytes);
            Ok(out.into())
        }))
    }

    /// Makes the instance trap, so that a test can see that the next call works on a fresh one.
    #[wasm_bindgen(js_name = trapForTest)]
    pub fn trap_for_test(&self) -> Promise {
        promise(Box::pin(async { std::process::abort() }))
    }
}

type Shared = Rc<Driver<BrowserHost>>;

/// A step, with what it answers as JSON text.
type Step = Box<dyn FnMut(&Driver<BrowserHost>, &View, &mut String) -> Decided>;

/// The one future of all steps.
fn taken(core: Shared, mut step: Step) -> Boxed<Result<String, CoreError>> {
    Box::pin(async move {
        let mut answer = String::from("null");
        core.take(&mut |view| step(&core, view, &mut answer))
            .await?;
        Ok(answer)
    })
}

/// Arguments are read before the work begins; each arm decodes, calls, encodes.
fn dispatch(
    core: Shared,
    name: &str,
    mut given: Arguments,
) -> Result<Boxed<Result<String, CoreError>>, CoreError> {
    macro_rules! run {
        ($call:expr) => {
            Box::pin(async move { Ok(to_text(&$call.await?)) })
        };
    }
    // What only looks.
    macro_rules! look {
        ($step:ident $(, $given:expr)*) => {
            Box::new(move |core: &Driver<BrowserHost>, view: &View, answer: &mut String| {
                *answer = to_text(&core.$step(view $(, $given)*)?);
                Ok(None)
            })
        };
    }
    // What decides a commit and has nothing to answer.
    macro_rules! decide {
        ($step:ident $(, $given:expr)*) => {
            Box::new(move |core: &Driver<BrowserHost>, view: &View, _: &mut String| {
                core.$step(view $(, $given)*)
            })
        };
    }
    let step: Step = match name {
        "session" => Box::new(|core, view, answer| {
            let session = core.session_in(view)?.map(|s| s.value);
            let profile = core.profile();
            let fields = profile.sign_in.credentials();
            *answer = to_text(&session_view(session.as_deref(), fields));
            Ok(None)
        }),
        "route" => look!(route_in),
        "stop" => {
            let id: StopId = given.next("stop")?;
            look!(stop_in, &id)
        }
        "meaning" => {
            let (code, at): (String, Option<StopId>) = (given.next("code")?, given.next("stop")?);
            look!(meaning_in, &code, at.as_ref())
        }
        "draft" => {
            let stop: StopId = given.next("stop")?;
            look!(draft_in, &stop)
        }
        "saveDraft" => {
            let stop: StopId = given.next("stop")?;
            let blobs: Vec<BlobHandle> = given.next("blobs")?;
            let fields: Map<String, Value> = given.next("fields")?;
            decide!(save_draft_in, &stop, &blobs, &fields)
        }
        "outbox" => {
            let query: Option<OutboxQuery> = given.next("query")?;
            let query = query.unwrap_or_default();
            look!(outbox_in, &query)
        }
        "status" => look!(status_in),
        "wakes" => look!(wakes_in),
        "thresholds" => {
            let new: Option<Thresholds> = given.next("thresholds")?;
            Box::new(move |core, view, answer| {
                let mut known = Thresholds::default();
                let decided = core.thresholds_in(view, new.as_ref(), &mut known)?;
                *answer = to_text(&known);
                Ok(decided)
            })
        }
        "notices" => look!(notices_in),
        "putAway" => {
            let (at, seq): (i64, u64) = (given.next("at")?, given.next("seq")?);
            decide!(put_away_in, at, seq)
        }
        "others" => look!(others_in),
        "health" => look!(health_in),
        "retry" => {
            let operation: OperationId = given.next("operation")?;
            decide!(retry_in, &operation)
        }
        "discard" => {
            let (operation, reason): (OperationId, String) =
                (given.next("operation")?, given.next("reason")?);
            decide!(discard_in, &operation, &reason)
        }
        _ => {
            return Ok(match name {
                "signIn" => {
                    let credentials = given.next("credentials")?;
                    Box::pin(async move {
                        let session = core.sign_in(credentials).await?;
                        Ok(to_text(&write_fields(
                            "account",
                            &[&account_view(&session)],
                        )))
                    })
                }
                "signOut" => {
                    let force: Option<bool> = given.next("force")?;
                    let was = given.next("subscription")?;
                    run!(core.sign_out_of(force.unwrap_or(false), was))
                }
                "refreshRoute" => run!(core.refresh_route()),
                "record" => {
                    let (intent, position): (Intent, Option<Position>) =
                        (given.next("intent")?, given.next("position")?);
                    run!(core.record(intent, position))
                }
                "drain" => {
                    let (reason, budget): (WakeReason, Option<u32>) =
                        (given.next("reason")?, given.next("budgetMs")?);
                    core.used.set(given.next("used")?);
                    run!(core.drain(reason, budget))
                }
                #[cfg(feature = "shell")]
                "handOver" => run!(core.hand_over()),
                "tidy" => {
                    let room: Option<Room> = given.next("room")?;
                    run!(core.tidy(room))
                }
                "history" => {
                    let operation: OperationId = given.next("operation")?;
                    run!(core.history(&operation))
                }
                "closeShift" => {
                    let budget: Option<u32> = given.next("budgetMs")?;
                    run!(core.close_shift(budget))
                }
                "export" => {
                    let of: Option<String> = given.next("reference")?;
                    run!(core.export(of.as_deref()))
                }
                "pushKey" => run!(core.push_key()),
                "push" => {
                    let now = given.next("subscription")?;
                    run!(core.push(now))
                }
                "endPush" => {
                    let was = given.next("subscription")?;
                    run!(core.end_push(was))
                }
                "amend" => {
                    let (operation, changes): (OperationId, Map<String, Value>) =
                        (given.next("operation")?, given.next("changes")?);
                    run!(core.amend(&operation, changes))
                }
                other => return Err(invalid("call", &other)),
            });
        }
    };
    Ok(taken(core, step))
}
