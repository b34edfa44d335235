// What the service manager hears, at a real socket: a path and a name in the abstract namespace.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LocalDatagrams } from '../../../kernel/local-datagrams.ts';
import { Notify } from '../../../kernel/notify.ts';
import { closeSocket } from '../../../kernel/socket.ts';
import { bindUnixDatagram } from '../../../kernel/unix-datagram.ts';

const PID = 4711;

/** Everything that waits at the socket. */
type Heard = () => string[];

function listenAt(t: TestContext, path: string): Heard {
  const bound = bindUnixDatagram(path);
  assert.ok(bound.ok);
  t.after(() => closeSocket(bound.fd));
  const datagrams = new LocalDatagrams(8192);
  return () => {
    const count = Math.max(0, datagrams.receive(bound.fd));
    return Array.from({ length: count }, (_, at) => {
      datagrams.at(at);
      return datagrams.bytes.toString('utf8', datagrams.start, datagrams.end);
    });
  };
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'belfry-notify-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

for (const kind of ['a path', 'a name in the abstract namespace']) {
  test(`each state is told, at ${kind}`, (t) => {
    const at = kind === 'a path' ? join(folder(t), 'notify') : `@belfry-notify-${process.pid}`;
    const heard = listenAt(t, at);
    const notify = new Notify({ NOTIFY_SOCKET: at }, PID);
    const before = process.hrtime.bigint() / 1000n;
    assert.ok(notify.ready('All is well.'));
    assert.ok(notify.reloading());
    assert.ok(notify.alive());
    assert.ok(notify.stopping('Writing.'));
    const [ready, reloading, alive, stopping, ...more] = heard();
    assert.equal(ready, 'READY=1\nSTATUS=All is well.');
    const micros = /^RELOADING=1\nMONOTONIC_USEC=(\d+)\nSTATUS=.+$/.exec(reloading ?? '')?.[1];
    assert.ok(micros !== undefined, reloading);
    const now = process.hrtime.bigint() / 1000n;
    assert.ok(before <= BigInt(micros) && BigInt(micros) <= now, `${before} ${micros} ${now}`);
    assert.equal(alive, 'WATCHDOG=1');
    assert.equal(stopping, 'STOPPING=1\nSTATUS=Writing.');
    assert.deepEqual(more, []);
  });
}

test('a status stays one line, whatever a name in it says, and is not endless', (t) => {
  const path = join(folder(t), 'notify');
  const heard = listenAt(t, path);
  const notify = new Notify({ NOTIFY_SOCKET: path }, PID);
  notify.ready('one\nWATCHDOG=trigger\r\ntwo');
  notify.ready('x'.repeat(5000));
  const [first, second] = heard();
  assert.equal(first, 'READY=1\nSTATUS=one WATCHDOG=trigger two');
  assert.equal(second, `READY=1\nSTATUS=${'x'.repeat(399)}…`);
});

test('without a manager, with one that is gone, or of another kind, nothing happens', (t) => {
  const gone = join(folder(t), 'gone');
  for (const socket of [undefined, '', 'vsock:2:1234', 'notify', gone]) {
    const notify = new Notify(socket === undefined ? {} : { NOTIFY_SOCKET: socket }, PID);
    assert.equal(notify.isHeard, socket === gone, String(socket));
    assert.equal(notify.ready('x'), false);
    assert.equal(notify.alive(), false);
  }
});

test('the watchdog is ours only if it is meant for this process', () => {
  const watchdog = (env: Record<string, string>) =>
    new Notify({ NOTIFY_SOCKET: '/run/x', ...env }, PID).watchdogMs;
  assert.equal(watchdog({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '4711' }), 30_000);
  assert.equal(watchdog({ WATCHDOG_USEC: '30000000' }), 30_000);
  assert.equal(watchdog({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '4712' }), undefined);
  for (const bad of ['', '0', '-1', 'soon', '1e400', '1.5']) {
    assert.equal(watchdog({ WATCHDOG_USEC: bad, WATCHDOG_PID: '4711' }), undefined, bad);
  }
  assert.equal(new Notify({ WATCHDOG_USEC: '30000000' }, PID).watchdogMs, undefined);
});
