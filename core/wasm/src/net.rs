//! One exchange by `fetch`, through gloo-net, with a deadline of our own and an abort when the
//! drain is dropped.

use crate::clock::elapsed;
use crate::store::IdbStore;
use futures_util::future::{Either, select};
use gloo_net::http::{Method, RequestBuilder};
use js_sys::{Array, ArrayBuffer, Function, Uint8Array};
use pannier::domain::ids::{AccountId, BlobHandle};
use pannier::ports::blobs::Blobs;
use pannier::ports::net::Net;
use pannier::profile::functions::base64;
use pannier::profile::http::{
    ANSWER_BYTES_MAX, Answer, Body, Exchange, NetFailure, Part, Piece, Request,
};
use std::pin::pin;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, BlobPropertyBag, FormData, RequestCache, RequestCredentials};

#[derive(Clone)]
pub struct FetchNet {
    pub blobs: IdbStore,
    /// `(Request) -> Request`: `streamedRequest` of `core/js`
    pub streamed: Function,
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

    async fn body(&self, account: &AccountId, body: &Body) -> Result<Option<JsValue>, NetFailure> {
        Ok(match body {
            Body::Empty => None,
            Body::Json(text) | Body::Form(text) => Some(JsValue::from_str(text)),
            Body::JsonPieces(pieces) => {
                let parts = Array::new();
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => {
                            parts.push(&JsValue::from_str(text));
                        }
                        Piece::Base64(handle) => {
                            encode(&self.bytes(account, handle).await?, &parts);
                        }
                    }
                }
                let blob = web_sys::Blob::new_with_str_sequence(&parts)
                    .map_err(|_| not_sent("request_unbuildable", "the body could not be made"))?;
                Some(blob.into())
            }
            Body::Blob { handle, .. } => Some(self.bytes(account, handle).await?.into()),
            Body::Multipart(parts) => {
                let refused = |_| not_sent("request_unbuildable", "the form could not be made");
                let form = FormData::new().map_err(refused)?;
                for part in parts {
                    match part {
                        Part::Text { name, value } => {
                            form.append_with_str(name, value).map_err(refused)?;
                        }
                        Part::File {
                            name,
                            filename,
                            media_type,
                            handle,
                        } => {
                            let bytes = self.bytes(account, handle).await?;
                            let options = BlobPropertyBag::new();
                            options.set_type(media_type);
                            let sequence = Array::of1(&bytes);
                            let blob = web_sys::Blob::new_with_buffer_source_sequence_and_options(
                                &sequence, &options,
                            )
                            .map_err(refused)?;
                            form.append_with_blob_and_filename(name, &blob, filename)
                                .map_err(refused)?;
                        }
                    }
                }
                Some(form.into())
            }
        })
    }
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
        let refused = |why: String| {
            not_sent(
                "request_unbuildable",
                format!("the request could not be made: {why}"),
            )
        };
        let body = self.body(account, &request.body).await?;
        let controller =
            AbortController::new().map_err(|_| refused("no AbortController".into()))?;
        let signal = controller.signal();
        let abort = Abort(controller);
        let method: Method = request
            .method
            .parse()
            .map_err(|_| refused(request.method.clone()))?;
        let mut builder = RequestBuilder::new(&request.url)
            .method(method)
            .credentials(if request.cookies {
                RequestCredentials::Include
            } else {
                RequestCredentials::Omit
            })
            .cache(RequestCache::NoStore)
            .abort_signal(Some(&signal));
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(media_type) = request.content_type()
            && !matches!(request.body, Body::Multipart(_))
        {
            builder = builder.header("content-type", media_type);
        }
        let built = match body {
            Some(body) => builder.body(body),
            None => builder.build(),
        };
        let mut built = built.map_err(|e| refused(e.to_string()))?;
        if request.streamed {
            let plain = web_sys::Request::from(built);
            let streamed = self.streamed.call1(&JsValue::UNDEFINED, &plain);
            let streamed = streamed.ok().and_then(|s| s.dyn_into().ok());
            built = streamed.unwrap_or(plain).into();
        }
        let exchange = async {
            let response = built.send().await.map_err(|_| NetFailure::Unreachable)?;
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
