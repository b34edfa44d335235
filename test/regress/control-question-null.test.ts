// A client that wrote `null` to the control socket ended the server: the question was looked at before it was
// known to be an object.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openControl } from '../../daemon/control/control.ts';

test('null is no question, and no end', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'belfry-regress-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'control.sock');
  const none = () => {
    throw new Error('nobody asked that');
  };
  const server = await openControl(
    { socket: path, mode: 0o600 },
    { status: none, senders: none, clients: none },
  );
  t.after(() => server.stop());
  const socket = connect(path).setEncoding('utf8');
  socket.end('null\n');
  const [text] = (await once(socket, 'data')) as [string];
  assert.match(text, /^\{"ok":false/);
});
