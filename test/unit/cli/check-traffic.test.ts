// `belfry check` on a configuration that watches connections: what it asks for, and what it would bring on this host.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCheck } from '../../../cli/commands/check.ts';
import { makeFolder } from '../../system/programs.ts';

async function check(t: { after(work: () => void): void }, traffic: object, json = false) {
  const folder = makeFolder('check');
  t.after(folder.remove);
  const config = join(folder.path, 'agent.json');
  const log = join(folder.path, 'traffic.log');
  const file = {
    traffic: { log, ...traffic },
    control: { socket: join(folder.path, 'agent.sock') },
  };
  writeFileSync(config, JSON.stringify(file));
  const said = { out: '', err: '' };
  const code = await runCheck(
    { config, json },
    { stdout: (text) => void (said.out += text), stderr: (text) => void (said.err += text) },
  );
  return { code, ...said };
}

test('it says what is watched, and about how much it would be', async (t) => {
  const { code, out } = await check(t, { interfaces: ['lo'], filter: 'port 2525', flowInterval: '60s' });
  assert.equal(code, 0);
  assert.match(out, /\n {2}watches {3}lo with the filter "port 2525", records each 1 min\n/);
  assert.match(out, /\n {4}tells {3}every event, at most 200\/s, 1000 at once\n/);
  assert.match(out, /\n {4}log {5}\/.*traffic\.log\n/);
  assert.match(out, /would bring:\n\n {2}- (?:at most )?about [\d,]+ events \([\d.]+ \w+\) a day: /);
  assert.match(out, /interval records \(/);
  assert.match(out, /"flowInterval" has no effect/);
});

test('a program gets the numbers', async (t) => {
  const { out } = await check(t, { events: ['reset'], rateLimit: false }, true);
  const { ok, traffic } = JSON.parse(out) as { ok: boolean; traffic: Record<string, number> };
  assert.equal(ok, true);
  assert.equal(typeof traffic['eventsPerDay'], 'number');
  assert.equal(traffic['recordsPerDay'], 0);
});

test('a filter that cannot be read is a fault, with its place within the text', async (t) => {
  const { code, err } = await check(t, { filter: 'tcp and port' });
  assert.equal(code, 78);
  assert.match(err, /CONFIG_BAD_FILTER {2}The filter "tcp and port", at its character 13/);
});
