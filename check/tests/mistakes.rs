//! What is found, where, and in which words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use pannier::domain::json::ToJson;
use pannier_check::{Finding, Report, Severity, check};
use serde_json::{Value, json};

/// A profile without a mistake or a risk, small enough to be seen as a whole.
fn small() -> Value {
    json!({
        "pannier": 1, "name": "small", "revision": "1",
        "servers": {"api": "https://api.example"},
        "signIn": {
            "kind": "password",
            "request": {"method": "POST", "url": "{+api}/in", "auth": false,
                "body": {"json": {"user": "$credentials.username", "password": "$credentials.password"}}},
            "outcomes": [{"when": {"status": [200], "body": {"at": "/token", "exists": true}}, "then": "applied"}],
            "outputs": {"account": "$response.body#/id", "token": "$response.body#/token", "depot": "$response.body#/depot"},
            "refresh": {"request": {"method": "POST", "url": "{+api}/again"},
                "outcomes": [{"when": {"status": [200], "body": {"at": "/token", "exists": true}}, "then": "applied"}],
                "outputs": {"token": "$response.body#/token"}, "with": "token"},
            "headers": {"Authorization": {"$concat": ["Bearer ", "$session.token"]}}
        },
        "heartbeat": {"request": {"method": "GET", "url": "{+api}/up"},
            "outcomes": [{"when": {"status": [204]}, "then": "applied"}]},
        "outcomes": [{"when": {"status": [401]}, "then": "auth"}],
        "route": {
            "reads": [{"readId": "stops", "request": {"method": "GET", "url": "{+api}/stops"},
                "outcomes": [{"when": {"status": [200], "body": {"at": "/stops", "exists": true}}, "then": "applied"}],
                "items": "/stops"}],
            "stop": {"id": "$item.id"}
        },
        "unsupported": {"load": "no", "scan": "no", "photo": "no", "signature": "no", "note": "no",
            "pick_up": "no", "fail": "no", "return": "no", "arrive": "no"},
        "operations": {
            "deliver": {"steps": [
                {"stepId": "first", "request": {"method": "POST", "url": "{+api}/a/{stop}",
                        "parameters": {"stop": "$operation.stop"},
                        "body": {"json": {"who": "$operation.recipient"}}},
                    "identity": {"kind": "naturalKey"},
                    "outcomes": [{"when": {"status": [201]}, "then": "applied"}],
                    "outputs": {"made": "$response.body#/id"}},
                {"stepId": "second", "request": {"method": "PUT", "url": "{+api}/b/{made}",
                        "parameters": {"made": "$steps.first.outputs.made"}},
                    "identity": {"kind": "conditional"},
                    "outcomes": [{"when": {"status": [204]}, "then": "applied"}]}
            ]}
        }
    })
}

/// The small one with a value in another place; null takes it away.
fn with(changes: &[(&str, Value)]) -> Report {
    let mut document = small();
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').expect("a place");
        let parent = document.pointer_mut(parent).expect("is there");
        match parent {
            Value::Array(items) => items[name.parse::<usize>().expect("a number")] = value.clone(),
            Value::Object(fields) if value.is_null() => drop(fields.remove(name)),
            Value::Object(fields) => drop(fields.insert(name.to_owned(), value.clone())),
            _ => panic!("{pointer} is in nothing"),
        }
    }
    check(&document.to_string())
}

fn line(finding: &Finding) -> String {
    let severity = finding.severity.name();
    format!(
        "{severity} {} {}: {}",
        finding.code,
        finding.pointer(),
        finding.text
    )
}

fn told(report: &Report, least: Severity) -> Vec<String> {
    let told = report.findings.iter().filter(|f| f.severity <= least);
    told.map(line).collect()
}

