// A thread closed its bell when it ended, while the other end could still be pulled: an order that crossed the end of its
// thread ended the agent with EBADF. Had another file taken the number meanwhile, the bell would have rung into that file.

import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MessagePort } from 'node:worker_threads';
import { parseAddress } from '../../base/ip.ts';
import { Datagrams } from '../../client/inputs/datagrams/datagrams.ts';
import { nap } from '../../kernel/datagrams.ts';
import { openBound } from '../../kernel/socket.ts';
import { makeFolder } from '../system/programs.ts';

/** More than the thread's descriptors, so that its bell's number is among them. */
const FILES = 20;

test('an order that crosses the end of its thread rings no other file', async (t) => {
  const folder = makeFolder('bell');
  t.after(folder.remove);
  const files: number[] = [];
  t.after(() => files.forEach((fd) => closeSync(fd)));
  const datagrams = new Datagrams(8192, (error) => assert.fail(error));
  const address = parseAddress('127.0.0.1');
  assert.ok(address);
  const inlet = datagrams.openQueue(() => undefined);
  const bound = openBound({ kind: 'udp', address, port: 0, reusePort: false, v6Only: false });
  assert.ok(bound.ok);
  await inlet.watch({ fd: bound.socket.fd, kind: 'udp', allow: [] });
  // The thread wakes by the first order's bell and takes both; the second one's is rung when it has long ended.
  const post = MessagePort.prototype.postMessage;
  t.mock.method(MessagePort.prototype, 'postMessage', function (this: MessagePort, order: { kind: string }) {
    post.call(this, order);
    if (order.kind !== 'stop') return;
    for (let i = 0; i < 6; i += 1) nap(50);
    for (let i = 0; i < FILES; i += 1) files.push(openSync(join(folder.path, String(i)), 'w'));
  });
  await Promise.all([inlet.close(), datagrams.stop()]);
  assert.equal(files.length, FILES);
  assert.deepEqual(
    files.map((fd) => fstatSync(fd).size),
    files.map(() => 0),
  );
});
