//! One exchange with a deadline of our own and an abort when the drain is dropped. How it leaves is
//! the client's to say: by the browser's own `fetch`, or natively in the shell.

use crate::blobs::hex;
use crate::clock::{BrowserIds, elapsed};
use crate::store::IdbStore;
use futures_util::future::{Either, select};
use gloo_net::http::{Method, RequestBuilder, Response};
use js_sys::{Array, ArrayBuffer, Function, Promise, Uint8Array};
use pannier::domain::ids::{AccountId, BlobHandle};
use pannier::ports::blobs::Blobs;
use pannier::ports::clock::Ids;
use pannier::ports::net::Net;
use pannier::profile::functions::base64;
use pannier::profile::http::{
    ANSWER_BYTES_MAX, Answer, Body, Exchange, NetFailure, Part, Piece, Request,
};
use std::pin::pin;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, AbortSignal, RequestCache, RequestCredentials};

#[derive(Clone)]
pub struct FetchNet {
    pub blobs: IdbStore,
    /// `(Request, streamed: boolean) -> Promise<Response>`: `network.ts` of `core/js`
    pub leave: Function,
}

/// Aborts the request when its future is dropped.
struct Abort(AbortController);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn not_sent(code: &str, text: impl Into<String>) -> NetFailure {
    NetFailure::NotSent {
        code: code.to_owned(),
        text: text.into(),
    }
}

impl FetchNet {
    async fn bytes(
        &self,
        account: &AccountId,
        handle: &BlobHandle,
    ) -> Result<ArrayBuffer, NetFailure> {
        match self.blobs.bytes(account, handle).await {
            Ok(Some((_, bytes))) => Ok(bytes),
            Ok(None) => Err(not_sent(
                "blob_missing",
                "the picture is no longer on this device",
            )),
            // Nothing left, so nothing is in doubt; but it is no fault of the operation either.
            Err(_) => Err(NetFailure::Unreachable),
        }
    }

    /// The body, and what it is where the request does not say it itself.
    async fn body(
        &self,
        account: &AccountId,
        request: &Request,
    ) -> Result<(Option<JsValue>, Option<String>), NetFailure> {
        let mut media_type = request.content_type().map(str::to_owned);
        let parts = Array::new();
        let text = |text: &str| {
            parts.push(&JsValue::from_str(text));
        };
        match &request.body {
            Body::Empty => return Ok((None, None)),
            Body::Json(text) | Body::Form(text) => {
                return Ok((Some(JsValue::from_str(text)), media_type));
            }
            Body::Blob { handle, .. } => {
                let bytes = self.bytes(account, handle).await?;
                return Ok((Some(bytes.into()), media_type));
            }
            Body::JsonPieces(pieces) => {
                for piece in pieces {
                    match piece {
                        Piece::Text(piece) => text(piece),
                        Piece::Base64(handle) => {
                            encode(&self.bytes(account, handle).await?, &parts);
                        }
                    }
                }
            }
            // Not a FormData: WebKit reads none with a picture in it back out of a request, and
            // whoever sends it past the web view has to.
            Body::Multipart(list) => {
                let boundary = ["pannier-", &hex(&BrowserIds.random())].concat();
                let begin = [
                    "--",
                    &boundary,
                    "\r\nContent-Disposition: form-data; name=\"",
                ]
                .concat();
                for part in list {
                    text(&begin);
                    match part {
                        Part::Text { name, value } => {
                            text(&[&quoted(name), "\"\r\n\r\n", value].concat());
                        }
                        Part::File {
                            name,
                            filename,
                            media_type,
                            handle,
                        } => {
                            text(&quoted(name));
                            text("\"; filename=\"");
                            text(&quoted(filename));
                            text("\"\r\nContent-Type: ");
                            text(media_type);
                            text("\r\n\r\n");
                            let bytes: JsValue = self.bytes(account, handle).await?.into();
                            parts.push(&bytes);
                        }
                    }
                    text("\r\n");
                }
                text(&["--", &boundary, "--\r\n"].concat());
                media_type = Some(["multipart/form-data; boundary=", &boundary].concat());
            }
        }
        let blob = web_sys::Blob::new_with_str_sequence(&parts)
            .map_err(|_| not_sent("request_unbuildable", "the body could not be made"))?;
        Ok((Some(blob.into()), media_type))
    }

