// The numbers of a function's locals, for the sake of the download: gzip finds what was said before
// only where it was said in the same words, so what plays the same part has the same number in every
// function, however many parameters come before it. The same module, 2 % less to download than with
// the most used local first; what is counted and never used costs a phone nothing.

import { Reader, bodies, number, sections, withBodies } from "./wasm-sections.mjs";

const TYPE = 1, FUNCTION = 3;
const I32 = 0x7f;
/** Where addresses and small numbers begin: first that of the function's frame on the stack, then by use. */
const WORDS_AT = 10;
/** Where all others begin, if there is room for them. */
const OTHERS_AT = 5;

const LOCAL_GET = 0x20, LOCAL_SET = 0x21, LOCAL_TEE = 0x22, GLOBAL_GET = 0x23, I32_SUB = 0x6b;

/** What follows an instruction's own byte, where it is not nothing: numbers, a list of them, or plain bytes. */
function past(reader, op) {
  const numbers = (count) => { for (let left = count; left > 0; left -= 1) reader.number(); };
  if (op >= 0x28 && op <= 0x3e) return numbers(2); // loads and stores
  switch (op) {
    case 0x02: case 0x03: case 0x04: // block, loop, if
    case 0x0c: case 0x0d: case 0x10: // br, br_if, call
    case LOCAL_GET: case LOCAL_SET: case LOCAL_TEE: case GLOBAL_GET: case 0x24: case 0x25: case 0x26:
    case 0x3f: case 0x40: case 0x41: case 0x42: // memory.size, memory.grow, constants
    case 0xd0: case 0xd2: // ref.null, ref.func
      return numbers(1);
    case 0x0e: return numbers(reader.number() + 1); // br_table
    case 0x11: return numbers(2); // call_indirect
    case 0x1c: return numbers(reader.number()); // select of a type
    case 0x43: reader.at += 4; return undefined;
    case 0x44: reader.at += 8; return undefined;
    case 0xfc: {
      const which = reader.number();
      // What truncates has nothing; of memory and tables, what names two places or one.
      return numbers(which < 8 ? 0 : [8, 10, 12, 14].includes(which) ? 2 : 1);
    }
    default:
      if (op <= 0x1b || op >= 0x45 && op <= 0xc4 || op === 0xd1) return undefined;
      throw new Error(`an instruction that is not known here: ${op.toString(16)}`);
  }
}

/** A body's declared locals by type, and each instruction: its byte, where it stands, the local it names. */
function decoded(code) {
  const reader = new Reader(code);
  const types = [];
  for (let groups = reader.number(); groups > 0; groups -= 1) {
    const count = reader.number();
    types.push(...Array(count).fill(reader.byte()));
  }
  const instructions = [];
  while (reader.at < code.length) {
    const start = reader.at, op = reader.byte();
    const named = op >= LOCAL_GET && op <= LOCAL_TEE;
    const local = named ? new Reader(code, reader.at).number() : undefined;
    past(reader, op);
    instructions.push({ op, start, end: reader.at, local });
  }
  return { types, instructions };
}

/** For each of a module's own functions, its parameters' types. */
function parameters(bytes) {
  const section = (id) => new Reader(bytes, sections(bytes).find((one) => one.id === id).body);
  const types = [], reader = section(TYPE), own = section(FUNCTION);
  for (let left = reader.number(); left > 0; left -= 1) {
    if (reader.byte() !== 0x60) throw new Error("a type that is no function's");
    const list = () => Array.from({ length: reader.number() }, () => reader.byte());
    types.push(list());
    list();
  }
  return Array.from({ length: own.number() }, () => types[own.number()]);
}

function renumbered(code, given) {
  const { types: declared, instructions } = decoded(code);
  const types = [...given, ...declared];
  const uses = new Map();
  let frame;
  instructions.forEach(({ op, local }, at) => {
    if (local === undefined || local < given.length) return;
    uses.set(local, (uses.get(local) ?? 0) + 1);
    // stack pointer - size
    if (op !== LOCAL_GET && instructions[at - 1]?.op === I32_SUB && instructions[at - 3]?.op === GLOBAL_GET) frame ??= local;
  });
  // What is used as often stays in the order of its first use.
  const rank = (local) => (local === frame ? Infinity : uses.get(local));
  const used = [...uses.keys()].sort((a, b) => (rank(a) === rank(b) ? 0 : rank(b) - rank(a)));
  const words = used.filter((local) => types[local] === I32);
  const others = used.filter((local) => types[local] !== I32).sort((a, b) => types[b] - types[a]);
  const first = Math.max(given.length, OTHERS_AT) + others.length <= WORDS_AT;
  const numbers = new Map(given.map((_, index) => [index, index]));
  const groups = [];
  let next = given.length;
  const declare = (count, type) => {
    if (groups.at(-1)?.type === type) groups.at(-1).count += count;
    else if (count > 0) groups.push({ count, type });
    next += count;
  };
  const place = (locals, from) => {
    if (locals.length > 0 && next < from) declare(from - next, I32);
    for (const local of locals) { numbers.set(local, next); declare(1, types[local]); }
  };
  if (first) place(others, OTHERS_AT);
  place(words, WORDS_AT);
  if (!first) place(others, 0);

  const out = [...number(groups.length), ...groups.flatMap(({ count, type }) => [...number(count), type])];
  for (const { op, start, end, local } of instructions) {
    if (local === undefined) out.push(...code.subarray(start, end));
    else out.push(op, ...number(numbers.get(local)));
  }
  return Buffer.from(out);
}

/** The module with its locals numbered anew; the second time changes nothing. */
export function numbered(bytes) {
  const given = parameters(bytes);
  return withBodies(bytes, bodies(bytes).bodies.map((code, index) => renumbered(code, given[index])));
}