/// One change, one finding at this place with these words.
fn finds(changes: &[(&str, Value)], severity: Severity, code: &str, place: &str, words: &str) {
    let report = with(changes);
    let told = told(&report, Severity::Warning);
    assert_eq!(told.len(), 1, "{changes:?}: {told:#?}");
    let found = report
        .findings
        .iter()
        .find(|f| f.severity <= Severity::Warning)
        .expect("one");
    assert_eq!(
        (found.severity, found.code, found.pointer().as_str()),
        (severity, code, place),
        "{told:?}"
    );
    assert!(found.text.contains(words), "{}", found.text);
}

const FIRST: &str = "/operations/deliver/steps/0";

#[test]
fn functions_of_the_host_are_named_and_their_word_stands_where_it_can() {
    let step = "/operations/deliver/steps/0";
    let found = with(&[
        (
            &format!("{step}/host"),
            json!({"request": "sign", "answer": "receipt"}),
        ),
        (&format!("{step}/outputs"), json!({"made": "$host.number"})),
    ]);
    let note = found.findings.iter().find(|f| f.code == "host_function");
    assert!(
        note.is_some_and(|f| f.severity == Severity::Note && f.text.contains("sign and receipt"))
    );
    assert!(!found.findings.iter().any(|f| f.code == "reference_empty"));
    let wrong = with(&[(
        &format!("{step}/request/body/json/who"),
        json!("$host.number"),
    )]);
    assert!(wrong.findings.iter().any(|f| f.code == "reference_empty"));
}

#[test]
fn a_good_profile_is_told_nothing_but_notes() {
    let report = check(&small().to_string());
    assert_eq!(told(&report, Severity::Warning), [""; 0]);
    assert_eq!(report.name, "small");
    let codes: Vec<_> = report.findings.iter().map(|f| f.code).collect();
    assert_eq!(
        codes,
        [
            "cross_origin_methods",
            "cross_origin_headers",
            "cross_origin_exposed"
        ]
    );
}