    /// The request as the browser has it. `signal` ends it.
    async fn made(
        &self,
        account: &AccountId,
        request: &Request,
        signal: Option<&AbortSignal>,
    ) -> Result<web_sys::Request, NetFailure> {
        let refused = |why: &str| {
            let text = ["the request could not be made: ", why].concat();
            not_sent("request_unbuildable", text)
        };
        let (body, media_type) = self.body(account, request).await?;
        let method: Method = request
            .method
            .parse()
            .map_err(|_| refused(&request.method))?;
        let mut builder = RequestBuilder::new(&request.url)
            .method(method)
            .credentials(if request.cookies {
                RequestCredentials::Include
            } else {
                RequestCredentials::Omit
            })
            .cache(RequestCache::NoStore)
            .abort_signal(signal);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(media_type) = media_type {
            builder = builder.header("content-type", &media_type);
        }
        let built = match body {
            Some(body) => builder.body(body),
            None => builder.build(),
        };
        Ok(built.map_err(|e| refused(&e.to_string()))?.into())
    }
}

/// A name inside quotes, as browsers write it.
fn quoted(name: &str) -> String {
    let name = name.replace('"', "%22").replace('\r', "%0D");
    name.replace('\n', "%0A")
}

/// Whole groups of three bytes, so that pieces join without padding between them.
const PIECE_BYTES: u32 = 3 << 14;

/// A picture as base64, piece by piece: the core's memory holds one of them at a time.
fn encode(bytes: &ArrayBuffer, parts: &Array) {
    let mut from = 0;
    while from < bytes.byte_length() {
        let length = (bytes.byte_length() - from).min(PIECE_BYTES);
        let piece = Uint8Array::new_with_byte_offset_and_length(bytes, from, length).to_vec();
        parts.push(&JsValue::from_str(&base64(&piece)));
        from += length;
    }
}

impl Net for FetchNet {
    async fn exchange(&self, account: &AccountId, request: &Request) -> Exchange {
        let controller = AbortController::new()
            .map_err(|_| not_sent("request_unbuildable", "there is no AbortController"))?;
        let signal = controller.signal();
        let abort = Abort(controller);
        let built = self.made(account, request, Some(&signal)).await?;
        let exchange = async {
            let streamed = JsValue::from_bool(request.streamed);
            let leaving = self.leave.call2(&JsValue::UNDEFINED, &built, &streamed);
            let leaving = leaving.and_then(|p| p.dyn_into::<Promise>());
            let response = match leaving {
                Ok(promise) => JsFuture::from(promise).await,
                Err(e) => Err(e),
            };
            let response = response.and_then(|r| r.dyn_into::<web_sys::Response>());
            let response = Response::from(response.map_err(|_| NetFailure::Unreachable)?);
            let mut answer = Answer {
                status: response.status(),
                ..Answer::default()
            };
            for (name, value) in response.headers().entries() {
                answer.headers.insert(name.to_ascii_lowercase(), value);
            }
            // An answer that is cut short is no answer.
            let text = response.text().await.map_err(|_| NetFailure::Unreachable)?;
            if text.len() <= ANSWER_BYTES_MAX {
                answer.body = text;
            }
            Ok(answer)
        };
        let outcome = match select(pin!(exchange), pin!(elapsed(request.deadline_ms))).await {
            Either::Left((exchange, _)) => exchange,
            Either::Right(_) => Err(NetFailure::TimedOut),
        };
        drop(abort);
        outcome
    }
}
