// A configuration file as it was read: its text, its tree with positions, and its plain value. JSON with
// comments and trailing commas. Answers where a key or a value stands, as line and column counted from 1
// in characters.
//
// Refuses: brackets beyond a depth that no operator writes, text that is not UTF-8, syntax errors
// (one for each line that has any), and the same key twice in one object.

import { isUtf8 } from 'node:buffer';
import {
  createScanner,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import { Fault, type FaultCode, type Place, printPlace } from '../base/fault.ts';
import { type ProgramName, readWhole } from './read.ts';

export type Segment = string | number;
export type Path = readonly Segment[];

/** The text of a file, and where its lines begin. */
interface Source {
  /** Absolute. */
  readonly file: string;
  readonly text: string;
  readonly lineStarts: readonly number[];
}

export interface Document extends Source {
  /** Undefined when the file has syntax errors: nothing in it is then looked at. */
  readonly root: Node | undefined;
  readonly value: unknown;
  readonly faults: readonly PlacedFault[];
}

/** A fault with what it is sorted by. */
export interface PlacedFault {
  readonly fault: Fault;
  readonly offset: number;
}

const BYTE_ORDER_MARK = '\ufeff';

/** The deepest key, rules[].file.rotate.size, has depth 5; the limit guards the recursive parser. */
const DEPTH_MAX = 64;

/** Syntax faults of one file that are shown; behind a lost brace nearly every line is one. */
const SYNTAX_FAULTS_MAX = 20;

/** `program`: whose configuration it is meant to be, for the sentences about a file that is absent or empty. */
export function readDocument(file: string, program: ProgramName): Document {
  const bytes = readWhole(file, program);
  if (bytes instanceof Fault) return broken(sourceOf(file, ''), [{ fault: bytes, offset: 0 }]);
  const text = bytes.toString('utf8');
  const source = sourceOf(file, text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text);
  return isUtf8(bytes) ? parseDocument(source, program) : broken(source, [notUtf8(source)]);
}

function parseDocument(source: Source, program: ProgramName): Document {
  const deep = tooDeep(source.text);
  if (deep !== undefined) {
    const what = `Brackets are nested more than ${DEPTH_MAX} deep.`;
    return broken(source, [syntaxFault(source, deep, what, 'No key of Belfry lies that deep.')]);
  }
  const errors: ParseError[] = [];
  const root = parseTree(source.text, errors, { allowTrailingComma: true });
  const faults = syntaxFaults(source, errors, program);
  if (root === undefined || faults.length > 0) return broken(source, faults);
  const value: unknown = getNodeValue(root);
  return { ...source, root, value, faults: duplicateKeys(source, root) };
}

function broken(source: Source, faults: readonly PlacedFault[]): Document {
  return { ...source, root: undefined, value: undefined, faults };
}

function sourceOf(file: string, text: string): Source {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  return { file, text, lineStarts };
}

function notUtf8(source: Source): PlacedFault {
  const offset = Math.max(0, source.text.indexOf('\ufffd'));
  return syntaxFault(
    source,
    offset,
    'The file is not UTF-8 text.',
    'Save it as UTF-8; the wrong letter may stand in a comment.',
  );
}

/** Token kinds of jsonc-parser's scanner (SyntaxKind, a const enum that cannot be imported). */
const OPEN_BRACE = 1;
const CLOSE_BRACE = 2;
const OPEN_BRACKET = 3;
const CLOSE_BRACKET = 4;
const END = 17;

/** Offset of the first bracket beyond DEPTH_MAX. */
function tooDeep(text: string): number | undefined {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (let kind: number = scanner.scan(); kind !== END; kind = scanner.scan()) {
    if (kind === OPEN_BRACE || kind === OPEN_BRACKET) depth += 1;
    if (kind === CLOSE_BRACE || kind === CLOSE_BRACKET) depth -= 1;
    if (depth > DEPTH_MAX) return scanner.getTokenOffset();
  }
  return undefined;
}

const EMPTY_MENDS: Readonly<Record<ProgramName, string>> = {
  server: 'It needs at least one rule: { "rules": [{ "file": "{host}.log" }] }',
  agent:
    'Begin with { "inputs": [{ "type": "journald" }], "destinations": [{ "to": "relp://172.31.100.94:2514" }] }',
};

const SYNTAX: Readonly<Record<string, readonly [what: string, mend: string]>> = {
  InvalidSymbol: [
    'This word is not JSON.',
    'Put keys and texts into double quotes; the only bare words are true, false and null.',
  ],
  InvalidNumberFormat: [
    'This is not a number of JSON.',
    'Write it as 10 or 0.5, or put it into double quotes if it is text.',
  ],
  PropertyNameExpected: [
    'A key is expected here.',
    'Write a key in double quotes, then a colon and its value.',
  ],
  ValueExpected: [
    'A value is expected here.',
    'Write text in double quotes, a number, true, false, a list in [ ] or an object in { }.',
  ],
  ColonExpected: ['A colon is missing before this.', 'Write a colon between a key and its value.'],
  CommaExpected: ['A comma is missing before this.', 'Write a comma between two values.'],
  CloseBraceExpected: ['A closing brace } is missing.', 'Close each { with a }.'],
  CloseBracketExpected: ['A closing bracket ] is missing.', 'Close each [ with a ].'],
  EndOfFileExpected: [
    'The configuration ends before this.',
    'One object { … } is the whole file; remove what follows, or a brace too many.',
  ],
  InvalidCommentToken: ['This is not a comment.', 'Comments are // to the end of the line, or /* … */.'],
  UnexpectedEndOfComment: ['This comment has no end.', 'Close it with */.'],
  UnexpectedEndOfString: ['This text has no closing quote.', 'Close it with " on the same line.'],
  UnexpectedEndOfNumber: ['This number has no end.', 'Write it as 10 or 0.5.'],
  InvalidUnicode: ['A \\u in this text is not followed by four hexadecimal digits.', 'Write it as \\u00e9.'],
  InvalidEscapeCharacter: [
    'A backslash in this text is followed by a letter that JSON does not know.',
    'Write each backslash twice: "\\\\d+" for the regular expression \\d+.',
  ],
  InvalidCharacter: ['This text holds a control character.', 'Write a tab as \\t and a line break as \\n.'],
};

function syntaxFaults(source: Source, errors: readonly ParseError[], program: ProgramName): PlacedFault[] {
  if (errors.length > 0 && /^\s*$/.test(source.text)) {
    return [syntaxFault(source, 0, 'The file is empty.', EMPTY_MENDS[program])];
  }
  const faults: PlacedFault[] = [];
  const lines = new Set<number>();
  for (const error of withoutConsequences(errors)) {
    const { line } = lineAndColumn(source, error.offset);
    if (lines.has(line)) continue;
    lines.add(line);
    const [what, mend] = SYNTAX[printParseErrorCode(error.error)] ?? [
      'This is not JSON.',
      'See docs/config.md.',
    ];
    faults.push(syntaxFault(source, error.offset, what, mend));
    if (faults.length === SYNTAX_FAULTS_MAX) break;
  }
  return faults;
}

/**
 * The parser goes on behind a mistake and then misses what the mistake has swallowed. What is missing behind a
 * broken word or text is a consequence of it, and so is an end that is missing behind anything.
 */
function withoutConsequences(errors: readonly ParseError[]): ParseError[] {
  let hasBrokenToken = false;
  let hasAny = false;
  return [...errors]
    .sort((a, b) => a.offset - b.offset)
    .filter(({ error }) => {
      const name = printParseErrorCode(error);
      const isMissing = name.endsWith('Expected');
      const isEnd = name.startsWith('Close') || name.startsWith('EndOfFile');
      const isConsequence = isMissing && (hasBrokenToken || (isEnd && hasAny));
      hasBrokenToken ||= !isMissing;
      hasAny = true;
      return !isConsequence;
    });
}

function syntaxFault(source: Source, offset: number, what: string, mend: string): PlacedFault {
  return placedFault('CONFIG_SYNTAX', placeOf(source, offset, ''), offset, what, mend);
}

export function placedFault(
  code: FaultCode,
  place: Place,
  offset: number,
  what: string,
  mend: string,
): PlacedFault {
  return { fault: new Fault(code, { what, where: printPlace(place), mend, place }), offset };
}

function duplicateKeys(source: Source, root: Node): PlacedFault[] {
  const faults: PlacedFault[] = [];
  const visit = (node: Node, path: Path): void => {
    const seen = new Map<string, number>();
    for (const [at, child] of (node.children ?? []).entries()) {
      const [key, value] = child.type === 'property' ? (child.children ?? []) : [];
      if (key === undefined) {
        visit(child, [...path, at]);
        continue;
      }
      const name = String(key.value);
      const here = [...path, name];
      const first = seen.get(name);
      if (first !== undefined) {
        const what = `"${name}" stands twice; it already stands in line ${lineAndColumn(source, first).line}.`;
        const place = placeOf(source, key.offset, printPath(here));
        faults.push(placedFault('CONFIG_DUPLICATE_KEY', place, key.offset, what, 'Remove one of the two.'));
      }
      seen.set(name, first ?? key.offset);
      if (value !== undefined) visit(value, here);
    }
  };
  visit(root, []);
  return faults;
}

/** Offset of what the path leads to (of the key itself, if asked for); of the nearest thing above it if it is absent. */
export function offsetOf(document: Document, path: Path, part: 'key' | 'value'): number {
  let node = document.root;
  let offset = node?.offset ?? 0;
  for (const [at, segment] of path.entries()) {
    const property = typeof segment === 'string' ? findProperty(node, segment) : undefined;
    const next = typeof segment === 'number' ? node?.children?.[segment] : property?.children?.[1];
    if (next === undefined) return offset;
    const wantsKey = part === 'key' && at === path.length - 1;
    offset = wantsKey && property ? property.offset : next.offset;
    node = next;
  }
  return offset;
}

/** The last one of that name, as the value has it. */
function findProperty(node: Node | undefined, name: string): Node | undefined {
  if (node?.type !== 'object') return undefined;
  return node.children?.findLast((property) => property.children?.[0]?.value === name);
}

export function placeInDocument(document: Document, path: Path, part: 'key' | 'value'): Place {
  return placeOf(document, offsetOf(document, path, part), printPath(path));
}

/** Of the character `at` of a text, counted from 0: an escape is one character of the text and more of the file. */
export function placeWithin(document: Document, path: Path, at: number): Place {
  let offset = offsetOf(document, path, 'value') + 1;
  for (let passed = 0; passed < at && document.text[offset] !== '"'; passed += 1) {
    const isEscape = document.text[offset] === '\\';
    offset += isEscape ? (document.text[offset + 1] === 'u' ? 6 : 2) : 1;
  }
  return placeOf(document, offset, printPath(path));
}

function placeOf(source: Source, offset: number, key: string): Place {
  return { file: source.file, ...lineAndColumn(source, offset), key };
}

/** Both from 1; the column counts characters, as editors do. */
function lineAndColumn(source: Source, offset: number): { line: number; column: number } {
  const line = lineOf(source.lineStarts, offset);
  const column = Array.from(source.text.slice(source.lineStarts[line], offset)).length;
  return { line: line + 1, column: column + 1 };
}

/** Index of the last line that begins at or before the offset. */
function lineOf(lineStarts: readonly number[], offset: number): number {
  let low = 0;
  let high = lineStarts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** `rules[2].match.fromHostIp`; a key that is no plain word is quoted: `syslog.timeZone["10.0.0.0/8"]`. */
export function printPath(path: Path): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(segment)) text += text === '' ? segment : `.${segment}`;
    else text += `[${JSON.stringify(segment)}]`;
  }
  return text;
}
