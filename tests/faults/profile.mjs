// How the backend of backend.mjs is spoken to, by identity strategy. They differ in the write alone.

const id = "$operation.id";
const error = (code) => ({ at: "#/error/code", eq: code });
const is = (status, then, body) => ({ when: { status: [status], ...(body && { body }) }, then });

/** A late original may land within this of its attempt's end. */
export const SETTLE_MS = 400;

const by = {
  header: { identity: { kind: "header", name: "Idempotency-Key" }, headers: { "Idempotency-Key": id } },
  record_id: { identity: { kind: "recordId" }, fields: { id }, outcomes: [is(409, "already", error("exists"))] },
  natural_key: { identity: { kind: "naturalKey" } },
  conditional: {
    identity: { kind: "conditional" }, method: "PUT", url: "{+api}/api/records/{id}", headers: { "If-None-Match": "*" },
    outcomes: [is(412, "already", error("there_already"))],
  },
  marker_probe: { identity: { kind: "marker" }, fields: { remarks: id }, probe: { at: "/remarks", eq: id } },
  none_probe: { identity: { kind: "none" }, probe: "what" },
  // The browser is kept from repeating it, where it can be.
  none_streamed: { identity: { kind: "none" }, streamed: true },
  none: { identity: { kind: "none" } },
};

const list = { method: "GET", url: "{+api}/api/records{?stop}", parameters: { stop: "$operation.stop" } };

function step(strategy, { what, body, query }) {
  const { identity, method = "POST", url = "{+api}/api/records", headers, fields = {}, outcomes = [], probe, streamed } = strategy;
  const said = { stop: "$operation.stop", ...fields };
  const found = probe === "what" ? { at: "/what", eq: what } : probe;
  return {
    stepId: "send", identity, settleMs: SETTLE_MS,
    request: {
      method, url: query ? `${url}{?${Object.keys(said).join(",")}}` : url, parameters: { id, ...(query ? said : {}) },
      ...(headers && { headers }), ...(streamed && { streamed }), body: body(said),
    },
    outcomes: [...outcomes, { when: { status: ["2xx"], body: { at: "#/record/record", exists: true } }, then: "applied" }],
    ...(found && { probe: {
      request: list, applied: { at: "#/records", some: found }, notApplied: { at: "#/records", exists: true },
      count: { $count: { $filter: "$response.body#/records", where: found } },
    } }),
  };
}

export function profileFor(identity) {
  const strategy = by[identity];
  const note = step(strategy, { what: "$operation.text", body: (said) => ({ json: { ...said, text: "$operation.text" } }) });
  const said = { $concat: ["$operation.kind", " ", "$operation.stop"] };
  const other = step(strategy, { what: said, body: (fields) => ({ json: { ...fields, text: said } }) });
  const photo = step(strategy, { what: "$operation.blob.sha256", query: true, body: () => ({ blob: "$operation.blob" }) });
  return {
    pannier: 1, name: `faults, ${identity}`, revision: "1", servers: { api: "http://localhost" },
    signIn: {
      kind: "password",
      request: { method: "POST", url: "{+api}/api/login", auth: false, body: { json: { username: "$credentials.username" } } },
      outcomes: [is(200, "applied", { at: "#/token", exists: true })],
      outputs: { account: "$response.body#/courier/id", name: "$response.body#/courier/name", token: "$response.body#/token" },
      headers: { Authorization: { $concat: ["Bearer ", "$session.token"] } },
    },
    heartbeat: { request: { method: "GET", url: "{+api}/api/health", auth: false, deadlineMs: 5_000 }, outcomes: [is(200, "applied", { at: "#/ok", eq: true })] },
    outcomes: [
      is(401, "auth"),
      { when: { status: [404, 409, 412, 422], body: { at: "#/error/code", exists: true } }, then: "invalid", message: "#/error/message" },
    ],
    route: {
      reads: [{ readId: "stops", request: { method: "GET", url: "{+api}/api/route" }, items: "#/stops", outcomes: [is(200, "applied", { at: "#/stops", exists: true })] }],
      stop: { id: "$item.id", sequence: "$item.sequence", address: { name: "$item.name" }, parcels: [{ id: "$item.parcel", code: "$item.parcel" }] },
      shorter: "trusted",
    },
    operations: { arrive: { steps: [other] }, note: { steps: [note] }, photo: { steps: [photo] }, deliver: { steps: [other] } },
  };
}
