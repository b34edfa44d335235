// What follows from the schema: docs, the file for editors, the examples that an operator starts from.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'jsonc-parser';
import { FAULTS } from '../../../base/fault.ts';
import { makeFormats } from '../../../config/formats.ts';
import { agentSchema } from '../../../config/agent.schema.ts';
import {
  renderAgentDocs,
  renderConfigDocs,
  renderFaultDocs,
  renderPublishedAgentSchema,
  renderPublishedSchema,
} from '../../../config/render.ts';
import { factsOf } from '../../../config/schema-facts.ts';
import { rulesFileSchema, serverSchema } from '../../../config/server.schema.ts';
import { TEMPLATE_WORDS } from '../../../config/template-words.ts';
import { load, loadAgent, loadAny, makeFiles } from './marked.ts';

const EXAMPLES = join(import.meta.dirname, '../../../../config/examples');

/** Every key of the schema with what is said about it. */
function allKeys(schema: unknown, path = ''): [string, unknown][] {
  const { properties, items, oneOf } = factsOf(schema);
  const own = Object.entries(properties ?? {}).flatMap(([key, value]): [string, unknown][] => [
    [`${path}.${key}`, value],
    ...allKeys(value, `${path}.${key}`),
  ]);
  const ways = (oneOf ?? []).flatMap((one) => allKeys(one, path));
  return [...own, ...ways, ...(items === undefined ? [] : allKeys(items, `${path}[]`))];
}

test('the schemas are valid JSON schema, and every format in them has a check', () => {
  const ajv = new Ajv({ strict: true, strictTypes: true, allowUnionTypes: true, discriminator: true });
  const accounts = { users: new Map(), groups: new Map(), printUser: String, printOwner: () => '' };
  for (const name of Object.keys(makeFormats(accounts, () => ({ ok: true }))))
    ajv.addFormat(name, () => true);
  for (const keyword of ['atLeast', 'atMost']) ajv.addKeyword({ keyword, schemaType: 'string' });
  ajv.compile(serverSchema);
  ajv.compile(rulesFileSchema);
  ajv.compile(agentSchema);
});

const PAGES = [
  { schema: serverSchema, docs: renderConfigDocs(), keysMin: 60 },
  { schema: agentSchema, docs: renderAgentDocs(), keysMin: 60 },
] as const;

test('every key says what it means, and is in the docs', () => {
  for (const { schema, docs, keysMin } of PAGES) {
    const keys = allKeys(schema);
    assert.ok(keys.length > keysMin, String(keys.length));
    for (const [path, own] of keys) {
      const key = path.slice(path.lastIndexOf('.') + 1);
      const { description } = factsOf(own);
      assert.ok(description?.endsWith('.'), `${path} has no whole sentence`);
      assert.ok(docs.includes(`| \`${key}\` |`), `${path} is not in the docs`);
    }
  }
  const docs = renderConfigDocs();
  for (const word of Object.keys(TEMPLATE_WORDS)) assert.ok(docs.includes(`| \`{${word}}\` |`), word);
});

test('every link in the docs leads to a heading', () => {
  const anchorsOf = (docs: string) =>
    [...docs.matchAll(/^## (.*)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(' ', '-'));
  for (const { docs } of PAGES) {
    for (const [, page, anchor = ''] of docs.matchAll(/\]\((config\.md)?#([^)]*)\)/g))
      assert.ok(anchorsOf(page === undefined ? docs : renderConfigDocs()).includes(anchor), anchor);
  }
});

test('every table of the docs has as many cells in each row', () => {
  for (const line of PAGES.flatMap(({ docs }) => docs.split('\n'))) {
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

function isAgent(name: string): boolean {
  return name.startsWith('agent');
}

test('the schemas for editors take the examples', () => {
  const ajv = new Ajv({ strict: false, validateFormats: false, logger: false });
  const server = ajv.compile(JSON.parse(renderPublishedSchema()) as object);
  const agent = ajv.compile(JSON.parse(renderPublishedAgentSchema()) as object);
  for (const name of readdirSync(EXAMPLES)) {
    const value: unknown = parse(readFileSync(join(EXAMPLES, name), 'utf8'));
    const [own, other] = isAgent(name) ? [agent, server] : [server, agent];
    assert.ok(own(value), `${name}: ${ajv.errorsText(own.errors)}`);
    assert.ok(!other(value), name);
  }
});

test('the schemas for editors need no keyword that they do not declare', () => {
  const ajv = new Ajv({ strict: false, validateFormats: false, logger: false });
  const agent = ajv.compile(JSON.parse(renderPublishedAgentSchema()) as object);
  assert.equal(agent({ inputs: [{ type: 'journald', path: '/a' }] }), false);
  assert.equal(agent({ inputs: [{ type: 'file' }] }), false);
  assert.equal(agent({ inputs: [{ type: 'file', path: '/a' }] }), true);
});

test('the examples have no fault and nothing worth a note', () => {
  const names = readdirSync(EXAMPLES);
  assert.ok(names.length >= 5);
  for (const name of names) {
    const { kind, loaded } = loadAny(join(EXAMPLES, name));
    assert.deepEqual([...loaded.faults, ...loaded.notes], [], name);
    assert.ok(loaded.config);
    assert.equal(kind, isAgent(name) ? 'agent' : 'server');
  }
});

test('what is commented out in the examples is good too, once its slashes are gone', (t) => {
  for (const name of ['agent.json', 'server-tls.json']) {
    const text = readFileSync(join(EXAMPLES, name), 'utf8');
    const opened = text.replace(/^( *)\/\/ ( *[{}"].*)$/gm, '$1$2');
    assert.notEqual(opened, text);
    const { faults } = loadAny(join(makeFiles(t, { [name]: opened }), name)).loaded;
    assert.deepEqual(faults, [], opened);
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
    assert.deepEqual([listen.host, listen.port], ['127.0.0.1', listen.transport === 'relp' ? 2514 : 5514]);
  const schema = /"\$schema": "(.*)"/.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
  assert.ok(existsSync(join(EXAMPLES, schema)), schema);
});

test('the local agent sends to the local server, and reads nothing that the server writes', () => {
  const { config } = loadAgent(join(EXAMPLES, 'agent-local.json'));
  const server = load(join(EXAMPLES, 'local.json')).config;
  assert.ok(config && server);
  const project = dirname(dirname(EXAMPLES));
  const targets = server.syslog.listen.map(({ transport, host, port }) => `${transport} ${host} ${port}`);
  for (const { to, queue } of config.destinations) {
    for (const { scheme, host, port } of to) assert.ok(targets.includes(`${scheme} ${host} ${port}`));
    assert.ok(queue.directory.startsWith(join(project, 'var/queue/')));
  }
  assert.ok(config.control.socket.startsWith(join(project, 'var/')));
  assert.notEqual(config.control.socket, server.control.socket);
  for (const input of config.inputs) {
    if (input.type === 'file')
      for (const path of input.paths) assert.ok(path.startsWith(join(project, 'var/in/')), path);
    if (input.type === 'listen')
      for (const { host, port } of input.listen) assert.deepEqual([host, port], ['127.0.0.1', 5515]);
  }
});
