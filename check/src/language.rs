//! The table of the language: every key of a profile, what it takes, and what it means. The
//! mistakes and the JSON Schema come from it; a test holds it to the core's own types.

/// What stands under a key.
#[derive(Debug)]
pub enum Kind {
    Text,
    Flag,
    /// whole, within both ends
    Whole(u64, u64),
    /// a value: plain JSON whose texts may be references
    Tree,
    Trees,
    TreeList,
    /// JSON Pointer into an answer's body
    Pointer,
    Texts,
    TextTable,
    /// statuses as numbers
    Codes,
    /// statuses as numbers or classes
    Statuses,
    Choice(&'static [Named]),
    /// several of them
    Choices(&'static [Named]),
    Url,
    Body,
    Identity,
    One(&'static Shape),
    Many(&'static Shape),
    Table(&'static Shape),
}

/// One of several names.
#[derive(Debug)]
pub struct Named {
    pub name: &'static str,
    pub about: &'static str,
}

#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    /// as JSON, where leaving it out means something
    pub default: Option<&'static str>,
    pub about: &'static str,
}

/// An object with fixed keys.
#[derive(Debug)]
pub struct Shape {
    pub name: &'static str,
    pub about: &'static str,
    pub fields: &'static [Field],
}

impl Shape {
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().map(|field| field.name)
    }
}

const fn must(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field {
        name,
        kind,
        required: true,
        default: None,
        about,
    }
}

const fn may(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field {
        name,
        kind,
        required: false,
        default: None,
        about,
    }
}

const fn or(name: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Field {
    Field {
        name,
        kind,
        required: false,
        default: Some(default),
        about,
    }
}

const fn one_of(name: &'static str, about: &'static str) -> Named {
    Named { name, about }
}

const WHOLE_32: u64 = u32::MAX as u64;
const WHOLE_63: u64 = i64::MAX as u64;

pub const METHODS: &[Named] = &[
    one_of("GET", "reads"),
    one_of("HEAD", "reads without a body"),
    one_of("POST", "creates or does"),
    one_of("PUT", "replaces; a browser asks the other origin first"),
    one_of("PATCH", "changes; a browser asks the other origin first"),
    one_of("DELETE", "removes; a browser asks the other origin first"),
];

pub const VERDICTS: &[Named] = &[
    one_of("applied", "the backend has done it"),
    one_of("already", "the backend had it before"),
    one_of("conflict", "someone else changed it first: see onConflict"),
    one_of(
        "invalid",
        "the backend will not take it as it is: a person decides",
    ),
    one_of("auth", "a new sign-in is needed"),
    one_of(
        "authUnsure",
        "may mean that a new sign-in is needed: asked before anything is judged",
    ),
    one_of("throttled", "later, when the backend says so"),
    one_of("retry", "later"),
    one_of("inDoubt", "it may have been applied"),
    one_of(
        "probe",
        "refused, perhaps because an earlier attempt of ours was applied: the probe decides",
    ),
];

pub const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

pub static PROFILE: Shape = Shape {
    name: "profile",
    about: "How an existing backend speaks, as data for Pannier.",
    fields: &[
        may(
            "$schema",
            Kind::Text,
            "Where this schema is, for editors; read by nobody else.",
        ),
        must("pannier", Kind::Whole(1, 1), "Version of this language: 1."),
        must("name", Kind::Text, "For people."),
        must(
            "revision",
            Kind::Text,
            "Changes whenever the document does; an operation finishes under the revision of its first attempt.",
        ),
        may("notes", Kind::Text, "Free text for whoever maintains it."),
        or(
            "servers",
            Kind::TextTable,
            "{}",
            "Base addresses by name, used as {+name} in URLs; the host may set them when it opens the core.",
        ),
        must(
            "signIn",
            Kind::One(&SIGN_IN),
            "How a courier signs in, and what then goes with every request.",
        ),
        must("route", Kind::One(&ROUTE), "How the day's route is read."),
        may(
            "heartbeat",
            Kind::One(&CALL),
            "A cheap request that tells whether the backend can be reached; asked first after it was not.",
        ),
        may(
            "push",
            Kind::One(&PUSH),
            "How this phone subscribes to push messages; without it the app offers none.",
        ),
        or(
            "outcomes",
            Kind::Many(&RULE),
            "[]",
            "Rules for all answers, tried after a request's own.",
        ),
        or(
            "order",
            Kind::Choice(&[
                one_of("lane", "strict within a stop, free between stops"),
                one_of("global", "one lane for everything"),
            ]),
            "\"lane\"",
            "What has to arrive in the order it was recorded.",
        ),
        or(
            "concurrency",
            Kind::Whole(1, 16),
            "4",
            "Lanes that may be in flight at once.",
        ),
        may(
            "reasons",
            Kind::One(&REASONS),
            "Fixed reasons to choose from; without them any text is a reason.",
        ),
        may(
            "limits",
            Kind::One(&LIMITS),
            "Requests to one host, if the backend limits them.",
        ),
        or(
            "unsupported",
            Kind::TextTable,
            "{}",
            "Kinds that this backend cannot do, with the words for whoever asks.",
        ),
        or(
            "secrets",
            Kind::Texts,
            "[]",
            "Names of texts that the host gives when it opens the core, used as $secrets.<name>.",
        ),
        or(
            "packs",
            Kind::Choices(PACKS),
            "[]",
            "Rules of standards behind the profile's own common ones.",
        ),
        or(
            "accepts",
            Kind::Texts,
            "[]",
            "What the check would refuse and the author answers for, by its code: secret_in_browser, organisation_key.",
        ),
        must(
            "operations",
            Kind::Table(&OPERATION),
            "Which requests each kind of operation becomes, custom ones included.",
        ),
    ],
};

const PACKS: &[Named] = &[
    Named {
        name: "problemDetails",
        about: "RFC 9457",
    },
    Named {
        name: "conditionals",
        about: "RFC 9110",
    },
    Named {
        name: "idempotencyKey",
        about: "the IETF draft",
    },
];

pub static REASONS: Shape = Shape {
    name: "reasons",
    about: "Choices for operations that need a reason.",
    fields: &[
        or(
            "fail",
            Kind::Many(&CHOICE),
            "[]",
            "For a delivery that failed.",
        ),
        or(
            "return",
            Kind::Many(&CHOICE),
            "[]",
            "For a stop that goes back.",
        ),
    ],
};

pub static CHOICE: Shape = Shape {
    name: "choice",
    about: "One reason.",
    fields: &[
        must("code", Kind::Text, "Goes into the operation."),
        must("text", Kind::Text, "Is shown to the courier."),
        or(
            "texts",
            Kind::TextTable,
            "{}",
            "The same in other languages, by their tags.",
        ),
    ],
};

pub static LIMITS: Shape = Shape {
    name: "limits",
    about: "Requests to one host.",
    fields: &[
        may(
            "perSecond",
            Kind::Whole(0, WHOLE_32),
            "Requests in one second, at most.",
        ),
        may(
            "perMinute",
            Kind::Whole(0, WHOLE_32),
            "Requests in one minute, at most.",
        ),
    ],
};

pub static SIGN_IN: Shape = Shape {
    name: "signIn",
    about: "How a courier signs in.",
    fields: &[
        must(
            "kind",
            Kind::Choice(&[
                one_of("none", "the backend asks for nothing"),
                one_of(
                    "key",
                    "a key that the person or the host gives, as $credentials.key",
                ),
                one_of(
                    "password",
                    "name and password, as $credentials.username and $credentials.password",
                ),
                one_of(
                    "code",
                    "two requests, with a code that the person is sent between them",
                ),
                one_of(
                    "authorizationCode",
                    "OpenID Connect: the browser goes to the provider and comes back with $credentials.code, .verifier and .redirectUri",
                ),
                one_of(
                    "clientCredentials",
                    "the app's own right, renewed by asking anew",
                ),
                one_of(
                    "host",
                    "the host signs in by its own means and gives a token",
                ),
            ]),
            "What a sign-in takes.",
        ),
        may(
            "start",
            Kind::One(&CALL),
            "Kind \"code\" only: the request after which the backend sends the person a code.",
        ),
        may(
            "request",
            Kind::One(&REQUEST),
            "The request that signs in; needed by password, code, authorizationCode and clientCredentials.",
        ),
        or(
            "outcomes",
            Kind::Many(&RULE),
            "[]",
            "What its answers mean: applied signs in, auth and invalid are a refusal.",
        ),
        or(
            "outputs",
            Kind::Trees,
            "{}",
            "account and token are needed; name, refreshToken, expiresInS (seconds), expiresAt (Unix ms) and nowMs are used; further ones are kept as $session.<name>.",
        ),
        may("refresh", Kind::One(&REFRESH), "How the token is renewed."),
        may(
            "probe",
            Kind::One(&CALL),
            "A request that only a living sign-in is let through with: asked when an answer is ambiguous.",
        ),
        or(
            "headers",
            Kind::Trees,
            "{}",
            "Go with every request that has auth.",
        ),
        or(
            "cookies",
            Kind::Flag,
            "false",
            "The browser's cookies go with every request that has auth.",
        ),
    ],
};

pub static REFRESH: Shape = Shape {
    name: "refresh",
    about: "How a token is renewed, once for all contexts.",
    fields: &[
        must(
            "request",
            Kind::One(&REQUEST),
            "Presents $session.refreshToken, or the token itself.",
        ),
        or(
            "outcomes",
            Kind::Many(&RULE),
            "[]",
            "What its answers mean.",
        ),
        must(
            "outputs",
            Kind::Trees,
            "token, unless cookies are used; also refreshToken, expiresInS, expiresAt, nowMs.",
        ),
        or(
            "with",
            Kind::Choice(&[
                one_of("refreshToken", "a token for renewing alone"),
                one_of("token", "the token itself, while it is valid"),
            ]),
            "\"refreshToken\"",
            "What the request presents.",
        ),
        or(
            "beforeS",
            Kind::Whole(0, WHOLE_32),
            "5",
            "Renewed so many seconds before the token's end.",
        ),
    ],
};

pub static PUSH: Shape = Shape {
    name: "push",
    about: "Who sends push messages, and how he is told of a phone's subscription.",
    fields: &[
        may(
            "readKey",
            Kind::One(&CALL),
            "Asks for the sender's key, where it is no fixed one; its answer is $response in key.",
        ),
        must(
            "key",
            Kind::Tree,
            "The sender's public key: 65 bytes in base64url.",
        ),
        must(
            "subscribe",
            Kind::One(&CALL),
            "Tells the sender $push.endpoint, $push.p256dh and $push.auth; repeated as a sign of life.",
        ),
        may(
            "unsubscribe",
            Kind::One(&CALL),
            "Tells the sender that the courier wants none any more.",
        ),
    ],
};

pub static CALL: Shape = Shape {
    name: "call",
    about: "A request and what its answers mean.",
    fields: &[
        must("request", Kind::One(&REQUEST), "What is asked."),
        or(
            "outcomes",
            Kind::Many(&RULE),
            "[]",
            "What the answers mean; the profile's common rules follow.",
        ),
    ],
};

pub static ROUTE: Shape = Shape {
    name: "route",
    about: "How the day's route is read.",
    fields: &[
        must(
            "reads",
            Kind::Many(&READ),
            "In order; a later one may be asked once for each item of an earlier one.",
        ),
        may(
            "items",
            Kind::Tree,
            "The list of stops, from $reads.<readId>; what the last read gave unless said.",
        ),
        or(
            "outputs",
            Kind::Trees,
            "{}",
            "id, date and version of the route, and nowMs for the clock, from the first answer.",
        ),
        or(
            "keep",
            Kind::Trees,
            "{}",
            "Lists and tables that requests need later, from $reads; used as $kept.<name>, 64 KB at most.",
        ),
        must(
            "stop",
            Kind::Tree,
            "One stop in our words, from $item: id, sequence, kind, status, version, address, window, note, proof, parcels.",
        ),
        or(
            "shorter",
            Kind::Choice(&[
                one_of(
                    "proven",
                    "that the sign-in still holds; an empty route is not believed where that cannot be asked",
                ),
                one_of("trusted", "nothing"),
            ]),
            "\"proven\"",
            "What a route that lost stops has to prove.",
        ),
    ],
};

pub static READ: Shape = Shape {
    name: "read",
    about: "One read of the route, page after page.",
    fields: &[
        must(
            "readId",
            Kind::Text,
            "Its name, once in the route; its items are $reads.<readId>.",
        ),
        may(
            "for",
            Kind::Tree,
            "A list: the request is made once for each item of it.",
        ),
        may(
            "as",
            Kind::Text,
            "The name of that item, in the request and in each item read by it.",
        ),
        must(
            "request",
            Kind::One(&REQUEST),
            "What is asked; $page holds the page.",
        ),
        or(
            "outcomes",
            Kind::Many(&RULE),
            "[]",
            "What the answers mean.",
        ),
        must(
            "items",
            Kind::Pointer,
            "Where the list is in the answer, as JSON Pointer.",
        ),
        may(
            "paging",
            Kind::One(&PAGING),
            "How the next page is asked for.",
        ),
    ],
};

pub static PAGING: Shape = Shape {
    name: "paging",
    about: "How the next page is asked for.",
    fields: &[
        must(
            "kind",
            Kind::Choice(&[
                one_of("page", "$page is a page's number"),
                one_of("offset", "$page is the number of items read so far"),
                one_of("cursor", "$page is what next gave"),
                one_of(
                    "link",
                    "the next address is in the answer's Link header, or where next says",
                ),
            ]),
            "What tells the pages apart.",
        ),
        or(
            "first",
            Kind::Whole(0, WHOLE_32),
            "1",
            "Number of the first page.",
        ),
        may(
            "size",
            Kind::Whole(0, WHOLE_32),
            "Items on a full page: a shorter one is the last.",
        ),
        may(
            "pages",
            Kind::Pointer,
            "Where the answer says how many pages there are, as JSON Pointer.",
        ),
        may(
            "next",
            Kind::Tree,
            "Kind \"cursor\": what the next page is asked with; kind \"link\": its address. Missing or empty after the last.",
        ),
    ],
};

pub static OPERATION: Shape = Shape {
    name: "operation",
    about: "What one kind of operation becomes.",
    fields: &[
        or(
            "steps",
            Kind::Many(&STEP),
            "[]",
            "Requests in order; without any, the operation settles by itself and may travel with a later one by $carried.",
        ),
        or(
            "independent",
            Kind::Flag,
            "false",
            "The backend takes it at any time: it gets a lane beside the stop's.",
        ),
        or(
            "onConflict",
            Kind::Choice(&[
                one_of("ask", "parked until a person decides"),
                one_of("backendWins", "set aside, kept with the reason"),
                one_of("oursWins", "sent again, three times at most"),
            ]),
            "\"ask\"",
            "What follows when someone else changed it first.",
        ),
        or(
            "onWithdrawn",
            Kind::Choice(&[
                one_of(
                    "report",
                    "sent, unless the stop is gone and nothing was finished there: then a person decides",
                ),
                one_of("send", "sent"),
                one_of("hold", "a person decides"),
            ]),
            "\"report\"",
            "What follows for work that was not sent when its stop was cancelled or left the route.",
        ),
        may(
            "blob",
            Kind::One(&BLOB),
            "What the backend takes as a picture.",
        ),
    ],
};

pub static BLOB: Shape = Shape {
    name: "blob",
    about: "What the backend takes as a picture.",
    fields: &[
        may(
            "maxBytes",
            Kind::Whole(0, WHOLE_63),
            "Bytes of one picture, at most.",
        ),
        or(
            "mediaTypes",
            Kind::Texts,
            "[]",
            "Media types that it takes; all unless some are named.",
        ),
    ],
};

pub static STEP: Shape = Shape {
    name: "step",
    about: "One request of an operation.",
    fields: &[
        must(
            "stepId",
            Kind::Text,
            "Its name, once in the operation; what it captured is $steps.<stepId>.outputs.",
        ),
        may(
            "when",
            Kind::One(&TEST),
            "A test on the operation's fields: skipped unless it holds.",
        ),
        must("request", Kind::One(&REQUEST), "What is sent."),
        may(
            "identity",
            Kind::Identity,
            "What makes it safe to send the same thing twice; a resend can duplicate it unless this says otherwise.",
        ),
        or(
            "settleMs",
            Kind::Whole(0, WHOLE_32),
            "2000",
            "How many milliseconds a delayed original may still take to land after its attempt ended.",
        ),
        or(
            "outcomes",
            Kind::Many(&RULE),
            "[]",
            "What its answers mean; some rule, here or in the common ones, must say applied or already.",
        ),
        or(
            "outputs",
            Kind::Trees,
            "{}",
            "Captured from the answer when the step is done.",
        ),
        may(
            "probe",
            Kind::One(&PROBE),
            "How the backend is asked whether it has it.",
        ),
        may(
            "host",
            Kind::One(&HOST),
            "Functions of the host, for what data cannot say; where the host lacks them the step waits.",
        ),
    ],
};

pub static HOST: Shape = Shape {
    name: "host",
    about: "Functions of the host, by the names under which it lends them.",
    fields: &[
        may(
            "request",
            Kind::Text,
            "Is given the built request and may change its address, headers and body.",
        ),
        may(
            "answer",
            Kind::Text,
            "Is given the answer; what it says of it is $host in the step's outcomes and outputs.",
        ),
    ],
};

pub static PROBE: Shape = Shape {
    name: "probe",
    about: "How the backend is asked whether it has a step.",
    fields: &[
        must("request", Kind::One(&REQUEST), "A read."),
        must(
            "applied",
            Kind::One(&TEST),
            "On the JSON body: the backend has it.",
        ),
        must(
            "notApplied",
            Kind::One(&TEST),
            "On the JSON body: the backend surely has it not. An answer that meets neither says nothing.",
        ),
        or(
            "gone",
            Kind::Codes,
            "[]",
            "Statuses by which the backend says that there is nothing (any more) to ask about.",
        ),
        or(
            "outputs",
            Kind::Trees,
            "{}",
            "What the lost answer would have captured.",
        ),
        may(
            "message",
            Kind::Tree,
            "Words for the person about what is there instead, from $response.",
        ),
        or(
            "fresh",
            Kind::Trees,
            "{}",
            "What a refused step needs to be sent again, from $response: $fresh.<name> in its request.",
        ),
        may(
            "count",
            Kind::Tree,
            "How many of it the backend holds, from $response: asked once more after the yes, and anything but one is told.",
        ),
    ],
};

pub static REQUEST: Shape = Shape {
    name: "request",
    about: "A request to be filled.",
    fields: &[
        must("method", Kind::Choice(METHODS), "The HTTP method."),
        must(
            "url",
            Kind::Url,
            "A template after RFC 6570: {+server}, {x}, {?x,y}, {&x,y}; a variable is a server or a parameter.",
        ),
        or(
            "parameters",
            Kind::Trees,
            "{}",
            "Values for the template's variables.",
        ),
        or(
            "headers",
            Kind::Trees,
            "{}",
            "A header whose value is missing is left out.",
        ),
        may(
            "headersFrom",
            Kind::Tree,
            "An object of further headers, as an earlier answer gave them.",
        ),
        may("body", Kind::Body, "What is sent with it."),
        or(
            "auth",
            Kind::Flag,
            "true",
            "Whether the headers of signIn.headers go along.",
        ),
        or(
            "deadlineMs",
            Kind::Whole(1_000, 600_000),
            "30000",
            "Milliseconds for the whole exchange.",
        ),
        or(
            "streamed",
            Kind::Flag,
            "false",
            "The body goes as a stream where browser and connection can: such a request is never repeated by the browser itself.",
        ),
    ],
};

pub static PART: Shape = Shape {
    name: "part",
    about: "One part of a form: one of value, blob and fields.",
    fields: &[
        or("name", Kind::Text, "\"\"", "The part's name."),
        may(
            "fields",
            Kind::Tree,
            "An object of text parts, as an earlier answer gave them.",
        ),
        may(
            "value",
            Kind::Tree,
            "A text; the part is left out when its value is missing.",
        ),
        may("blob", Kind::Tree, "A picture: \"$operation.blob\"."),
        may("filename", Kind::Tree, "Its file name; file unless said."),
    ],
};

/// What a body may be; exactly one.
pub static BODY: Shape = Shape {
    name: "body",
    about: "Exactly one of these.",
    fields: &[
        may("json", Kind::Tree, "application/json"),
        may("form", Kind::Trees, "application/x-www-form-urlencoded"),
        may("multipart", Kind::Many(&PART), "multipart/form-data"),
        may(
            "blob",
            Kind::Tree,
            "The picture's raw bytes under its own media type: \"$operation.blob\".",
        ),
    ],
};

pub const IDENTITIES: &[Named] = &[
    one_of(
        "header",
        "the backend recognises the operation's id in this header; it is added by itself",
    ),
    one_of(
        "recordId",
        "the client chooses the record's id, so that a replay meets itself",
    ),
    one_of(
        "naturalKey",
        "the fields themselves are unique at the backend",
    ),
    one_of(
        "conditional",
        "a precondition that a replay no longer meets",
    ),
    one_of(
        "marker",
        "the id rides in a field that only a probe can read back",
    ),
    one_of("none", "nothing: a resend can duplicate it"),
];

pub static IDENTITY: Shape = Shape {
    name: "identity",
    about: "What the operation's identity becomes on the wire, and so whether a resend is safe.",
    fields: &[
        must("kind", Kind::Choice(IDENTITIES), "The strategy."),
        may(
            "name",
            Kind::Text,
            "Kind \"header\" only: the header's name.",
        ),
    ],
};

pub static RULE: Shape = Shape {
    name: "rule",
    about: "What an answer means; the first rule that matches decides.",
    fields: &[
        may("when", Kind::One(&WHEN), "All that is given must hold."),
        must("then", Kind::Choice(VERDICTS), "The verdict."),
        may(
            "message",
            Kind::Pointer,
            "Where the backend's words for the person are, as JSON Pointer.",
        ),
    ],
};

pub static WHEN: Shape = Shape {
    name: "when",
    about: "What an answer must look like. All that is given must hold.",
    fields: &[
        or(
            "status",
            Kind::Statuses,
            "[]",
            "200, or a class as \"2xx\"; any unless said.",
        ),
        may(
            "mediaType",
            Kind::Text,
            "The answer's media type without its parameters.",
        ),
        may("body", Kind::One(&TEST), "A test on the JSON body."),
        may("textContains", Kind::Text, "A text somewhere in the body."),
        or(
            "headers",
            Kind::Table(&TEST),
            "{}",
            "Tests on the answer's headers, by name; another origin has to expose them.",
        ),
    ],
};

pub static TEST: Shape = Shape {
    name: "test",
    about: "All that it says must hold.",
    fields: &[
        may(
            "at",
            Kind::Pointer,
            "JSON Pointer into the subject; the whole subject without it.",
        ),
        may("of", Kind::Tree, "Another subject than the one at hand."),
        may(
            "exists",
            Kind::Flag,
            "Something is there, or not; null is nothing.",
        ),
        may("eq", Kind::Tree, "Equals this value."),
        may("ne", Kind::Tree, "Does not equal this value."),
        may("in", Kind::TreeList, "Is one of these values."),
        may(
            "contains",
            Kind::Tree,
            "A text holds this text, a list this value.",
        ),
        may(
            "glob",
            Kind::Text,
            "The whole text fits; * stands for any text.",
        ),
        may(
            "empty",
            Kind::Flag,
            "A text, list or object without content, or with some.",
        ),
        may(
            "some",
            Kind::One(&TEST),
            "At least one item of the list passes.",
        ),
        may(
            "all",
            Kind::Many(&TEST),
            "All of these pass, on the same place.",
        ),
        may(
            "any",
            Kind::Many(&TEST),
            "One of these passes, on the same place.",
        ),
        may(
            "not",
            Kind::One(&TEST),
            "This does not pass, on the same place.",
        ),
    ],
};

/// Every shape, for whoever has to see them all.
pub static SHAPES: [&Shape; 23] = [
    &PROFILE, &REASONS, &CHOICE, &LIMITS, &SIGN_IN, &REFRESH, &CALL, &ROUTE, &READ, &PAGING, &PUSH,
    &OPERATION, &BLOB, &STEP, &PROBE, &HOST, &REQUEST, &PART, &BODY, &IDENTITY, &RULE, &WHEN,
    &TEST,
];

/// What each function gives, and its options; the functions themselves are the core's.
pub const FUNCTIONS: &[(&str, &str)] = &[
    (
        "$concat",
        "One text of a list of values; nothing when one is missing.",
    ),
    ("$first", "The first of a list of values that is there."),
    ("$last", "The last item of a list."),
    (
        "$map",
        "The entry of \"from\" under this text, else \"else\"; entries are taken as they stand.",
    ),
    (
        "$each",
        "A list of \"in\", one for each item of a list; \"as\" names the item.",
    ),
    (
        "$find",
        "\"give\" of the first item that passes \"where\", as $item; the item itself without it.",
    ),
    ("$filter", "The items that pass \"where\"."),
    ("$flat", "One list of a list of lists."),
    (
        "$join",
        "One text of a list, with \"with\" between its items; a comma unless said.",
    ),
    ("$count", "How many items a list has."),
    ("$truncate", "A text of at most \"to\" characters."),
    ("$number", "The number that a text says."),
    ("$json", "The value as JSON text."),
    (
        "$quote",
        "The text in quotes, escaped; \"with\" is the quotation mark.",
    ),
    ("$base64", "The text's bytes in base64."),
    (
        "$id",
        "An id of \"length\" characters of \"alphabet\", always the same for the same text.",
    ),
    (
        "$claim",
        "A claim of a JSON Web Token; \"give\" names it, exp unless said.",
    ),
    (
        "$date",
        "A moment in Unix ms \"as\" iso, ms, s or a pattern, in a \"zone\": minutes or \"local\".",
    ),
    (
        "$time",
        "Unix ms of a moment that is written \"as\" iso, ms, s or a pattern.",
    ),
    (
        "$bytes",
        "A picture's bytes \"as\" base64 or dataUri, inside a JSON body.",
    ),
];
