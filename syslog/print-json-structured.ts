// Structured data as JSON, `{id: {name: value}}`. Well-formed data without escapes, which is nearly all of it,
// goes from bytes to bytes; the rest takes the way over strings. Promises: no value is lost. An SD-ID that
// stands twice gives one object; a name that stands twice in it (RFC 5424 section 6.3.3 allows it) gives a list.

import { copyPlain } from './escape.ts';
import { writeJsonString } from './print-json.ts';
import {
  GRADE,
  readStructured,
  type StructuredElement,
  type StructuredScan,
  scanStructured,
} from './structured.ts';

/** More elements, or parameters of one, are printed the slow way: nobody sends them in numbers. */
const NAMES_MAX = 16;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const EQUALS = 0x3d;
const OPEN = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE = 0x5d;
const SPACE = 0x20;
const BRACE = 0x7b;
const BRACE_END = 0x7d;

/** Where the names stand that an object has already. */
class Names {
  private readonly starts = new Int32Array(NAMES_MAX);
  private readonly ends = new Int32Array(NAMES_MAX);
  count = 0;

  /** False: it stands there already, or there are too many. */
  add(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.count === NAMES_MAX) return false;
    for (let at = 0; at < this.count; at++) {
      if (sameBytes(bytes, this.starts[at] as number, this.ends[at] as number, start, end)) return false;
    }
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.count++;
    return true;
  }
}

function sameBytes(bytes: Uint8Array, a: number, aEnd: number, b: number, bEnd: number): boolean {
  if (aEnd - a !== bEnd - b) return false;
  for (let i = 0; a + i < aEnd; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

const ids = new Names();
const params = new Names();
const scan: StructuredScan = { end: 0, grade: 0 };

/** The elements in [start, end) as a JSON object. Returns the offset after it. */
export function writeJsonStructured(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  const isStrict = scanStructured(bytes, start, end, scan) && scan.grade === GRADE.strict && scan.end === end;
  if (isStrict && !holdsBackslash(bytes, start, end)) {
    const to = writePlainElements(bytes, start, end, out, at);
    if (to >= 0) return to;
  }
  const json = Buffer.from(structuredJson(readStructured(bytes, start, end)));
  return copyPlain(json, 0, json.length, out, at);
}

function holdsBackslash(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

/** `[id name="value"][id]` without escapes; -1 when a name stands twice. */
function writePlainElements(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  let to = at;
  let p = start;
  ids.count = 0;
  while (p < end && bytes[p] === OPEN) {
    out[to++] = p === start ? BRACE : COMMA;
    const id = p + 1;
    for (p = id; bytes[p] !== SPACE && bytes[p] !== CLOSE; ) p++;
    if (!ids.add(bytes, id, p)) return -1;
    to = writeJsonString(bytes, id, p, out, to);
    out[to++] = COLON;
    out[to++] = BRACE;
    params.count = 0;
    while (bytes[p] === SPACE) {
      const name = p + 1;
      for (p = name; bytes[p] !== EQUALS; ) p++;
      if (params.count > 0) out[to++] = COMMA;
      if (!params.add(bytes, name, p)) return -1;
      to = writeJsonString(bytes, name, p, out, to);
      out[to++] = COLON;
      const value = p + 2;
      for (p = value; bytes[p] !== QUOTE; ) p++;
      to = writeJsonString(bytes, value, p, out, to);
      p++;
    }
    out[to++] = BRACE_END;
    p++;
  }
  out[to++] = BRACE_END;
  return to;
}

function structuredJson(elements: readonly StructuredElement[]): string {
  const byId = new Map<string, Map<string, string[]>>();
  for (const element of elements) {
    const names = byId.get(element.id) ?? new Map<string, string[]>();
    byId.set(element.id, names);
    for (const [name, value] of element.params) {
      const values = names.get(name);
      if (values === undefined) names.set(name, [value]);
      else values.push(value);
    }
  }
  return objectJson([...byId].map(([id, names]) => [id, objectJson([...names].map(valuesJson))]));
}

function valuesJson([name, values]: readonly [string, readonly string[]]): [string, string] {
  return [
    name,
    values.length === 1 ? stringJson(values[0] as string) : `[${values.map(stringJson).join(',')}]`,
  ];
}

function objectJson(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([name, value]) => `${stringJson(name)}:${value}`).join(',')}}`;
}

const HIGH_CONTROLS = /[\u007f-\u009f]/;
const ALL_HIGH_CONTROLS = /[\u007f-\u009f]/g;

function stringJson(text: string): string {
  const json = JSON.stringify(text);
  if (!HIGH_CONTROLS.test(json)) return json;
  return json.replace(ALL_HIGH_CONTROLS, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
}
