//! The `pannier` command for Node. Everything outside is reached through one object of
//! `core/js/bin`, whose methods answer at once; this file only translates.

use js_sys::{Array, Uint8Array};
use pannier_cli::machine::{Incoming, Machine, Outgoing};
use std::ffi::OsString;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What the command needs of Node. Refusals are thrown as strings. */
export interface NodeMachine {
  print(text: string): void;
  complain(text: string): void;
  variable(name: string): string | undefined;
  /** The first `most` bytes of a file, of standard input when it is `-`. */
  read(file: string, most: number): Uint8Array;
  /** Undefined where nobody sits at a terminal. */
  ask(question: string): string | undefined;
  now(): number;
  chance(): Uint8Array;
  trust(pem: Uint8Array): void;
  /** `headers` as name, value, name, value. */
  exchange(method: string, url: string, headers: string[], body: Uint8Array, deadline_ms: number): { status: number; headers: string[]; body: Uint8Array };
}
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "NodeMachine")]
    pub type NodeMachine;

    #[wasm_bindgen(method)]
    fn print(this: &NodeMachine, text: &str);
    #[wasm_bindgen(method)]
    fn complain(this: &NodeMachine, text: &str);
    #[wasm_bindgen(method)]
    fn variable(this: &NodeMachine, name: &str) -> Option<String>;
    #[wasm_bindgen(method, catch)]
    fn read(this: &NodeMachine, file: &str, most: f64) -> Result<Vec<u8>, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn ask(this: &NodeMachine, question: &str) -> Result<Option<String>, JsValue>;
    #[wasm_bindgen(method)]
    fn now(this: &NodeMachine) -> f64;
    #[wasm_bindgen(method)]
    fn chance(this: &NodeMachine) -> Vec<u8>;
    #[wasm_bindgen(method, catch)]
    fn trust(this: &NodeMachine, pem: &[u8]) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn exchange(
        this: &NodeMachine,
        method: &str,
        url: &str,
        headers: Array,
        body: &[u8],
        deadline_ms: u32,
    ) -> Result<Came, JsValue>;

    type Came;
    #[wasm_bindgen(method, getter)]
    fn status(this: &Came) -> u16;
    #[wasm_bindgen(method, getter)]
    fn headers(this: &Came) -> Vec<String>;
    #[wasm_bindgen(method, getter)]
    fn body(this: &Came) -> Uint8Array;
}

struct Node(NodeMachine);

fn why(thrown: JsValue) -> String {
    thrown.as_string().unwrap_or_else(|| format!("{thrown:?}"))
}

impl Machine for Node {
    fn print(&self, text: &str) {
        self.0.print(text);
    }
    fn complain(&self, text: &str) {
        self.0.complain(text);
    }
    fn variable(&self, name: &str) -> Option<String> {
        self.0.variable(name)
    }
    #[allow(
        clippy::cast_precision_loss,
        reason = "limits are megabytes, far below 2^53"
    )]
    fn read(&self, file: &str, most: u64) -> Result<Vec<u8>, String> {
        self.0.read(file, most as f64).map_err(why)
    }
    fn ask(&self, question: &str) -> Result<Option<String>, String> {
        self.0.ask(question).map_err(why)
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "milliseconds since 1970 are whole and below 2^53"
    )]
    fn now_ms(&self) -> i64 {
        self.0.now() as i64
    }
    fn chance(&self) -> [u8; 16] {
        let mut out = [0; 16];
        out.iter_mut()
            .zip(self.0.chance())
            .for_each(|(to, from)| *to = from);
        out
    }
    fn trust(&self, pem: &[u8]) -> Result<(), String> {
        self.0.trust(pem).map_err(why)
    }
    fn exchange(&self, request: &Outgoing) -> Result<Incoming, String> {
        let flat = request
            .headers
            .iter()
            .flat_map(|(name, value)| [name, value]);
        let headers: Array = flat.map(|text| JsValue::from_str(text)).collect();
        let (method, url, body) = (&request.method, &request.url, &request.body);
        let came = (self.0)
            .exchange(method, url, headers, body, request.deadline_ms)
            .map_err(why)?;
        let headers = came.headers();
        let pairs = headers.chunks_exact(2).filter_map(|pair| match pair {
            [name, value] => Some((name.clone(), value.clone())),
            _ => None,
        });
        Ok(Incoming {
            status: came.status(),
            headers: pairs.collect(),
            body: came.body().to_vec(),
        })
    }
}

/// Runs the command with the arguments after its name, and gives its exit code.
#[wasm_bindgen]
#[must_use]
pub fn command(arguments: Vec<String>, machine: NodeMachine) -> u8 {
    let machine: Rc<dyn Machine> = Rc::new(Node(machine));
    pannier_cli::run(&machine, arguments.into_iter().map(OsString::from))
}
