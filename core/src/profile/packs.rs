//! Rules that standards have made for everybody, by name. They stand behind the profile's own
//! common rules, so that what a profile says itself comes first.

use super::document::OutcomeRule;
use crate::domain::json::{FromJson, parse};

/// By name; each a list of rules in the language itself.
pub const PACKS: [(&str, &str); 3] = [
    // RFC 9457: the status says what kind of no it is, `detail` says it in words.
    (
        "problemDetails",
        r##"[
{"when":{"status":[401],"mediaType":"application/problem+json"},"then":"auth","message":"#/detail"},
{"when":{"status":[408,425,429],"mediaType":"application/problem+json"},"then":"throttled","message":"#/detail"},
{"when":{"status":[409],"mediaType":"application/problem+json"},"then":"conflict","message":"#/detail"},
{"when":{"status":[400,403,404,405,406,410,411,413,414,415,422],"mediaType":"application/problem+json"},"then":"invalid","message":"#/detail"}]"##,
    ),
    // RFC 9110 and RFC 6585: a precondition that no longer holds may have been met by our own
    // earlier attempt.
    (
        "conditionals",
        r##"[{"when":{"status":[412]},"then":"probe","message":"#/detail"},{"when":{"status":[428]},"then":"invalid","message":"#/detail"}]"##,
    ),
    // draft-ietf-httpapi-idempotency-key-header: the first request is still under way; the key was
    // used for something else; the key is missing.
    (
        "idempotencyKey",
        r##"[{"when":{"status":[409],"body":{"at":"#/type","glob":"*idempotency*"}},"then":"retry","message":"#/title"},
{"when":{"status":[400,422],"body":{"at":"#/type","glob":"*idempotency*"}},"then":"invalid","message":"#/title"}]"##,
    ),
];

/// The rules of a pack; `None` for a name that is none.
pub fn rules(name: &str) -> Option<Vec<OutcomeRule>> {
    let (_, text) = PACKS.iter().find(|(known, _)| *known == name)?;
    FromJson::from_json(parse(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_is_written_in_the_language() {
        for (name, _) in PACKS {
            assert!(rules(name).is_some_and(|r| !r.is_empty()), "{name}");
        }
        assert!(rules("std").is_none());
    }
}
