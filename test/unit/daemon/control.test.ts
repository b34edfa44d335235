// The control socket: one question, one answer, and nothing that a client sends can hurt the server.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Fault } from '../../../base/fault.ts';
import { type ControlServer, QUESTION_BYTES_MAX } from '../../../base/control-socket.ts';
import { openControl } from '../../../daemon/control/control.ts';
import type { Asked } from '../../../daemon/http/http.ts';
import { sampleStatus, useFolder } from './samples.ts';

const asked: Asked = { status: () => sampleStatus(), senders: () => [], clients: () => [] };

async function useControl(t: TestContext, mode = 0o660, answers = asked): Promise<string> {
  const socket = join(useFolder(t), 'run', 'control.sock');
  const server = await openControl({ socket, mode }, answers);
  t.after(() => server.stop());
  return socket;
}

/** Everything the server says until it hangs up. */
async function exchange(path: string, sent: string | Uint8Array): Promise<string> {
  let text = '';
  const socket = connect(path);
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  socket.on('error', () => undefined);
  socket.write(sent);
  await once(socket, 'close');
  return text;
}

test('a question is answered in one line', async (t) => {
  const path = await useControl(t);
  const text = await exchange(path, '{"ask":"status"}\n');
  assert.ok(text.endsWith('\n') && text.indexOf('\n') === text.length - 1);
  assert.deepEqual(JSON.parse(text), { ok: true, answer: sampleStatus() });
  assert.deepEqual(JSON.parse(await exchange(path, '{"ask":"senders"}\n')), { ok: true, answer: [] });
});

test('whatever is no question is told so, and the server lives on', async (t) => {
  const path = await useControl(t);
  const odd = [
    'null',
    '7',
    '"status"',
    '[]',
    '{}',
    '',
    'GET / HTTP/1.1',
    '{"ask":"__proto__"}',
    '{"ask":null}',
  ];
  for (const line of [...odd, '{"ask":"constructor"}', '\u0000', '{"ask":["status"]}']) {
    const answer = JSON.parse(await exchange(path, `${line}\n`)) as { ok: boolean; error: string };
    assert.equal(answer.ok, false, line);
    assert.match(answer.error, /question/, line);
  }
  assert.equal(
    await exchange(path, Buffer.from([0xff, 0xfe, 10])).then((text) => text.includes('"ok":false')),
    true,
  );
  assert.match(await exchange(path, '{"ask":"status"}\n'), /"ok":true/);
});

test('a question that is too long is not answered', async (t) => {
  const path = await useControl(t);
  const endless = 'x'.repeat(QUESTION_BYTES_MAX + 1);
  assert.equal(await exchange(path, endless), '');
  assert.equal(await exchange(path, `{"ask":"status","pad":"${endless}"}\n`), '');
  assert.match(await exchange(path, '{"ask":"status"}\n'), /"ok":true/);
});

test('the first of two questions is answered, and whole', async (t) => {
  const many = Array.from({ length: 20_000 }, (_, at) => ({
    host: `host-${at}`,
    fromHostIp: '127.0.0.1',
    messages: at,
    bytes: at,
    unparsed: 0,
    rate: 0,
    lastSeen: '2026-11-20T12:00:00.000Z',
    skewMs: null,
    silentSince: null,
  }));
  const path = await useControl(t, 0o660, { ...asked, senders: () => many });
  let text = '';
  const socket = connect(path);
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  socket.write('{"ask":"senders"}\n{"ask":"status"}\n');
  setTimeout(() => socket.write('{"ask":"status"}\n'), 2);
  socket.on('error', () => undefined);
  await once(socket, 'close');
  assert.deepEqual(JSON.parse(text), { ok: true, answer: many });
});

test('a question may come in pieces', async (t) => {
  const path = await useControl(t);
  const socket = connect(path).setEncoding('utf8');
  let text = '';
  socket.on('data', (part: string) => {
    text += part;
  });
  // Listened for before the last letter: the server hangs up as soon as it has answered.
  const closed = once(socket, 'close');
  for (const letter of '{"ask":"senders"}\n') {
    socket.write(letter);
    await new Promise((done) => setTimeout(done, 1));
  }
  await closed;
  assert.deepEqual(JSON.parse(text), { ok: true, answer: [] });
});

test('who may ask is the mode of the file', async (t) => {
  const path = await useControl(t, 0o600);
  assert.equal(lstatSync(path).mode & 0o777, 0o600);
});

/** A socket file that nobody listens on, as a killed process leaves it. */
function leaveStale(path: string): void {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  assert.ok(lstatSync(path).isSocket());
}

test('a socket file that a killed server left is taken over', async (t) => {
  const path = join(useFolder(t), 'control.sock');
  leaveStale(path);
  const server = await openControl({ socket: path, mode: 0o660 }, asked);
  assert.match(await exchange(path, '{"ask":"status"}\n'), /"ok":true/);
  await server.stop();
  assert.equal(existsSync(path), false);
});

async function faultOf(opening: Promise<ControlServer>): Promise<Fault> {
  try {
    await (await opening).stop();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('it opened');
}

test('a second server on the same path is a fault, and the first goes on', async (t) => {
  const path = await useControl(t);
  const fault = await faultOf(openControl({ socket: path, mode: 0o660 }, asked));
  assert.equal(fault.code, 'CONTROL_IN_USE');
  assert.equal(fault.text.where, path);
  assert.match(await exchange(path, '{"ask":"status"}\n'), /"ok":true/);
});

test('a file that is no socket is left where it is', async (t) => {
  const path = join(useFolder(t), 'precious.log');
  writeFileSync(path, 'the only copy\n');
  const fault = await faultOf(openControl({ socket: path, mode: 0o660 }, asked));
  assert.equal(fault.code, 'CONTROL_FAILED');
  assert.equal(readFileSync(path, 'utf8'), 'the only copy\n');
});

test('a socket that is alive but closed to us is not taken away', async (t) => {
  if (process.getuid?.() === 0) return t.skip('root may open every socket');
  const path = join(useFolder(t), 'other.sock');
  const other = createServer().listen(path);
  t.after(() => other.close());
  await once(other, 'listening');
  chmodSync(path, 0);
  assert.equal((await faultOf(openControl({ socket: path, mode: 0o660 }, asked))).code, 'CONTROL_IN_USE');
  assert.ok(existsSync(path));
});

test('a path that cannot be is a fault that says why', async (t) => {
  const folder = useFolder(t);
  writeFileSync(join(folder, 'file'), '');
  const fault = await faultOf(openControl({ socket: join(folder, 'file', 'x.sock'), mode: 0o660 }, asked));
  assert.equal(fault.code, 'CONTROL_FAILED');
  assert.match(fault.text.what, /ENOTDIR|EEXIST/);
  const long = join(folder, 'x'.repeat(200));
  assert.equal((await faultOf(openControl({ socket: long, mode: 0o660 }, asked))).code, 'CONTROL_FAILED');
});

test('a client that asks nothing does not hold up the stop', async (t) => {
  const socket = join(useFolder(t), 'control.sock');
  const server = await openControl({ socket, mode: 0o660 }, asked);
  const idle = connect(socket);
  await once(idle, 'connect');
  idle.on('error', () => undefined);
  const startedAt = performance.now();
  await server.stop();
  assert.ok(performance.now() - startedAt < 2000);
});