#[test]
fn a_mistake_names_its_place_and_what_was_meant() {
    use Severity::Error;
    for (place, value, at, code, words) in [
        (
            "/outcome",
            json!([]),
            "/outcome",
            "profile_unreadable",
            "unknown field outcome",
        ),
        (
            "/operations/deliver/steps/0/identiti",
            json!({}),
            "/operations/deliver/steps/0/identiti",
            "profile_unreadable",
            "unknown field identiti",
        ),
        (
            "/revision",
            json!(null),
            "",
            "profile_unreadable",
            "revision is missing",
        ),
        (
            "/revision",
            json!(""),
            "/revision",
            "profile_invalid",
            "is empty",
        ),
        (
            "/concurrency",
            json!(17),
            "/concurrency",
            "profile_invalid",
            "takes 1 to 16",
        ),
        (
            "/name",
            json!(5),
            "/name",
            "profile_unreadable",
            "expected a text, found a number",
        ),
        (
            "/order",
            json!("lanes"),
            "/order",
            "profile_unreadable",
            "did you mean lane?",
        ),
        (
            "/outcomes/0/then",
            json!("aut"),
            "/outcomes/0/then",
            "profile_unreadable",
            "did you mean auth?",
        ),
        (
            "/outcomes/0/then",
            json!("in_doubt"),
            "/outcomes/0/then",
            "profile_unreadable",
            "did you mean inDoubt?",
        ),
        (
            "/outcomes/0/when/status",
            json!(["6xx"]),
            "/outcomes/0/when/status/0",
            "profile_invalid",
            "no class",
        ),
        (
            "/outcomes/0/when/status",
            json!([true]),
            "/outcomes/0/when/status/0",
            "profile_unreadable",
            "whole number",
        ),
        (
            "/route/reads",
            json!([]),
            "/route/reads",
            "profile_invalid",
            "is empty",
        ),
        (
            "/route/reads/0/paging",
            json!({"kind": "cursor"}),
            "/route/reads/0/paging",
            "profile_invalid",
            "needs next",
        ),
        (
            "/route/reads/0/paging",
            json!({"kind": "pages"}),
            "/route/reads/0/paging/kind",
            "profile_unreadable",
            "did you mean page?",
        ),
        (
            "/signIn/outputs",
            json!({"account": "$response.body#/id", "Token": "$response.body#/token"}),
            "/signIn/outputs",
            "profile_invalid",
            "token is missing",
        ),
        (
            "/signIn/request",
            json!(null),
            "/signIn",
            "profile_invalid",
            "the kind password needs it",
        ),
        (
            "/signIn/start",
            json!({"request": {"method": "GET", "url": "{+api}/a"}, "outcomes": [{"when": {"status": [204]}, "then": "applied"}]}),
            "/signIn",
            "profile_invalid",
            "start belongs",
        ),
        (
            "/signIn/refresh/outputs",
            json!({}),
            "/signIn/refresh/outputs",
            "profile_invalid",
            "token is missing",
        ),
        (
            "/heartbeat/outcomes",
            json!([]),
            "/heartbeat",
            "profile_invalid",
            "no rule says what success is",
        ),
    ] {
        finds(&[(place, value)], Error, code, at, words);
    }
    for (inside, value, at, words) in [
        (
            "/stepId",
            json!("second"),
            "/operations/deliver/steps/1/stepId",
            "stands twice",
        ),
        (
            "/identity",
            json!({"kind": "marker"}),
            "/operations/deliver/steps/0/identity",
            "without a probe",
        ),
        (
            "/identity",
            json!({"kind": "naturalKy"}),
            "/operations/deliver/steps/0/identity/kind",
            "did you mean naturalKey?",
        ),
        (
            "/identity",
            json!({"kind": "header"}),
            "/operations/deliver/steps/0/identity",
            "name is missing",
        ),
        (
            "/identity",
            json!({"kind": "none", "name": "x"}),
            "/operations/deliver/steps/0/identity/name",
            "takes no name",
        ),
        (
            "/request/method",
            json!("Post"),
            "/operations/deliver/steps/0/request/method",
            "did you mean POST?",
        ),
        (
            "/request/deadlineMs",
            json!(10),
            "/operations/deliver/steps/0/request/deadlineMs",
            "takes 1000 to 600000",
        ),
        (
            "/request/url",
            json!("{+apl}/a/{stop}"),
            "/operations/deliver/steps/0/request/url",
            "did you mean api?",
        ),
        (
            "/request/url",
            json!("{+api}/a/{stop"),
            "/operations/deliver/steps/0/request/url",
            "a brace is open",
        ),
        (
            "/request/body",
            json!({"jsn": 1}),
            "/operations/deliver/steps/0/request/body/jsn",
            "did you mean json?",
        ),
        (
            "/request/body",
            json!({"json": 1, "form": {}}),
            "/operations/deliver/steps/0/request/body",
            "exactly one",
        ),
        (
            "/request/body",
            json!({"multipart": [{"name": "a"}]}),
            "/operations/deliver/steps/0/request/body/multipart/0",
            "exactly one of value",
        ),
        (
            "/request/body/json",
            json!({"id": "$operaton.id"}),
            "/operations/deliver/steps/0/request/body/json/id",
            "did you mean $operation.id?",
        ),
        (
            "/request/body/json",
            json!({"$conct": ["a"]}),
            "/operations/deliver/steps/0/request/body/json/$conct",
            "did you mean $concat?",
        ),
        (
            "/request/body/json",
            json!({"$join": "$stop.parcels", "wth": ","}),
            "/operations/deliver/steps/0/request/body/json/wth",
            "did you mean with?",
        ),
        (
            "/when",
            json!({"at": "/x", "exist": true}),
            "/operations/deliver/steps/0/when/exist",
            "did you mean exists?",
        ),
    ] {
        let place = [FIRST, inside].concat();
        let report = with(&[(&place, value.clone())]);
        let errors: Vec<_> = report
            .findings
            .iter()
            .filter(|f| f.severity == Error)
            .collect();
        assert_eq!(
            errors.len(),
            1,
            "{inside} {value}: {:#?}",
            told(&report, Severity::Warning)
        );
        assert_eq!(errors[0].pointer(), at);
        assert!(errors[0].text.contains(words), "{}", errors[0].text);
    }
}

