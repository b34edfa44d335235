// The parts of a schema that sentences for people are made from: in faults and in docs/config.md.

import type { TextFormat } from './formats.ts';

export interface SchemaFacts {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly items?: unknown;
  readonly const?: unknown;
  readonly oneOf?: readonly unknown[];
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly atLeast?: string;
  readonly atMost?: string;
}

export type FormatTable = Readonly<Record<string, TextFormat>>;

/** What the schema's author wrote; a schema is an object or absent. */
export function factsOf(schema: unknown): SchemaFacts {
  return typeof schema === 'object' && schema !== null ? schema : {};
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

/** `a size`, `a whole number`, `an object or false`. */
export function typeWords(facts: SchemaFacts, formats: FormatTable, quoted: boolean): string {
  const shape = facts.format === undefined ? undefined : formats[facts.format]?.shape;
  const words = [facts.type ?? []].flat().map((type) => {
    if (type === 'string' && shape !== undefined && shape !== 'text')
      return quoted ? `${shape} in quotes` : shape;
    if (type === 'boolean' && facts.title === 'rotate') return 'false';
    return TYPE_WORDS[type] ?? type;
  });
  return words.join(' or ');
}

export function exampleOf(facts: SchemaFacts): string {
  return printJson(facts.examples?.[0] ?? facts.default ?? facts.enum?.[0] ?? '…');
}

/** JSON on one line with a space behind each colon and comma, as a person writes it. */
export function printJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? '…';
  const entries = Object.entries(value).map(([key, own]) => `${JSON.stringify(key)}: ${printJson(own)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

/** The anchor of a heading in the docs. */
export function anchorOf(title: string): string {
  return title.toLowerCase().replaceAll(' ', '-');
}
