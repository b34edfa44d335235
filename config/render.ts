// Writes what follows from the declarations: docs/config.md, docs/faults.md and the schema file for editors.
// Pure: tools/docs.ts puts the texts on the disk, a test demands that they are there unchanged.

import { EXIT, FAULTS } from '../base/fault.ts';
import { makeFormats } from './formats.ts';
import { LATER_SERVER_KEYS } from './later.ts';
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

const GENERATED = '<!-- Made by `npm run docs`: change the declarations, not this file. -->';

const NOBODY = { users: new Map(), groups: new Map(), printUser: String, printOwner: () => '' };
const FORMATS: FormatTable = makeFormats(NOBODY, () => ({ ok: true }));

const INTRODUCTION = `# server.json

${GENERATED}

The configuration of \`belfry serve\`, by default \`/etc/belfry/server.json\`. Every key has a default but the rules, so this is a whole configuration:

\`\`\`jsonc
{
  "rules": [{ "file": "{host}/{program}.log" }]   // below /var/log/belfry
}
\`\`\`

Longer ones to start from: \`config/examples/server.json\` for a server of a site, \`config/examples/local.json\` to try Belfry out.

- **Check it** with \`belfry check -c FILE\`: all faults at once, each with line, column and how to mend it ([all faults](faults.md)). With \`--json\` for programs. Run it as the user that the service runs as, since it also looks whether the log files can be written.
- **It takes effect** at the start and at SIGHUP. A file with a fault changes nothing in a running server.
- **It is JSON**; comments (\`// …\` and \`/* … */\`) and a comma behind the last entry are allowed. Keys that Belfry does not know are refused.
- **Relative paths** are taken from the folder of the file that they stand in, not from the directory that Belfry was started in. Paths in rules are taken from \`files.root\`.
- **Sizes** are a number and \`B\`, \`KiB\`, \`MiB\`, \`GiB\` (powers of two) or \`kB\`, \`MB\`, \`GB\` (powers of ten). **Spans of time** are numbers with \`ms\`, \`s\`, \`min\`, \`h\`, \`d\`, \`w\`, as in \`"1h30min"\`.
- **Addresses** are IP addresses; names are never looked up. A CIDR range such as \`172.31.96.0/20\` has no bits set behind its length.
- **Editors** complete and explain the keys when the file begins with \`"$schema"\` and the path of \`config/published/server.schema.json\`.
`;

const SELECTORS = `## Selectors

The value of \`select\` is the selector of syslog.conf: parts with \`;\` between them, each of facilities, a dot, and a severity. Later parts change what earlier ones chose.

| selector | chooses |
|---|---|
| \`*.*\` | everything |
| \`mail.err\` | facility mail, severity err and all that are more severe |
| \`auth,authpriv.*\` | two facilities, any severity |
| \`kern.=debug\` | facility kern, severity debug alone |
| \`*.info;mail.none\` | info and more severe, but nothing of mail |
| \`*.*;*.!warning\` | everything below warning |
| \`*.*;*.!=info\` | everything but info |

Facilities: kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, authpriv, ftp, local0 to local7. Severities, most severe first: emerg, alert, crit, err, warning, notice, info, debug.
`;

export function renderConfigDocs(): string {
  const sections = new Map<string, SchemaFacts>();
  collect(serverSchema, sections);
  collect(rulesFileSchema, sections);
  const parts = [...sections].map(([title, facts]) => renderSection(title, facts));
  return `${[INTRODUCTION, ...parts, renderWords(), SELECTORS, renderLater()].join('\n')}`;
}

/** Every object of the schema by its title, in the order in which a reader meets them. */
function collect(schema: unknown, sections: Map<string, SchemaFacts>): void {
  const facts = factsOf(schema);
  if (facts.title !== undefined && facts.properties !== undefined) sections.set(facts.title, facts);
  for (const property of Object.values(facts.properties ?? {})) {
    collect(property, sections);
    collect(factsOf(property).items, sections);
  }
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

function renderLater(): string {
  const keys = Object.entries(LATER_SERVER_KEYS).flatMap(([title, own]) =>
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
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: "Belfry's server.json",
    ...withoutTitle(serverSchema),
    allowComments: true,
    allowTrailingCommas: true,
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

function withoutTitle(schema: typeof serverSchema): Omit<typeof serverSchema, 'title'> {
  const { title: _, ...rest } = schema;
  return rest;
}
