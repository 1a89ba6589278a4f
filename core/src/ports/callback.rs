//! The escape hatch of the profile: functions that the host lends, called around an exchange for
//! what data cannot say. They see one request or one answer, decide nothing of the outbox, and have
//! ten seconds.

use super::clock::Clock;
use super::driver::{Boxed, Driver};
use super::host::Host;
use crate::domain::json::{ToJson, object};
use crate::domain::tree::set;
use crate::engine::attempt::{HOST_CALL_MS, Send};
use crate::profile::http::{Answer, Body, NetFailure};
use crate::profile::judge::answer_value;
use crate::profile::value::plain_text;
use futures_util::future::{Either, select};
use serde_json::{Map, Value};
use std::pin::pin;

impl<H: Host> Driver<H> {
    fn call_host<'a>(&'a self, function: &'a str, given: Value) -> Boxed<'a, Option<Value>> {
        Box::pin(async move {
            let called = pin!(self.host.call(function, given));
            let late = pin!(self.host.clock().sleep(HOST_CALL_MS));
            match select(called, late).await {
                Either::Left((said, _)) => said,
                Either::Right(_) => None,
            }
        })
    }

    /// Lets the host change a built request. What it leaves out stays.
    pub(super) fn host_changes<'a>(
        &'a self,
        send: &'a mut Send,
    ) -> Boxed<'a, Result<(), NetFailure>> {
        Box::pin(async move {
            let Some((calls, operation)) = &send.host else {
                return Ok(());
            };
            let Some(function) = &calls.request else {
                return Ok(());
            };
            let request = &mut send.request;
            let mut headers = Map::new();
            for (name, value) in &request.headers {
                headers.insert(name.clone(), value.to_json());
            }
            let body = match &request.body {
                Body::Json(text) | Body::Form(text) => text.to_json(),
                _ => Value::Null,
            };
            let given = object([
                ("operation", operation.clone()),
                (
                    "request",
                    object([
                        ("method", request.method.to_json()),
                        ("url", request.url.to_json()),
                        ("headers", Value::Object(headers)),
                        ("body", body.clone()),
                    ]),
                ),
            ]);
            let failed = |text: &str| {
                Err(NetFailure::NotSent {
                    code: "host_failed".to_owned(),
                    text: [function, text].concat(),
                })
            };
            let Some(Value::Object(changes)) = self.call_host(function, given).await else {
                return failed(" gave nothing, failed, or took longer than ten seconds");
            };
            for (name, value) in &changes {
                match (&**name, value) {
                    ("url", Value::String(url)) if url.starts_with("http") => {
                        request.url.clone_from(url);
                    }
                    ("headers", Value::Object(changed)) => {
                        for (name, value) in changed {
                            let same = |(n, _): &(String, String)| !n.eq_ignore_ascii_case(name);
                            request.headers.retain(same);
                            if !value.is_null() {
                                request.headers.push((name.clone(), plain_text(value)));
                            }
                        }
                    }
                    ("body", Value::String(text)) if !body.is_null() => {
                        let media_type = request.content_type().map(str::to_owned);
                        if let Some(media_type) = media_type {
                            let named = ("content-type".to_owned(), media_type);
                            request.headers.push(named);
                        }
                        request.body = Body::Json(text.clone());
                    }
                    _ => return failed([" may not change ", name].concat().as_str()),
                }
            }
            Ok(())
        })
    }

    /// Asks the host about an answer. Where it says nothing, the rules go without it.
    pub(super) fn host_judges<'a>(
        &'a self,
        send: &'a Send,
        answer: &'a mut Answer,
    ) -> Boxed<'a, ()> {
        Box::pin(async move {
            let Some((calls, operation)) = &send.host else {
                return;
            };
            if let Some(function) = &calls.answer {
                let mut told = answer_value(answer);
                set(&mut told, "text", answer.body.to_json());
                let given = object([("operation", operation.clone()), ("answer", told)]);
                answer.host = self.call_host(function, given).await.unwrap_or_default();
            }
        })
    }
}
