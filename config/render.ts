// Writes what follows from the declarations: the pages of docs/ about configuration and faults, and the schema files
// for editors. Pure: tools/docs.ts puts the texts on the disk, a test demands that they are there unchanged.

import { EXIT, FAULTS } from '../base/fault.ts';
import { agentSchema } from './agent.schema.ts';
import { makeFormats } from './formats.ts';
import { AGENT_INTRODUCTION, GENERATED, SELECTORS, SERVER_INTRODUCTION } from './introductions.ts';
import { LATER_AGENT_KEYS, LATER_SERVER_KEYS, type LaterKeys } from './later.ts';
import {
  anchorOf,
  factsOf,
  type FormatTable,
  printJson,
  type SchemaFacts,
  typeWords,
} from './schema-facts.ts';
import { rulesFileSchema, serverSchema } from './server.schema.ts';
import { TEMPLATE_WORDS } from './template-words.ts';

const NOBODY = { users: new Map(), groups: new Map(), printUser: String, printOwner: () => '' };
const FORMATS: FormatTable = makeFormats(NOBODY, () => ({ ok: true }));

export function renderConfigDocs(): string {
  const sections = renderSections([serverSchema, rulesFileSchema]);
  const later = renderLater(LATER_SERVER_KEYS);
  return [SERVER_INTRODUCTION, ...sections, renderWords(), SELECTORS, later].join('\n');
}

export function renderAgentDocs(): string {
  return [AGENT_INTRODUCTION, ...renderSections([agentSchema]), renderLater(LATER_AGENT_KEYS)].join('\n');
}

function renderSections(schemas: readonly unknown[]): string[] {
  const sections = new Map<string, SchemaFacts>();
  for (const schema of schemas) collect(schema, sections);
  return [...sections].map(([title, facts]) => renderSection(title, facts));
}

/** Every object of the schema by its title, in the order in which a reader meets them. */
function collect(schema: unknown, sections: Map<string, SchemaFacts>): void {
  const facts = factsOf(schema);
  if (facts.title !== undefined && facts.properties !== undefined) sections.set(facts.title, facts);
  for (const property of Object.values(facts.properties ?? {})) {
    collect(property, sections);
    collect(factsOf(property).items, sections);
  }
  for (const one of facts.oneOf ?? []) collect(one, sections);
}

function renderSection(title: string, facts: SchemaFacts): string {
  const rows = Object.entries(facts.properties ?? {}).map(([key, schema]) =>
    renderRow(key, factsOf(schema), facts),
  );
  const examples = (facts.examples ?? []).map((example) => `\`${printJson(example)}\``);
  const example = examples.length === 0 ? '' : `\nFor example ${examples.join(' or ')}.\n`;
  const table = ['| key | value | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
  return `## ${title}\n\n${facts.description ?? ''}\n${example}\n${table}\n`;
}

function renderRow(key: string, facts: SchemaFacts, owner: SchemaFacts): string {
  const fallback = renderFallback(key, facts, owner);
  const own = facts.properties === undefined ? facts : factsOf({ ...facts, examples: [] });
  const examples = (own.examples ?? []).map((example) => `\`${printJson(example)}\``).join(', ');
  const title = facts.title ?? factsOf(facts.items).title;
  const seeAlso = title === undefined ? '' : ` See [${title}](#${anchorOf(title)}).`;
  const meaning = `${facts.description ?? ''}${seeAlso}${examples === '' ? '' : ` Example: ${examples}`}`;
  return `| ${[`\`${key}\``, renderType(facts), fallback, meaning].map(cell).join(' | ')} |`;
}

function renderFallback(key: string, facts: SchemaFacts, owner: SchemaFacts): string {
  if (owner.required?.includes(key)) return 'required';
  if (facts.default !== undefined) return renderDefault(facts);
  return owner.title === 'file' ? 'that of `files`' : '';
}

/** An object that is empty by default stands for the defaults of its keys. */
function renderDefault(facts: SchemaFacts): string {
  return printJson(facts.default) === '{}' ? 'its defaults' : `\`${printJson(facts.default)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function renderType(facts: SchemaFacts): string {
  if (facts.const !== undefined) return `\`${printJson(facts.const)}\``;
  if (facts.enum !== undefined) return facts.enum.map((value) => `\`${printJson(value)}\``).join(', ');
  const low = facts.atLeast ?? facts.minimum;
  const high = facts.atMost ?? facts.maximum;
  const limits = low === undefined ? '' : high === undefined ? `, ${low} or more` : `, ${low} to ${high}`;
  const items = facts.items === undefined ? '' : renderItems(facts);
  return `${typeWords(facts, FORMATS, false)}${items}${facts.format === 'user' || facts.format === 'group' ? '' : limits}`;
}

