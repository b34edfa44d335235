// Asking a running program: which socket is asked, and what a strange answer is taken for.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Fault } from '../../../base/fault.ts';
import { ask } from '../../../cli/control-client.ts';
import { sampleStatus, useFolder } from '../daemon/samples.ts';
import { useAnswers } from './use-answers.ts';

async function faultOf(asking: Promise<unknown>): Promise<Fault> {
  const error: unknown = await asking.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Fault, String(error));
  return error;
}

/** Something that listens and is no Belfry. */
async function useStranger(t: TestContext, meet: (socket: Socket) => void): Promise<string> {
  const path = join(useFolder(t), 'stranger.sock');
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    meet(socket);
  }).listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  return path;
}

test('the configuration names the socket', async (t) => {
  const socket = await useAnswers(t);
  const config = join(useFolder(t), 'server.json');
  writeFileSync(config, JSON.stringify({ rules: [{ file: 'a.log' }], control: { socket } }));
  assert.deepEqual(await ask('status', { config }), sampleStatus());
  assert.deepEqual(await ask('status', { config: '/nowhere', socket }), sampleStatus(), '--socket wins');
});

test('a configuration that cannot be read is that fault', async (t) => {
  const config = join(useFolder(t), 'server.json');
  assert.equal((await faultOf(ask('status', { config }))).code, 'CONFIG_NOT_FOUND');
  writeFileSync(config, '{');
  assert.equal((await faultOf(ask('status', { config }))).exit, 78);
});

test('nobody there, and a file that is no socket', async (t) => {
  const folder = useFolder(t);
  assert.match((await faultOf(ask('status', { socket: join(folder, 'x') }))).text.what, /ENOENT/);
  writeFileSync(join(folder, 'file'), '');
  assert.equal((await faultOf(ask('status', { socket: join(folder, 'file') }))).code, 'CONTROL_NOT_REACHED');
});

test('who hangs up, and who answers something else, is not reached either', async (t) => {
  const mute = await useStranger(t, (socket) => socket.destroy());
  assert.equal((await faultOf(ask('status', { socket: mute }))).code, 'CONTROL_NOT_REACHED');
  const silent = await useStranger(t, (socket) => socket.end());
  assert.match((await faultOf(ask('status', { socket: silent }))).text.what, /hung up without an answer/);
  const http = await useStranger(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  assert.equal((await faultOf(ask('status', { socket: http }))).code, 'CONTROL_NOT_REACHED');
});

test('a program of another version says what it does not know', async (t) => {
  const other = await useStranger(t, (socket) => {
    socket.once('data', () => socket.end('{"ok":false,"error":"The questions are: status."}\n'));
  });
  const fault = await faultOf(ask('senders', { socket: other }));
  assert.match(fault.text.what, /does not answer that: The questions are: status\./);
  assert.equal(fault.exit, 1);
});
