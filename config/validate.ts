// Checks the value of a configuration file against its schema, and says each thing that is wrong as a Fault
// with its place. Defaults are filled in on the way. ajv does the checking; what it says is for programmers,
// so the sentences are made in config/sentences.ts.

import { Ajv, type ValidateFunction } from 'ajv';
import { parseSize, parseSpan } from '../base/units.ts';
import type { AgentFile } from './agent.schema.ts';
import {
  type Document,
  offsetOf,
  type PlacedFault,
  placedFault,
  placeInDocument,
  placeWithin,
} from './document.ts';
import type { Formats } from './formats.ts';
import { AGENT_FILE, type FileKind, RULES_FILE, SERVER_FILE } from './kind.ts';
import type { FormatTable } from './schema-facts.ts';
import { type Said, sayError, withoutEchoes } from './sentences.ts';
import type { RulesFile, ServerFile } from './server.schema.ts';

/** The schema itself is checked by a test, not at each start. */
const AJV_OPTIONS = {
  allErrors: true,
  useDefaults: true,
  verbose: true,
  strict: true,
  strictTypes: true,
  allowUnionTypes: true,
  discriminator: true,
  meta: false,
  validateSchema: false,
  code: { optimize: false },
} as const;

interface Compiled {
  readonly ajv: Ajv;
  /** The formats of the check that runs now; their verdict may change from load to load (users, groups). */
  formats: FormatTable;
  readonly kinds: Map<FileKind, ValidateFunction>;
}

/** Compiling a schema takes longer than checking a file, so it is done once, when it is first needed. */
let compiled: Compiled | undefined;

function prepare(formats: Formats): Compiled {
  compiled ??= makeCompiled(formats);
  compiled.formats = formats;
  return compiled;
}

function makeCompiled(formats: Formats): Compiled {
  const made: Compiled = { ajv: new Ajv(AJV_OPTIONS), formats, kinds: new Map() };
  for (const name of Object.keys(formats)) {
    made.ajv.addFormat(name, (text) => made.formats[name]?.check(text).length === 0);
  }
  const limit = { type: 'string', schemaType: 'string', errors: false } as const;
  made.ajv.addKeyword({ ...limit, keyword: 'atLeast', validate: atLeast });
  made.ajv.addKeyword({ ...limit, keyword: 'atMost', validate: atMost });
  return made;
}

/** The value with defaults filled in; it is what its type says only if there are no faults. */
export interface Checked<T> {
  readonly file: T;
  readonly faults: readonly PlacedFault[];
}

export function checkServerFile(document: Document, formats: Formats): Checked<ServerFile> {
  return check<ServerFile>(SERVER_FILE, document, formats);
}

export function checkRulesFile(document: Document, formats: Formats): Checked<RulesFile> {
  return check<RulesFile>(RULES_FILE, document, formats);
}

export function checkAgentFile(document: Document, formats: Formats): Checked<AgentFile> {
  return check<AgentFile>(AGENT_FILE, document, formats);
}

function measure(text: string): number | undefined {
  return parseSize(text) ?? parseSpan(text);
}

/** What is no size or span has its fault from the format already. */
function atLeast(limit: string, text: string): boolean {
  return (measure(text) ?? Number.POSITIVE_INFINITY) >= (measure(limit) ?? 0);
}

function atMost(limit: string, text: string): boolean {
  return (measure(text) ?? 0) <= (measure(limit) ?? 0);
}

function check<T>(kind: FileKind, document: Document, formats: Formats): Checked<T> {
  const own = prepare(formats);
  const validate = own.kinds.get(kind) ?? own.ajv.compile(kind.schema);
  own.kinds.set(kind, validate);
  const file = structuredClone(document.value) as T;
  if (document.root === undefined || validate(file)) return { file, faults: [] };
  const said = withoutEchoes(validate.errors ?? []).flatMap((error) =>
    sayError(error, document, kind, formats),
  );
  return { file, faults: said.map((one) => placeSaid(document, one)) };
}

export function placeSaid(document: Document, said: Said): PlacedFault {
  const { code, path, part, what, mend, at } = said;
  const place = at === undefined ? placeInDocument(document, path, part) : placeWithin(document, path, at);
  return placedFault(code, place, offsetOf(document, path, part), what, mend);
}
