//! From a step of the profile and a context to a request that can be sent.

use super::document::{BodyTemplate, PartTemplate, Profile, RequestTemplate};
use super::http::{Body, Part, Piece, Request};
use super::read::{Mistake, ProfileError};
use super::url::{escape, expand};
use super::value::{Context, fill, plain_text};
use crate::domain::dictionary::Dictionary;
use crate::domain::ids::BlobHandle;
use crate::domain::json::print;
use crate::domain::text::around;
use crate::sabotage::{Sabotage, is};
use serde_json::{Map, Value};

/// Fills a request. A server, a parameter or a part that should be there and is not is an error:
/// a request with a hole in its address is never sent.
pub fn build(
    profile: &Profile,
    template: &RequestTemplate,
    context: &Context,
) -> Result<Request, ProfileError> {
    let url = expand(&template.url, &mut |name| {
        if let Some(base) = profile.servers.get(name) {
            return Ok(Some(base.trim_end_matches('/').to_owned()));
        }
        match template.parameters.get(name) {
            Some(tree) => Ok(fill(tree, context)?.map(|v| plain_text(&v))),
            None => Ok(None),
        }
    })?;
    let mut headers = Vec::new();
    if !url.starts_with("https://") && !url.starts_with("http://") {
        // What follows may hold a key.
        let address = url.split('?').next().unwrap_or_default();
        let text = ["the address ", address, " begins with no server"].concat();
        return Err(Mistake::new("request_url", text));
    }
    if template.auth {
        fill_headers(&profile.sign_in.headers, context, &mut headers)?;
    }
    fill_headers(&template.headers, context, &mut headers)?;
    if let Some(Value::Object(given)) = filled(template.headers_from.as_ref(), context)? {
        headers.extend(given.iter().map(|(k, v)| (k.clone(), plain_text(v))));
    }
    let body = match &template.body {
        None => Body::Empty,
        Some(BodyTemplate::Json(tree)) => {
            pieces(print(&fill(tree, context)?.unwrap_or(Value::Null)), context)
        }
        Some(BodyTemplate::Form(fields)) => Body::Form(form(fields, context)?),
        Some(BodyTemplate::Blob(tree)) => {
            let (handle, media_type) = blob(tree, context)?;
            Body::Blob { handle, media_type }
        }
        Some(BodyTemplate::Multipart(parts)) => {
            let mut out = Vec::with_capacity(parts.len());
            for part in parts {
                fill_part(part, context, &mut out)?;
            }
            Body::Multipart(out)
        }
    };
    Ok(Request {
        method: template.method.clone(),
        url,
        headers,
        body,
        cookies: template.auth && profile.sign_in.cookies,
        deadline_ms: template.deadline_ms,
        streamed: template.streamed && !is(Sabotage::SendWhole),
    })
}

fn filled(tree: Option<&Value>, context: &Context) -> Result<Option<Value>, ProfileError> {
    match tree {
        Some(tree) => fill(tree, context),
        None => Ok(None),
    }
}

/// Stands in a text for a picture's bytes: `$bytes` writes it, [`pieces`] takes it out again.
pub(super) fn mark(handle: &str) -> String {
    ["\u{1}", handle, "\u{1}"].concat()
}

/// Only the operation's own picture can stand in its text, and nobody who wrote that text knew the
/// picture's handle.
fn pieces(text: String, context: &Context) -> Body {
    let handle = context.look_up("operation.blob.handle");
    let Some(handle) = handle.and_then(Value::as_str) else {
        return Body::Json(text);
    };
    let printed = ["\\u0001", handle, "\\u0001"].concat();
    let (mut out, mut rest) = (vec![], &*text);
    while let Some((before, after)) = around(rest, &printed) {
        out.push(Piece::Text(before.to_owned()));
        out.push(Piece::Base64(BlobHandle(handle.to_owned())));
        rest = after;
    }
    if out.is_empty() {
        return Body::Json(text);
    }
    out.push(Piece::Text(rest.to_owned()));
    Body::JsonPieces(out)
}

fn fill_headers(
    templates: &Dictionary<String, Value>,
    context: &Context,
    out: &mut Vec<(String, String)>,
) -> Result<(), ProfileError> {
    for (name, tree) in templates {
        if let Some(value) = fill(tree, context)? {
            out.push((name.clone(), plain_text(&value)));
        }
    }
    Ok(())
}

fn form(fields: &Dictionary<String, Value>, context: &Context) -> Result<String, ProfileError> {
    let mut out = String::new();
    for (name, tree) in fields {
        if let Some(value) = fill(tree, context)? {
            if !out.is_empty() {
                out.push('&');
            }
            escape(name, false, &mut out);
            out.push('=');
            escape(&plain_text(&value), false, &mut out);
        }
    }
    Ok(out)
}

fn fill_part(
    part: &PartTemplate,
    context: &Context,
    out: &mut Vec<Part>,
) -> Result<(), ProfileError> {
    let name = part.name.clone();
    if let Some(tree) = &part.blob {
        let (handle, media_type) = blob(tree, context)?;
        let filename = filled(part.filename.as_ref(), context)?.map(|v| plain_text(&v));
        out.push(Part::File {
            name,
            filename: filename.unwrap_or_else(|| "file".to_owned()),
            media_type,
            handle,
        });
        return Ok(());
    }
    if let Some(Value::Object(fields)) = filled(part.fields.as_ref(), context)? {
        out.extend(fields.iter().map(|(name, value)| Part::Text {
            name: name.clone(),
            value: plain_text(value),
        }));
    }
    if let Some(value) = filled(part.value.as_ref(), context)? {
        out.push(Part::Text {
            name,
            value: plain_text(&value),
        });
    }
    Ok(())
}

/// `$operation.blob` is `{ handle, mediaType, bytes, sha256 }`.
fn blob(tree: &Value, context: &Context) -> Result<(BlobHandle, String), ProfileError> {
    let value = fill(tree, context)?.unwrap_or(Value::Null);
    let field = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    match (field("handle"), field("mediaType")) {
        (Some(handle), Some(media_type)) => Ok((BlobHandle(handle), media_type)),
        _ => Err(Mistake::new(
            "request_blob",
            "the operation has no picture to send",
        )),
    }
}

/// Fills a map of outputs; what is missing is left out.
pub fn outputs(
    trees: &Dictionary<String, Value>,
    context: &Context,
) -> Result<Map<String, Value>, ProfileError> {
    let mut out = Map::new();
    for (name, tree) in trees {
        if let Some(value) = fill(tree, context)? {
            out.insert(name.clone(), value);
        }
    }
    Ok(out)
}