function renderItems(facts: SchemaFacts): string {
  return [facts.type].flat().length > 1
    ? ' of them'
    : `; each entry ${typeWords(factsOf(facts.items), FORMATS, false)}`;
}

function renderWords(): string {
  const rows = Object.entries(TEMPLATE_WORDS).map(
    ([word, { means, example }]) => `| \`{${word}}\` | ${means} | \`${example}\` |`,
  );
  return `## Template words

The path of a file may hold these words. What a message puts in their place can never leave the root of the file: separators, \`..\`, control characters, empty and overlong values are made safe.

| word | meaning | example |
|---|---|---|
${rows.join('\n')}
`;
}

function renderLater(later: LaterKeys): string {
  const keys = Object.entries(later).flatMap(([title, own]) =>
    Object.entries(own).map(
      ([key, what]) =>
        `| \`${key}\` in ${title === 'Top level' ? 'the top level' : `\`${title}\``} | ${what} |`,
    ),
  );
  return `## Not in this version

These belong to Belfry, but a configuration that uses one is refused until the version that brings it.

| what | belongs to |
|---|---|
${keys.join('\n')}
`;
}

export function renderFaultDocs(): string {
  const exits = Object.entries(EXIT).map(([name, code]) => `| ${code} | ${EXIT_MEANINGS[name] ?? name} |`);
  const rows = Object.entries(FAULTS).map(
    ([code, { exit, means }]) => `| \`${code}\` | ${exit} | ${means} |`,
  );
  return `# Faults

${GENERATED}

A fault is trouble that an operator can mend. Belfry says what happened, where, and how to mend it:

\`\`\`
CONFIG_UNKNOWN_KEY  "fromHostIP" is not a key of a rule's match.
  where  /etc/belfry/server.json, line 14, column 7: rules[2].match.fromHostIP
  mend   Did you mean "fromHostIp"? All keys: docs/config.md#match
\`\`\`

## Codes

| code | exit code | meaning |
|---|---|---|
${rows.join('\n')}

## Exit codes

They are those of sysexits.h, so that a service manager and a script can tell them apart.

| exit code | meaning |
|---|---|
${exits.join('\n')}
`;
}

const EXIT_MEANINGS: Readonly<Record<string, string>> = {
  ok: 'success',
  nothing: 'found nothing, or not reached',
  usage: 'the command line is wrong',
  software: 'a mistake of our own: please report it',
  permission: 'a right is missing',
  config: 'the configuration is wrong, or cannot be carried out on this host',
};

/** For editors. Our own formats and keywords stay in it: an editor passes over what it does not know. */
export function renderPublishedSchema(): string {
  return renderSchema("Belfry's server.json", serverSchema);
}

export function renderPublishedAgentSchema(): string {
  return renderSchema("Belfry's agent.json", agentSchema);
}

function renderSchema(title: string, schema: object): string {
  const published = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    ...schema,
    title,
    allowComments: true,
    allowTrailingCommas: true,
  };
  return `${JSON.stringify(published, undefined, 2)}\n`;
}
