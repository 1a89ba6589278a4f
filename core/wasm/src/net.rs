//! One exchange by the host (`core/js/src/host/net.ts`), given up when the drain is dropped.

use crate::host::{JsHost, next};
use crate::wire;
use js_sys::Array;
use pannier::domain::ids::AccountId;
use pannier::domain::json::parse;
use pannier::ports::net::Net;
use pannier::profile::http::{Answer, Exchange, NetFailure, Request};
use serde_json::Value;
use std::cell::Cell;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

pub struct JsNet {
    host: JsHost,
    tickets: Cell<u32>,
}

/// Giving up what has ended changes nothing.
struct UnderWay<'a>(&'a JsHost, u32);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.give_up(self.1);
    }
}

impl JsNet {
    pub fn new(host: JsHost) -> Self {
        Self {
            host,
            tickets: Cell::default(),
        }
    }
}

fn text(outcome: &Array, at: u32) -> String {
    outcome.get(at).as_string().unwrap_or_default()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn read(outcome: &JsValue) -> Exchange {
    let outcome: &Array = outcome.unchecked_ref();
    if let Some(status) = outcome.get(0).as_f64() {
        let mut answer = Answer {
            status: status as u16,
            body: text(outcome, 2),
            ..Answer::default()
        };
        if let Ok(Value::Array(headers)) = parse(&text(outcome, 1)) {
            for header in headers {
                if let Value::Array(mut pair) = header
                    && let (Some(Value::String(value)), Some(Value::String(name))) =
                        (pair.pop(), pair.pop())
                {
                    answer.headers.insert(name, value);
                }
            }
        }
        return Ok(answer);
    }
    Err(match &*text(outcome, 0) {
        "timed_out" => NetFailure::TimedOut,
        "not_sent" => NetFailure::NotSent {
            code: text(outcome, 1),
            text: text(outcome, 2),
        },
        _ => NetFailure::Unreachable,
    })
}

impl Net for JsNet {
    async fn exchange(&self, account: &AccountId, request: &Request) -> Exchange {
        let ticket = next(&self.tickets);
        let under_way = UnderWay(&self.host, ticket);
        let promise = self.host.exchange(ticket, &wire::request(account, request));
        let outcome = JsFuture::from(promise).await;
        drop(under_way);
        outcome.map_or(Err(NetFailure::Unreachable), |o| read(&o))
    }
}