#[test]
fn every_mistake_is_told_at_once_with_its_line() {
    let text = "{\n \"pannier\": 1,\n \"nam\": \"x\",\n \"order\": \"lanes\",\n \"operations\": {\"deliver\": {\"steps\": [\n  {\"stepId\": 5}\n ]}}\n}";
    let report = check(text);
    let lines: Vec<_> = report
        .findings
        .iter()
        .map(|f| (f.place.line, f.place.column))
        .collect();
    let said = told(&report, Severity::Error);
    assert_eq!(said.len(), 9, "{said:#?}");
    assert!(
        lines.contains(&(3, 2)) && lines.contains(&(4, 11)) && lines.contains(&(6, 14)),
        "{lines:?}"
    );
    assert!(
        said.iter()
            .any(|s| s.contains("unknown field nam; did you mean name?")),
        "{said:#?}"
    );
}

#[test]
fn references_to_nothing_are_warned_of() {
    use Severity::Warning;
    let body = [FIRST, "/request/body/json"].concat();
    for (reference, words) in [
        ("$operation.recipiant", "did you mean $operation.recipient?"),
        ("$operation.code", "deliver has no such field"),
        ("$stop.adress", "did you mean $stop.address?"),
        ("$steps.first.outputs.made", "no earlier step"),
        ("$session.depo", "did you mean $session.depot?"),
        ("$session.name", "the courier's name is $account.name"),
        ("$session.account", "the account is $account.id"),
        ("$session.expiresAt", "is not kept for requests"),
        ("$session.shop", "no output of signIn has this name"),
        ("$account.nam", "did you mean $account.name?"),
        ("$secrets.key", "does not stand under secrets"),
        ("$response.body", "holds nothing here"),
        ("$item.id", "holds nothing here"),
        ("$carried.foto", "no operation of this kind"),
        ("$carried.deliver.outputs", "is a list"),
        ("$device.zone", "zoneMin"),
    ] {
        let report = with(&[(&body, json!({"x": reference}))]);
        let found: Vec<_> = report
            .findings
            .iter()
            .filter(|f| f.severity == Warning && f.code.starts_with("reference"))
            .collect();
        assert_eq!(found.len(), 1, "{reference}: {:#?}", told(&report, Warning));
        assert!(
            found[0].text.contains(words),
            "{reference}: {}",
            found[0].text
        );
        assert_eq!(
            report.count(Severity::Error),
            0,
            "the core takes {reference}"
        );
    }
    let second = "/operations/deliver/steps/1/request/parameters/made";
    for (reference, words) in [
        ("$steps.frist.outputs.made", "did you mean $steps.first?"),
        (
            "$steps.first.outputs.mad",
            "did you mean $steps.first.outputs.made?",
        ),
        (
            "$steps.first.output.made",
            "did you mean $steps.first.outputs?",
        ),
    ] {
        finds(
            &[(second, json!(reference))],
            Warning,
            "reference_unknown",
            second,
            words,
        );
    }
}

#[test]
fn what_would_fail_when_filled_is_warned_of() {
    let body = [FIRST, "/request/body/json"].concat();
    for (tree, words) in [
        (json!({"$truncate": "$operation.recipient"}), "needs to"),
        (json!({"$id": "$operation.id", "length": 65}), "1 to 64"),
        (json!({"$each": "$stop.parcels"}), "needs in"),
        (json!({"$concat": "$operation.id"}), "list of values"),
        (json!({"$map": "$operation.id"}), "needs from"),
        (
            json!({"$find": "$stop.parcels", "where": {"at": "/id", "equals": 1}}),
            "unknown field equals",
        ),
        (
            json!({"$map": "$operation.id", "from": {}, "else": "$operation.id"}),
            "not filled",
        ),
    ] {
        let report = with(&[(&body, tree.clone())]);
        let told = told(&report, Severity::Warning);
        assert!(told.iter().any(|t| t.contains(words)), "{tree}: {told:#?}");
        assert_eq!(report.count(Severity::Error), 0);
    }
    finds(
        &[(
            "/operations/deliver/steps/0/request/url",
            json!("{api}/a/{stop}"),
        )],
        Severity::Warning,
        "request_fails",
        "/operations/deliver/steps/0/request",
        "begins with no server",
    );
}

