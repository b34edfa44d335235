// What ajv finds wrong in a configuration, said for people: which fault, where, what, and how to mend it. ajv's own
// words are for programmers, so the sentences are made here, from the schema itself.

import type { ErrorObject } from 'ajv';
import type { FaultCode } from '../base/fault.ts';
import { suggestion } from '../base/nearest.ts';
import type { Document, Path } from './document.ts';
import type { FileKind } from './kind.ts';
import {
  anchorOf,
  exampleOf,
  factsOf,
  type FormatTable,
  printJson,
  type SchemaFacts,
  typeWords,
} from './schema-facts.ts';

export interface Said {
  readonly code: FaultCode;
  readonly path: Path;
  readonly part: 'key' | 'value';
  readonly what: string;
  readonly mend: string;
  /** Where in a text it is wrong, from 0. */
  readonly at?: number;
}

/** ajv says a wrong value once for each keyword that it breaks, its type first: one of them is enough. */
export function withoutEchoes(errors: readonly ErrorObject[]): ErrorObject[] {
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

export function sayError(
  error: ErrorObject,
  document: Document,
  kind: FileKind,
  formats: FormatTable,
): Said[] {
  const path = pathOf(error.instancePath, document);
  const facts = factsOf(error.parentSchema);
  const value = { code: 'CONFIG_BAD_VALUE', path, part: 'value' } as const;
  switch (error.keyword) {
    case 'additionalProperties':
      return [sayUnknownKey(path, String(error.params.additionalProperty), facts, kind)];
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
    case 'discriminator':
      return sayTag(error, path, facts);
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
          mend: `See docs/${kind.page}.`,
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
  'journald input': 'a journald input',
  'file input': 'a file input',
  'devlog input': 'a devlog input',
  'listen input': 'a listen input',
  'stdin input': 'a stdin input',
  destination: 'a destination',
  input: 'an input',
};

function owner(facts: SchemaFacts): string {
  const title = facts.title ?? '';
  const text = OWNERS[title] ?? `"${title}"`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function sayUnknownKey(path: Path, key: string, facts: SchemaFacts, kind: FileKind): Said {
  const title = facts.title ?? '';
  const place = { path: [...path, key], part: 'key' } as const;
  if (path.length === 0 && kind.foreign.keys.includes(key))
    return {
      ...place,
      code: 'CONFIG_CONFLICT',
      what: `"${key}" ${kind.foreign.what}`,
      mend: kind.foreign.mend,
    };
  const later = kind.later[title];
  if (later !== undefined && Object.hasOwn(later, key)) {
    const what = `"${key}": this version of Belfry does not have ${later[key]} yet.`;
    return {
      ...place,
      code: 'CONFIG_NOT_YET',
      what,
      mend: `Remove "${key}". What works is in docs/${kind.page}#${anchorOf(title)}`,
    };
  }
  const known = Object.keys(facts.properties ?? {}).filter((name) => !name.startsWith('$'));
  const what = `"${key}" is not a key of ${OWNERS[title] ?? `"${title}"`}.`;
  const mend = `${suggestion(key, known)}All keys: docs/${kind.page}#${anchorOf(title)}`;
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

/** The key that tells one kind of object from another (`type` of an input). */
function sayTag(error: ErrorObject, path: Path, facts: SchemaFacts): Said[] {
  const tag = String(error.params.tag);
  const known = (facts.oneOf ?? []).map((one) => String(factsOf(factsOf(one).properties?.[tag]).const));
  const own: unknown = error.params.tagValue;
  // Its absence is said by `required`, another type by `type`.
  if (typeof own !== 'string') return [];
  const place = { path: [...path, tag], part: 'value' } as const;
  const what = `"${tag}" cannot be ${printJson(own)}.`;
  const mend = `${suggestion(own, known)}It is one of ${known.map((name) => `"${name}"`).join(', ')}.`;
  return [{ ...place, code: 'CONFIG_BAD_VALUE', what, mend }];
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
