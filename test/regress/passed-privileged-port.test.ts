// A .socket unit that names a port alone ("ListenStream=514") makes one socket at [::] that takes IPv4 too, while
// `listen` says 0.0.0.0 by default. A service without the right to ports below 1024 was told that it may not have
// that address, before it was told that the address is served already; and the time server did not look at all.

import assert from 'node:assert/strict';
import { geteuid, seteuid } from 'node:process';
import { type TestContext, test } from 'node:test';
import { Fault } from '../../base/fault.ts';
import { parseAddress } from '../../base/ip.ts';
import { openListeners } from '../../daemon/intake/listeners.ts';
import { openNtpListeners } from '../../daemon/time/listeners.ts';
import type { NtpConfig } from '../../config/server.ts';
import { type BoundSocket, closeSocket, openBound } from '../../kernel/socket.ts';
import { config } from '../unit/daemon/samples.ts';

/** nobody: any account without rights. */
const UNPRIVILEGED = 65534;
/** Not in use as a rule; each is tried in turn. */
const LOW_PORTS = [997, 998, 1003, 1007, 1009];

function openLow(t: TestContext, host: string): BoundSocket {
  const address = parseAddress(host);
  assert.ok(address);
  for (const port of LOW_PORTS) {
    const bound = openBound({ kind: 'udp', address, port, reusePort: false, v6Only: false });
    if (!bound.ok) continue;
    t.after(() => closeSocket(bound.socket.fd));
    return bound.socket;
  }
  throw new Error(`none of the ports ${LOW_PORTS.join(', ')} is free`);
}

/** As a service without rights does it. */
function unprivileged<Value>(work: () => Value): Value {
  const before = geteuid?.() ?? 0;
  seteuid?.(UNPRIVILEGED);
  try {
    return work();
  } finally {
    seteuid?.(before);
  }
}

const skip = geteuid?.() === 0 ? false : 'only root may open a port below 1024 for it';

function ntpConfig(port: number): NtpConfig {
  const listen = [{ host: '0.0.0.0', family: 4 as const, port }];
  return { ...({} as NtpConfig), listen };
}

test('syslog at 0.0.0.0 is served by a passed socket at [::]', { skip }, (t) => {
  const socket = { ...openLow(t, '::'), name: 'belfry-syslog' };
  const text = `udp://0.0.0.0:${socket.port}`;
  const wanted = { transport: 'udp' as const, host: '0.0.0.0', family: 4 as const, port: socket.port, text };
  const { syslog } = config('/', []);
  const opened = unprivileged(() => openListeners({ ...syslog, listen: [wanted] }, [socket]));
  assert.deepEqual(
    opened.map(({ name, isPassed }) => [name, isPassed]),
    [[`udp://[::]:${socket.port}`, true]],
  );
});

test('time at 0.0.0.0 is served by a passed socket at [::]', { skip }, (t) => {
  const socket = openLow(t, '::');
  const opened = unprivileged(() => openNtpListeners(ntpConfig(socket.port), [socket]));
  assert.deepEqual(
    opened.map(({ name, passed }) => [name, passed]),
    [[`ntp://[::]:${socket.port}`, true]],
  );
  // A reload finds it standing.
  const again = unprivileged(() => openNtpListeners(ntpConfig(socket.port), [], opened));
  assert.deepEqual(again, []);
});

test('a passed socket at another address serves nobody but itself', { skip }, (t) => {
  const socket = openLow(t, '127.0.0.1');
  const open = () => unprivileged(() => openNtpListeners(ntpConfig(socket.port), [socket]));
  assert.throws(open, (fault) => fault instanceof Fault && fault.code === 'LISTEN_PERMISSION');
});
