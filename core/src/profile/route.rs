//! From the backend's answers to a route in our words: which page comes next, which list in it
//! counts, and one stop after the other.

use super::document::{Paging, PagingKind, Profile, Read};
use super::http::Answer;
use super::read::{Mistake, ProfileError};
use super::request::outputs;
use super::value::{Context, fill, plain_text};
use crate::domain::json::{FromJson, ToJson, print};
use crate::domain::route::{KEPT_BYTES_MAX, Route, RouteHeader};
use crate::domain::stop::Stop;
use crate::domain::text::{around, cut, replaced, shown};
use crate::domain::tree::pointed;
use serde_json::Value;

/// A mapped route, the stops that could not be read (by place and reason), and the backend's clock.
#[derive(Debug, Default)]
pub struct Mapped {
    pub route: Route,
    pub unreadable: Vec<String>,
    pub now_ms: Option<i64>,
}

/// The list that a read's answer holds.
///
/// # Errors
/// `route_unreadable`, when there is none where the profile says.
pub fn items_of<'a>(read: &Read, answer: &'a Value) -> Result<&'a [Value], ProfileError> {
    match pointed(&answer["body"], read.items.trim_start_matches('#')) {
        Some(Value::Array(items)) => Ok(items),
        _ => Err(Mistake::new(
            "route_unreadable",
            format!(
                "the backend's answer has no list of stops at {} ({})",
                read.items, read.read_id
            ),
        )),
    }
}

/// Which page is asked for, and whether there is another.
#[derive(Debug)]
pub struct Pages<'a> {
    paging: Option<&'a Paging>,
    page: Value,
    address: Option<String>,
}

impl<'a> Pages<'a> {
    pub fn new(paging: Option<&'a Paging>) -> Self {
        let page = match paging.map(|p| (p.kind, p.first)) {
            Some((PagingKind::Page, first)) => first.to_json(),
            Some((PagingKind::Offset, _)) => 0_u32.to_json(),
            _ => Value::Null,
        };
        Self {
            paging,
            page,
            address: None,
        }
    }
    /// `$page`; the first of a cursor has none.
    pub fn value(&self) -> Option<Value> {
        Some(self.page.clone()).filter(|p| !p.is_null())
    }
    /// Puts the address of the next page in place, where the backend gave one. The sign-in goes
    /// with it, so another server is never asked: of an address elsewhere (a backend behind a proxy
    /// writes its own name) only the query counts.
    pub fn place(&self, url: &mut String) -> Result<(), ProfileError> {
        let Some(given) = &self.address else {
            return Ok(());
        };
        let path_at = |text: &str| {
            let (scheme, rest) = around(text, "://")?;
            let host = scheme.len() + 3;
            Some(rest.find(['/', '?', '#']).map_or(text.len(), |i| host + i))
        };
        let own = path_at(url).unwrap_or(0);
        let same = path_at(given).is_some_and(|at| cut(given, 0, at) == cut(url, 0, own));
        if same {
            url.clone_from(given);
        } else if given.starts_with('/') && !given.starts_with("//") {
            url.truncate(own);
            url.push_str(given);
        } else if let Some(at) = given.find('?') {
            url.truncate(url.find('?').unwrap_or(url.len()));
            url.push_str(cut(given, at, given.len()));
        } else {
            let text = format!(
                "the next page is said to be at {}, which is elsewhere",
                shown(given, 200)
            );
            return Err(Mistake::new("route_unreadable", text));
        }
        Ok(())
    }

    /// Turns to the page after this answer. False: it was the last.
    pub fn turn(
        &mut self,
        answer: &Value,
        here: usize,
        so_far: usize,
        link: Option<String>,
        context: &Context,
    ) -> Result<bool, ProfileError> {
        let Some(paging) = self.paging else {
            return Ok(false);
        };
        let next = || {
            let context = context.clone().with("response", answer.clone());
            let filled = paging.next.as_ref().map(|tree| fill(tree, &context));
            Ok::<_, ProfileError>(filled.transpose()?.flatten().unwrap_or_default())
        };
        let short = paging.size.is_some_and(|size| here < size as usize);
        match paging.kind {
            PagingKind::Page | PagingKind::Offset if here == 0 || short => Ok(false),
            PagingKind::Page => {
                let page = self.page.as_u64().unwrap_or(0);
                let pages = paging
                    .pages
                    .as_ref()
                    .and_then(|at| pointed(&answer["body"], at.trim_start_matches('#')))
                    .and_then(Value::as_u64);
                self.page = (page + 1).to_json();
                Ok(pages.is_none_or(|pages| page < pages + u64::from(paging.first) - 1))
            }
            PagingKind::Offset => {
                self.page = so_far.to_json();
                Ok(true)
            }
            PagingKind::Cursor => {
                let next = next()?;
                let ended = plain_text(&next).is_empty() || next == self.page;
                self.page = next;
                Ok(!ended)
            }
            PagingKind::Link => {
                let link = match paging.next {
                    Some(_) => Some(plain_text(&next()?)).filter(|address| !address.is_empty()),
                    None => link,
                };
                let same = link == self.address;
                self.address = link;
                Ok(self.address.is_some() && !same)
            }
        }
    }
}

/// The address of `rel="next"` in an answer's `Link` header.
pub fn next_link(answer: &Answer) -> Option<String> {
    let header = answer.headers.get("link")?;
    header.split(',').find_map(|link| {
        let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters
            .split(';')
            .any(|p| replaced(p.trim(), "\"", "") == "rel=next");
        is_next.then(|| address.to_owned())
    })
}

/// Maps the list of stops. `context` holds the first answer as `$response`, and `$reads`.
///
/// # Errors
/// A mistake in the profile that shows only when it is filled.
pub fn map(
    profile: &Profile,
    items: &[Value],
    mut context: Context,
) -> Result<Mapped, ProfileError> {
    let read = &profile.route;
    let header = outputs(&read.outputs, &context)?;
    let now_ms = header.get("nowMs").and_then(Value::as_i64);
    let text = |name: &str| header.get(name).map(plain_text);
    let kept = outputs(&read.keep, &context)?;
    let bytes = print(&Value::Object(kept.clone())).len();
    if bytes > KEPT_BYTES_MAX {
        let text = format!(
            "the profile keeps {bytes} bytes of the backend's lists; at most {KEPT_BYTES_MAX} are"
        );
        return Err(Mistake::new("route_too_large", text));
    }
    let mut mapped = Mapped {
        route: Route {
            header: RouteHeader {
                id: text("id"),
                date: text("date"),
                version: text("version"),
                kept,
            },
            stops: Vec::with_capacity(items.len()),
        },
        unreadable: Vec::new(),
        now_ms,
    };
    for (i, item) in items.iter().enumerate() {
        context.set("item", item.clone());
        let filled = fill(&read.stop, &context)?.unwrap_or(Value::Null);
        match Stop::from_json(filled) {
            Ok(stop) if stop.id.0.is_empty() => {
                mapped.unreadable.push(format!("stop {i}: it has no id"));
            }
            // A list that moves while its pages are read shows an item twice.
            Ok(stop) if mapped.route.stops.iter().any(|s| s.id == stop.id) && read.pages() => {}
            Ok(mut stop) => {
                if stop.sequence == 0 {
                    stop.sequence = u32::try_from(i + 1).unwrap_or(u32::MAX);
                }
                mapped.route.stops.push(stop);
            }
            Err(e) => mapped.unreadable.push(format!("stop {i}: {e}")),
        }
    }
    Ok(mapped)
}
