// What follows from the schema: docs, the file for editors, the examples that an operator starts from.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'jsonc-parser';
import { FAULTS } from '../../../base/fault.ts';
import { makeFormats } from '../../../config/formats.ts';
import { renderConfigDocs, renderFaultDocs, renderPublishedSchema } from '../../../config/render.ts';
import { factsOf } from '../../../config/schema-facts.ts';
import { rulesFileSchema, serverSchema } from '../../../config/server.schema.ts';
import { TEMPLATE_WORDS } from '../../../config/template-words.ts';
import { load } from './marked.ts';

const EXAMPLES = join(import.meta.dirname, '../../../../config/examples');

/** Every key of the schema with what is said about it. */
function allKeys(schema: unknown, path = ''): [string, unknown][] {
  const { properties, items } = factsOf(schema);
  const own = Object.entries(properties ?? {}).flatMap(([key, value]): [string, unknown][] => [
    [`${path}.${key}`, value],
    ...allKeys(value, `${path}.${key}`),
  ]);
  return items === undefined ? own : [...own, ...allKeys(items, `${path}[]`)];
}

test('the schemas are valid JSON schema, and every format in them has a check', () => {
  const ajv = new Ajv({ strict: true, strictTypes: true, allowUnionTypes: true });
  const accounts = { users: new Map(), groups: new Map(), printUser: String, printOwner: () => '' };
  for (const name of Object.keys(makeFormats(accounts, () => ({ ok: true }))))
    ajv.addFormat(name, () => true);
  for (const keyword of ['atLeast', 'atMost']) ajv.addKeyword({ keyword, schemaType: 'string' });
  ajv.compile(serverSchema);
  ajv.compile(rulesFileSchema);
});

test('every key says what it means, and is in the docs', () => {
  const docs = renderConfigDocs();
  const keys = allKeys(serverSchema);
  assert.ok(keys.length > 50);
  for (const [path, schema] of keys) {
    const key = path.slice(path.lastIndexOf('.') + 1);
    const { description } = factsOf(schema);
    assert.ok(description?.endsWith('.'), `${path} has no whole sentence`);
    assert.ok(docs.includes(`| \`${key}\` |`), `${path} is not in the docs`);
  }
  for (const word of Object.keys(TEMPLATE_WORDS)) assert.ok(docs.includes(`| \`{${word}}\` |`), word);
});

test('every link in the docs leads to a heading', () => {
  const docs = renderConfigDocs();
  const anchors = [...docs.matchAll(/^## (.*)$/gm)].map(([, title = '']) =>
    title.toLowerCase().replaceAll(' ', '-'),
  );
  for (const [, anchor = ''] of docs.matchAll(/\]\(#([^)]*)\)/g)) assert.ok(anchors.includes(anchor), anchor);
});

test('every table of the docs has as many cells in each row', () => {
  for (const line of renderConfigDocs().split('\n')) {
    if (!line.startsWith('| `')) continue;
    const cells = line.split(/(?<!\\)\|/).length - 2;
    assert.ok(cells >= 2 && cells <= 4, line);
  }
});

test('every fault is in the docs', () => {
  const docs = renderFaultDocs();
  for (const [code, { means }] of Object.entries(FAULTS))
    assert.ok(docs.includes(`| \`${code}\` | `) && docs.includes(means), code);
});

test('the schema for editors takes the examples', () => {
  const ajv = new Ajv({ strict: false, validateFormats: false, logger: false });
  const validate = ajv.compile(JSON.parse(renderPublishedSchema()) as object);
  for (const name of readdirSync(EXAMPLES)) {
    const value: unknown = parse(readFileSync(join(EXAMPLES, name), 'utf8'));
    assert.ok(validate(value), `${name}: ${ajv.errorsText(validate.errors)}`);
  }
});

test('the examples have no fault and nothing worth a note', () => {
  for (const name of readdirSync(EXAMPLES)) {
    const { config, faults, notes } = load(join(EXAMPLES, name));
    assert.deepEqual([...faults, ...notes], [], name);
    assert.ok(config);
  }
});

test('the local example stays within the project and on the loopback address', () => {
  const path = join(EXAMPLES, 'local.json');
  const { config } = load(path);
  const project = dirname(dirname(EXAMPLES));
  assert.equal(config?.files.root, join(project, 'var/log'));
  assert.ok(config?.control.socket.startsWith(join(project, 'var/')));
  for (const rule of config?.rules ?? []) assert.equal(rule.file?.root, join(project, 'var/log'));
  for (const listen of config?.syslog.listen ?? [])
    assert.deepEqual([listen.host, listen.port], ['127.0.0.1', 5514]);
  const schema = /"\$schema": "(.*)"/.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
  assert.ok(existsSync(join(EXAMPLES, schema)), schema);
});