#[test]
fn risks_are_warned_of() {
    use Severity::Warning;
    for (place, value, code, words) in [
        (
            "/operations/deliver/steps/0/identity",
            json!(null),
            "no_identity",
            "a resend can duplicate this",
        ),
        (
            "/operations/deliver/steps/0/identity",
            json!({"kind": "none"}),
            "no_identity",
            "a resend can duplicate this",
        ),
        (
            "/operations/deliver/steps/0/identity",
            json!({"kind": "recordId"}),
            "identity_unwritten",
            "$operation.id",
        ),
        (
            "/operations/deliver/steps/0/outcomes/0/when",
            json!({"status": ["2xx"]}),
            "success_by_status",
            "login portal",
        ),
        (
            "/outcomes/0/then",
            json!("invalid"),
            "no_auth_rule",
            "no rule says auth",
        ),
        ("/heartbeat", json!(null), "no_heartbeat", "no heartbeat"),
        (
            "/servers/api",
            json!("http://api.example"),
            "plain_http",
            "unencrypted",
        ),
        (
            "/accepts",
            json!(["secrets"]),
            "accepts_unknown",
            "known are",
        ),
        (
            "/unsupported/deliver",
            json!("no"),
            "unsupported_described",
            "deliver",
        ),
        (
            "/operations/delivr",
            json!({}),
            "custom_kind",
            "did you mean deliver?",
        ),
    ] {
        let report = with(&[(place, value)]);
        let told = told(&report, Warning);
        assert_eq!(told.len(), 1, "{place}: {told:#?}");
        assert!(
            told[0].contains(code) && told[0].contains(words),
            "{told:?}"
        );
    }
    let twice = small()
        .to_string()
        .replacen("{", "{\"name\": \"other\", ", 1);
    let report = check(&twice);
    assert!(
        told(&report, Warning)[0].contains("stands twice"),
        "{:?}",
        told(&report, Warning)
    );
}

#[test]
fn a_loaded_parcel_has_no_stop() {
    let load = json!({"steps": [{"stepId": "go", "request": {"method": "PUT", "url": "{+api}/l/{code}",
            "parameters": {"code": "$operation.code"}, "body": {"json": {"of": "$stop.id"}}},
        "identity": {"kind": "naturalKey"}, "outcomes": [{"when": {"status": [201]}, "then": "applied"}]}]});
    let changes = [
        ("/unsupported/load", json!(null)),
        ("/operations/load", load),
    ];
    let report = with(&changes);
    let warned = told(&report, Severity::Warning);
    assert!(
        warned
            .iter()
            .any(|w| w.contains("reference_empty") && w.contains("by its code alone")),
        "{warned:?}"
    );
    let day = report.to_json()["requests"].to_string();
    assert!(
        day.contains("/l/PN-0001") && !day.contains("\\\"of\\\""),
        "{day}"
    );
}

#[test]
fn a_version_that_our_own_change_outdates_is_warned_of() {
    let first = "/operations/deliver/steps/0";
    let given = |step: &str| {
        (
            [step, "/request/headers"].concat(),
            json!({"If-Match": "$stop.version"}),
        )
    };
    let (one, two) = (given(first), given("/operations/deliver/steps/1"));
    let outputs = [first, "/outputs/version"].concat();
    let told_of = |changes: &[(&str, Value)]| {
        let report = with(changes);
        let found = report
            .findings
            .iter()
            .filter(|f| f.code == "version_outdated");
        found.map(Finding::pointer).collect::<Vec<_>>()
    };
    let alone = [(one.0.as_str(), one.1.clone())];
    assert!(told_of(&alone).is_empty(), "nothing here comes after it");
    let both = [alone[0].clone(), (two.0.as_str(), two.1)];
    assert_eq!(told_of(&both), [first, "/operations/deliver/steps/1"]);
    let captured = [
        both[0].clone(),
        both[1].clone(),
        (&outputs, json!("$response.body#/v")),
    ];
    assert_eq!(told_of(&captured), ["/operations/deliver/steps/1"]);
}

