// What can be asked of a socket below Node's streams: the members of its handle are not documented, so a version
// of Node without them must be found here.

import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { measure } from '../../../delivery/transport/handle.ts';
import { unacknowledgedBytes } from '../../../kernel/outq.ts';
import { waitUntil } from '../../system/programs.ts';

const BYTES = 16 * 1024 ** 2;

interface Inner {
  readonly fd: number;
  readonly writeQueueSize: number;
}

test('what a peer has not acknowledged is not taken, wherever it waits', async (t) => {
  const accepted: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => accepted.push(socket));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  t.after(() => {
    socket.destroy();
    accepted[0]?.destroy();
    server.close();
  });
  await new Promise<void>((done) => socket.once('connect', done));
  assert.deepEqual(measure(socket), { written: 0, taken: 0, underWay: 0 });
  socket.write(Buffer.alloc(BYTES));
  const { _handle: handle } = socket as unknown as { _handle: Inner };
  // The peer does not read: its window closes, and from then on nothing moves.
  let before = -1;
  let same = 0;
  await waitUntil('it is stuck', () => {
    const taken = measure(socket)?.taken ?? 0;
    same = taken === before ? same + 1 : 0;
    before = taken;
    return same > 40;
  });
  const meter = measure(socket);
  const unacknowledged = unacknowledgedBytes(handle.fd) ?? 0;
  assert.equal(meter?.written, BYTES);
  assert.ok(unacknowledged > 0 && handle.writeQueueSize > 0, 'something waits in the kernel, and before it');
  assert.equal((meter?.taken ?? 0) + unacknowledged + handle.writeQueueSize, BYTES);
  // A window that is closed leaves nothing under way.
  assert.equal(meter?.underWay, 0);
  accepted[0]?.resume();
  await waitUntil('all is taken', () => measure(socket)?.taken === BYTES);
  socket.destroy();
  await waitUntil('it is closed', () => measure(socket) === undefined);
});
