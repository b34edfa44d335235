// A .socket unit gives a socket a receive buffer beyond net.core.rmem_max (ReceiveBuffer=), since the service
// manager may. A service without that right asked for even more, and the kernel cut the buffer to its limit.

import assert from 'node:assert/strict';
import { geteuid, seteuid } from 'node:process';
import { test } from 'node:test';
import { parseAddress } from '../../base/ip.ts';
import { closeSocket, growReceiveBuffer, openBound } from '../../kernel/socket.ts';

/** nobody: any account without rights. */
const UNPRIVILEGED = 65534;
const GIVEN = 96 * 1024 * 1024;

const skip = geteuid?.() === 0 ? false : 'only root may give a buffer beyond the limit';

test('a buffer beyond the limit is not cut by a service that may not give it', { skip }, (t) => {
  const address = parseAddress('127.0.0.1');
  assert.ok(address);
  const bound = openBound({ kind: 'udp', address, port: 0, reusePort: false, v6Only: false });
  assert.ok(bound.ok);
  const { fd } = bound.socket;
  t.after(() => closeSocket(fd));
  if (!growReceiveBuffer(fd, GIVEN).whole) return t.skip('root in this container may not either');
  seteuid?.(UNPRIVILEGED);
  try {
    assert.deepEqual(growReceiveBuffer(fd, GIVEN * 2), { bytes: GIVEN * 2, whole: false });
    // Whoever asks for less gets less.
    assert.deepEqual(growReceiveBuffer(fd, 8192), { bytes: 16_384, whole: true });
    // And within the limit, more.
    assert.ok(growReceiveBuffer(fd, 65_536).bytes > 16_384);
  } finally {
    seteuid?.(0);
  }
});
