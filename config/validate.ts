// Checks the value of a configuration file against its schema, and says each thing that is wrong as a Fault
// with its place. Defaults are filled in on the way. ajv does the checking; what it says is for programmers,
// so the sentences are made here, from the schema itself.

import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { FaultCode } from '../base/fault.ts';
import { suggestion } from '../base/nearest.ts';
import { parseSize, parseSpan } from '../base/units.ts';
import {
  type Document,
  offsetOf,
  type Path,
  type PlacedFault,
  placedFault,
  placeInDocument,
} from './document.ts';
import type { Formats } from './formats.ts';
import { LATER_KEYS } from './later.ts';
import {
  anchorOf,
  exampleOf,
  factsOf,
  type FormatTable,
  printJson,
  type SchemaFacts,
  typeWords,
} from './schema-facts.ts';
import { type RulesFile, rulesFileSchema, type ServerFile, serverSchema } from './server.schema.ts';

interface Said {
  readonly code: FaultCode;
  readonly path: Path;
  readonly part: 'key' | 'value';
  readonly what: string;
  readonly mend: string;
}

/** The schema itself is checked by a test, not at each start. */
const AJV_OPTIONS = {
  allErrors: true,
  useDefaults: true,
  verbose: true,
  strict: true,
  strictTypes: true,
  allowUnionTypes: true,
  meta: false,
  validateSchema: false,
  code: { optimize: false },
} as const;

interface Compiled {
  readonly ajv: Ajv;
  /** The formats of the check that runs now; their verdict may change from load to load (users, groups). */
  formats: FormatTable;
  server?: ValidateFunction<ServerFile>;
  rules?: ValidateFunction<RulesFile>;
}

/** Compiling a schema takes longer than checking a file, so it is done once, when it is first needed. */
let compiled: Compiled | undefined;

function prepare(formats: Formats): Compiled {
  compiled ??= makeCompiled(formats);
  compiled.formats = formats;
  return compiled;
}

function makeCompiled(formats: Formats): Compiled {
  const made: Compiled = { ajv: new Ajv(AJV_OPTIONS), formats };
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
  const own = prepare(formats);
  own.server ??= own.ajv.compile<ServerFile>(serverSchema);
  return check(own.server, document, formats);
}

export function checkRulesFile(document: Document, formats: Formats): Checked<RulesFile> {
  const own = prepare(formats);
  own.rules ??= own.ajv.compile<RulesFile>(rulesFileSchema);
  return check(own.rules, document, formats);
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

function check<T>(validate: ValidateFunction<T>, document: Document, formats: FormatTable): Checked<T> {
  const file = structuredClone(document.value) as T;
  if (document.root === undefined || validate(file)) return { file, faults: [] };
  const said = withoutEchoes(validate.errors ?? []).flatMap((error) => sayError(error, document, formats));
  return { file, faults: said.map((one) => placeSaid(document, one)) };
}

export function placeSaid(document: Document, said: Said): PlacedFault {
  const { code, path, part, what, mend } = said;
  return placedFault(code, placeInDocument(document, path, part), offsetOf(document, path, part), what, mend);
}

/** ajv says a wrong value once for each keyword that it breaks, its type first: one of them is enough. */
function withoutEchoes(errors: readonly ErrorObject[]): ErrorObject[] {
  const seen = new Set<string>();
  return errors.filter((error) => {
    // The names are said one by one, and a missing or unknown key is not about the value of the object.
    if (error.keyword === 'propertyNames') return false;
    if (error.keyword === 'additionalProperties' || error.keyword === 'required') return true;
    const own = `${error.instancePath}\n${error.propertyName ?? ''}`;
    if (seen.has(own)) return false;
    seen.add(own);
    return true;
  });
}

function sayError(error: ErrorObject, document: Document, formats: FormatTable): Said[] {
  const path = pathOf(error.instancePath, document);
  const facts = factsOf(error.parentSchema);
  const value = { code: 'CONFIG_BAD_VALUE', path, part: 'value' } as const;
  switch (error.keyword) {
    case 'additionalProperties':
      return [sayUnknownKey(path, String(error.params.additionalProperty), facts)];
    case 'required': {
      const key = String(error.params.missingProperty);
      const example = factsOf(facts.properties?.[key]);
      return [
        {
          ...value,
          code: 'CONFIG_MISSING_KEY',
          what: `${owner(facts)} has no "${key}".`,
          mend: `Add "${key}": ${exampleOf(example)}.`,
        },
      ];
    }
    case 'type':
    case 'not':
      return [{ ...value, code: 'CONFIG_WRONG_TYPE', ...sayWrongType(path, error.data, facts, formats) }];
    case 'format':
      return sayFormat(error, path, formats);
    case 'enum':
      return [{ ...value, ...sayEnum(path, error.data, facts) }];
    case 'minItems':
      return [{ ...value, what: `${nameOf(path)} is an empty list.`, mend: emptyListMend(facts) }];
    case 'minLength':
      return [
        {
          ...value,
          what: `${nameOf(path)} is empty.`,
          mend: `Write some text, such as ${exampleOf(facts)}, or leave out the key.`,
        },
      ];
    case 'maxItems':
    case 'maxLength': {
      const unit = error.keyword === 'maxItems' ? 'entries' : 'characters';
      return [
        {
          ...value,
          what: `${nameOf(path)} has more than ${String(error.params.limit)} ${unit}.`,
          mend: 'Shorten it.',
        },
      ];
    }
    case 'minimum':
    case 'maximum':
    case 'atLeast':
    case 'atMost':
      return [{ ...value, ...sayLimit(error, path) }];
    default:
      return [
        {
          ...value,
          what: `${nameOf(path)} ${error.message ?? 'cannot be used'}.`,
          mend: 'See docs/config.md.',
        },
      ];
  }
}

function pathOf(pointer: string, document: Document): Path {
  const path: (string | number)[] = [];
  let value = document.value;
  for (const raw of pointer.split('/').slice(1)) {
    const name = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(value) ? Number(name) : name);
    value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  }
  return path;
}