#[test]
fn the_sample_day_has_ids_that_are_numbers_too() {
    let body = [FIRST, "/request/body/json"].concat();
    let numbers = json!({"stop": {"$number": "$operation.stop"}, "parcel": {"$number": "$operation.outcomes.0.parcel"}});
    let report = with(&[(&body, numbers)]);
    let requests = report.to_json()["requests"].to_string();
    for sent in [r#"\"stop\":1001"#, r#"\"parcel\":2001"#] {
        assert!(requests.contains(sent), "{sent}: {requests}");
    }
}

#[test]
fn a_secret_is_an_error_unless_accepted_and_never_shown() {
    let headers = "/signIn/headers/X-Api-Key";
    let secret = [(headers, json!("hunter2hunter2"))];
    finds(
        &secret,
        Severity::Error,
        "secret_in_browser",
        headers,
        "accepts",
    );
    let accepted = [
        secret[0].clone(),
        ("/accepts", json!(["secret_in_browser"])),
    ];
    let report = with(&accepted);
    assert_eq!(told(&report, Severity::Warning), [""; 0]);
    use pannier::domain::json::ToJson;
    assert!(report.requests.len() > 3);
    let printed = report.to_json().to_string();
    assert!(
        printed.contains("<hidden>") && !printed.contains("hunter2"),
        "{printed}"
    );
    // Also where the core itself would quote it.
    let broken = with(&[
        secret[0].clone(),
        ("/signIn/headers", json!("Bearer hunter2hunter2")),
    ]);
    assert!(broken.count(Severity::Error) > 0 && !broken.to_json().to_string().contains("hunter2"));
}

#[test]
fn the_organisations_right_is_an_error() {
    let report = with(&[
        ("/secrets", json!(["client"])),
        ("/signIn/kind", json!("clientCredentials")),
        (
            "/signIn/request/body",
            json!({"form": {"client_secret": "$secrets.client"}}),
        ),
    ]);
    let told = told(&report, Severity::Error);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].starts_with("error organisation_key /signIn/request/body/form/client_secret"),
        "{told:?}"
    );
}

#[test]
fn another_origin_is_told_what_it_has_to_allow() {
    let report = with(&[
        ("/signIn/cookies", json!(true)),
        (
            "/operations/deliver/steps/0/identity",
            json!({"kind": "header", "name": "Idempotency-Key"}),
        ),
        (
            "/operations/deliver/steps/0/outputs",
            json!({"at": "$response.headers.location", "tag": "$response.headers.etag"}),
        ),
        ("/route/reads/0/paging", json!({"kind": "link"})),
    ]);
    let notes: Vec<&str> = report
        .findings
        .iter()
        .filter(|f| f.code.starts_with("cross_origin"))
        .map(|f| f.text.as_str())
        .collect();
    let all = notes.join("\n");
    for words in [
        "the methods PUT ",
        "authorization, content-type, idempotency-key ",
        "etag, link, location, retry-after ",
        "no * anywhere",
    ] {
        assert!(all.contains(words), "{words}: {all}");
    }
}

#[test]
fn a_document_that_is_none_is_told_where() {
    let report = check("{\n \"a\": x}");
    let finding = &report.findings[0];
    assert_eq!(
        (finding.code, finding.place.line, finding.place.column),
        ("profile_unreadable", 2, 7)
    );
    let language = check("{\"pannier\": 2, \"whatever\": 1}");
    assert_eq!(language.findings.len(), 1);
    assert_eq!(language.findings[0].code, "profile_language");
    let large = " ".repeat(600 * 1024);
    assert_eq!(check(&large).findings[0].code, "profile_too_large");
    for text in ["", "[]", "5", "null", "\"x\""] {
        assert!(check(text).count(Severity::Error) > 0, "{text:?}");
    }
}
