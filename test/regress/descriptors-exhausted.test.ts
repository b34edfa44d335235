// When no descriptor was left for a new connection, the lane was told of it again and again without a pause:
// one core was busy with nothing, and the log had a line each second.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BELFRY, writeConfig } from '../system/belfry.ts';
import { freePort, makeFolder, startProgram, waitUntil } from '../system/programs.ts';

/** Connections for which there are descriptors, and those that come. */
const ROOM = 60;
const CLIENTS = 100;

/** CPU time of a process so far, in ticks of 10 ms: fields 14 and 15 of proc(5)'s stat. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

test('without descriptors it waits quietly, and goes on when there are some', async (t) => {
  if (spawnSync('prlimit', ['--version']).status !== 0) return t.skip('prlimit (util-linux) is not there');
  const folder = makeFolder('descriptors');
  t.after(folder.remove);
  const port = await freePort();
  const config = writeConfig(folder.path, port, { rules: [{ file: 'all.log' }] });
  const program = startProgram(BELFRY, ['serve', '-c', config]);
  t.after(() => program.stop());
  await waitUntil('belfry is ready', () => /\bready\b/.test(program.stderr));
  // Only now: while Node loads the program, some hundred files may be open for a moment.
  const most = readdirSync(`/proc/${program.pid}/fd`).length + ROOM;
  execFileSync('prlimit', ['--pid', String(program.pid), `--nofile=${most}:${most}`]);
  const clients: Socket[] = [];
  t.after(() => clients.forEach((client) => client.destroy()));
  for (let at = 0; at < CLIENTS; at += 1) {
    const client = connect(port, '127.0.0.1');
    client.on('error', () => undefined);
    await once(client, 'connect');
    clients.push(client);
  }
  await waitUntil('it says so', () => /No descriptor is left/.test(program.stderr));
  const before = ticksOf(program.pid);
  await sleep(2500);
  const used = ticksOf(program.pid) - before;
  assert.ok(used < 100, `${used * 10} ms of CPU time in 2.5 s`);
  assert.equal(program.stderr.match(/No descriptor is left/g)?.length, 1);
  clients.at(-1)?.write('<13>Nov 20 12:34:15 web1 app: of one who waited\n');
  for (const client of clients.slice(0, ROOM)) client.destroy();
  const path = join(folder.path, 'out/all.log');
  await waitUntil(
    'who waited is heard',
    () => existsSync(path) && readFileSync(path, 'utf8').includes('waited'),
  );
});
