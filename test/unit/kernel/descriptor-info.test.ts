// What /proc/PID/fdinfo tells of a socket, held against the socket itself.

import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { hasDescriptorInfo, readSocketInode } from '../../../kernel/descriptor-info.ts';
import { openSocketPair } from '../../../kernel/socket-pair.ts';
import { closeSocket } from '../../../kernel/socket.ts';

const inodeOf = (fd: number) => readSocketInode(Buffer.from(`/proc/self/fdinfo/${fd}\0`));

test('the inode of a socket, and of nothing else', (t) => {
  if (!/^ino:/m.test(readFileSync('/proc/self/fdinfo/0', 'latin1'))) {
    assert.equal(hasDescriptorInfo(), false);
    return t.skip('this kernel is older than 5.14');
  }
  assert.equal(hasDescriptorInfo(), true);
  const pair = openSocketPair();
  assert.ok(pair.ok);
  t.after(() => {
    closeSocket(pair.near);
    closeSocket(pair.far);
  });
  for (const fd of [pair.near, pair.far]) assert.equal(inodeOf(fd), fstatSync(fd).ino);
  const file = openSync(import.meta.filename, 'r');
  t.after(() => closeSync(file));
  assert.equal(inodeOf(file), 0, 'a file has an inode of another mount');
  assert.equal(inodeOf(987_654), 0, 'no such descriptor');
});
