// The pages for operators are tried out: each configuration they show is one that Belfry takes, each rule of the table
// is one, the openssl lines make certificates that both configurations can use, and Prometheus takes the alarms, whose
// metrics all exist.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { loadAgentConfig } from '../../config/agent-load.ts';
import { loadServerConfig } from '../../config/load.ts';
import { compileSelector } from '../../syslog/selector.ts';
import { checkFilter } from '../../traffic/filter/parse.ts';
import { NO_OPENSSL } from './certificates.ts';
import { demandPeer, skipWithout } from './peers.ts';
import { makeFolder } from './programs.ts';

const PAGES = join(import.meta.dirname, '../../../docs/operate');
const LOADING = { checkFilter, checkSelector: compileSelector, checkFiles: false };

function page(name: string): string {
  return readFileSync(join(PAGES, name), 'utf8');
}

/** The blocks of a page in this language, in order. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, block]) => block ?? '',
  );
}

function faultsOf(path: string, load: typeof loadServerConfig | typeof loadAgentConfig): string[] {
  return load(path, LOADING).faults.map((fault) => `${fault.code} ${fault.message}`);
}

test('the configuration of the rules page is taken, and so is each rule of its table', (t) => {
  const folder = makeFolder('operate');
  t.after(folder.remove);
  const path = join(folder.path, 'server.json');
  const [whole] = blocks(page('rules.md'), 'jsonc');
  writeFileSync(path, whole ?? '');
  assert.deepEqual(faultsOf(path, loadServerConfig), []);
  const rules = [...page('rules.md').matchAll(/\| `(\{ .* \})` \|$/gm)].map(([, rule]) =>
    rule?.replaceAll('\\|', '|'),
  );
  assert.ok(rules.length >= 12, `${rules.length} rules`);
  for (const rule of rules) {
    writeFileSync(path, `{ "syslog": { "listen": ["udp://127.0.0.1:5514"] }, "rules": [${rule}] }`);
    assert.deepEqual(faultsOf(path, loadServerConfig), [], rule);
  }
});

test('the steps of the TLS page make what its configurations need', { skip: NO_OPENSSL }, (t) => {
  const folder = makeFolder('operate');
  t.after(folder.remove);
  for (const script of blocks(page('tls.md'), 'sh'))
    execFileSync('sh', ['-euc', script], { cwd: folder.path, stdio: ['ignore', 'pipe', 'pipe'] });
  const [server = '', agent = ''] = blocks(page('tls.md'), 'jsonc');
  writeFileSync(join(folder.path, 'server.json'), server);
  writeFileSync(join(folder.path, 'agent.json'), agent);
  const named = [...`${server}${agent}`.matchAll(/"(\w+\.(?:pem|key))"/g)].map(([, name]) => name ?? '');
  assert.ok(named.length >= 6, `${named.length} files`);
  assert.deepEqual(
    named.filter((name) => !existsSync(join(folder.path, name))),
    [],
  );
  assert.deepEqual(faultsOf(join(folder.path, 'server.json'), loadServerConfig), []);
  assert.deepEqual(faultsOf(join(folder.path, 'agent.json'), loadAgentConfig), []);
});

test('every alarm is on its page, and looks at metrics that there are', () => {
  const rules = page('alarms.yml');
  const metrics = readFileSync(join(PAGES, '../metrics.md'), 'utf8');
  const used = [...new Set(rules.match(/belfry_\w+/g) ?? [])];
  assert.ok(used.length >= 9, `${used.length} metrics`);
  assert.deepEqual(
    used.filter((name) => !metrics.includes(`\`${name}\``)),
    [],
  );
  const alarms = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name ?? '');
  assert.deepEqual(
    alarms.filter((name) => !page('alarms.md').includes(`\`${name}\``)),
    [],
  );
});

test('Prometheus takes the alarms', { skip: skipWithout('promtool') }, () => {
  const { path, args, env } = demandPeer('promtool');
  const words = [...args, 'check', 'rules', join(PAGES, 'alarms.yml')];
  assert.match(
    execFileSync(path, words, { env: { ...process.env, ...env }, encoding: 'utf8' }),
    /SUCCESS: \d+ rules/,
  );
});
