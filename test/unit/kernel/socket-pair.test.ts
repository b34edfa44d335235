// Two ends of one connection within a process: what is written into one comes out of the other, in both directions.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { openSocketPair } from '../../../kernel/socket-pair.ts';
import { closeSocket } from '../../../kernel/socket.ts';
import { readStream, streamError } from '../../../kernel/stream.ts';

function pair() {
  const opened = openSocketPair();
  assert.ok(opened.ok);
  return opened;
}

test('bytes go both ways, and an end is heard', async () => {
  const { near, far } = pair();
  const one = new Socket({ fd: near, allowHalfOpen: true });
  const other = new Socket({ fd: far, allowHalfOpen: true });
  const heard = Promise.all([once(other, 'data'), once(one, 'data'), once(one, 'end'), once(other, 'end')]);
  one.end('there');
  other.end('back');
  const [there, back] = await heard;
  assert.deepEqual([String(there), String(back)], ['there', 'back']);
  one.destroy();
  other.destroy();
});

test('neither end blocks, and none goes to a program that is started', () => {
  const { near, far } = pair();
  assert.equal(readStream(near, new Uint8Array(1)), -1);
  assert.equal(streamError(), 'EAGAIN');
  for (const fd of [near, far]) {
    const [, flags = ''] = /flags:\s*0(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
    assert.equal(Number.parseInt(flags, 8) & 0o2004000, 0o2004000, 'close-on-exec and non-blocking');
  }
  closeSocket(far);
  assert.equal(readStream(near, new Uint8Array(1)), 0);
  closeSocket(near);
});