/** `"lanes"`, or `an entry of "listen"`. */
function nameOf(path: Path): string {
  const last = path.at(-1);
  if (last === undefined) return 'The file';
  if (typeof last === 'string') return `"${last}"`;
  const list = path.findLast((segment) => typeof segment === 'string');
  return `Entry ${last + 1} of "${list ?? ''}"`;
}

const OWNERS: Readonly<Record<string, string>> = {
  'Top level': 'the configuration',
  'Included file': 'an included file',
  rule: 'a rule',
  match: "a rule's match",
  file: 'a file',
  rotate: 'rotate',
};

function owner(facts: SchemaFacts): string {
  const title = facts.title ?? '';
  const text = OWNERS[title] ?? `"${title}"`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function sayUnknownKey(path: Path, key: string, facts: SchemaFacts): Said {
  const title = facts.title ?? '';
  const place = { path: [...path, key], part: 'key' } as const;
  const later = LATER_KEYS[title];
  if (later !== undefined && Object.hasOwn(later, key)) {
    const what = `"${key}": this version of Belfry does not have ${later[key]} yet.`;
    return {
      ...place,
      code: 'CONFIG_NOT_YET',
      what,
      mend: `Remove "${key}". What works is in docs/config.md#${anchorOf(title)}`,
    };
  }
  const known = Object.keys(facts.properties ?? {}).filter((name) => !name.startsWith('$'));
  const what = `"${key}" is not a key of ${OWNERS[title] ?? `"${title}"`}.`;
  const mend = `${suggestion(key, known)}All keys: docs/config.md#${anchorOf(title)}`;
  return { ...place, code: 'CONFIG_UNKNOWN_KEY', what, mend };
}

function sayWrongType(
  path: Path,
  data: unknown,
  facts: SchemaFacts,
  formats: FormatTable,
): { what: string; mend: string } {
  const what = `${nameOf(path)} must be ${typeWords(facts, formats, true)}, not ${describe(data)}.`;
  if (path.length === 0) return { what, mend: 'Begin the file with { and end it with }.' };
  const isList = facts.type === 'array' && typeof data === 'string';
  return { what, mend: `Write it as ${isList ? printJson([data]) : exampleOf(facts)}.` };
}

function describe(data: unknown): string {
  if (data === null) return 'null';
  if (Array.isArray(data)) return 'a list';
  if (typeof data === 'object') return 'an object';
  if (typeof data === 'string') return 'text';
  return typeof data === 'number' ? `the number ${data}` : printJson(data);
}

function sayFormat(error: ErrorObject, path: Path, formats: FormatTable): Said[] {
  const key = error.propertyName;
  const text = String(key ?? error.data);
  const place =
    key === undefined ? ({ path, part: 'value' } as const) : ({ path: [...path, key], part: 'key' } as const);
  return (formats[String(error.params.format)]?.check(text) ?? []).map((found) => ({ ...place, ...found }));
}

function sayEnum(path: Path, data: unknown, facts: SchemaFacts): { what: string; mend: string } {
  const values = (facts.enum ?? []).map(String);
  const hint = typeof data === 'string' ? suggestion(data, values) : '';
  return {
    what: `${nameOf(path)} cannot be ${printJson(data)}.`,
    mend: `${hint}It is one of ${values.map((value) => `"${value}"`).join(', ')}.`,
  };
}

function emptyListMend(facts: SchemaFacts): string {
  return facts.default === undefined
    ? 'Leave out the key, or name at least one.'
    : `Name at least one, or leave out the key for ${printJson(facts.default)}.`;
}

function sayLimit(error: ErrorObject, path: Path): { what: string; mend: string } {
  const low = error.keyword === 'minimum' || error.keyword === 'atLeast';
  const limit = String(error.params.limit ?? error.schema);
  return {
    what: `${nameOf(path)} is ${printJson(error.data)}, which is too ${low ? 'small' : 'large'}.`,
    mend: `It must be at ${low ? 'least' : 'most'} ${limit}.`,
  };
}
