// Listening sockets: all or none, passed ones in place of our own, and what stands stays.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { Fault } from '../../../base/fault.ts';
import { parseAddress } from '../../../base/ip.ts';
import type { Listen, ListenTransport, SyslogConfig } from '../../../config/server.ts';
import { type OpenListener, openListeners, type PassedSocket } from '../../../daemon/intake/listeners.ts';
import { closeSocket, openBound, type SocketKind } from '../../../kernel/socket.ts';
import { config } from './samples.ts';

function listen(transport: ListenTransport, host: string, port = 0): Listen {
  const family = host.includes(':') ? 6 : 4;
  return {
    transport,
    host,
    family,
    port,
    text: `${transport}://${family === 6 ? `[${host}]` : host}:${port}`,
  };
}

function syslog(wanted: readonly Listen[], changes: Partial<SyslogConfig> = {}): SyslogConfig {
  return { ...config('/', []).syslog, listen: wanted, ...changes };
}

function use(t: TestContext, listeners: OpenListener[]): OpenListener[] {
  t.after(() => {
    for (const { fds } of listeners) fds.forEach(closeSocket);
  });
  return listeners;
}

function bound(host: string, name = '', kind: SocketKind = 'udp'): PassedSocket {
  const address = parseAddress(host);
  assert.ok(address);
  const opened = openBound({ kind, address, port: 0, reusePort: false, v6Only: false });
  assert.ok(opened.ok);
  return { ...opened.socket, name };
}

/** A UDP port that is free now. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

test('each address is opened, and named with the port that it has', (t) => {
  const opened = use(t, openListeners(syslog([listen('udp', '127.0.0.1'), listen('tcp', '::1')]), []));
  assert.deepEqual(
    opened.map(({ transport, fds, isPassed }) => [transport, fds.length, isPassed]),
    [
      ['udp', 1, false],
      ['tcp', 1, false],
    ],
  );
  assert.match(opened[0]?.name ?? '', /^udp:\/\/127\.0\.0\.1:\d+$/);
  assert.match(opened[1]?.name ?? '', /^tcp:\/\/\[::1\]:\d+$/);
  assert.ok((opened[0]?.receiveBuffer?.bytes ?? 0) > 0);
  assert.equal(opened[1]?.receiveBuffer, undefined);
});

test('a UDP address has one socket for each lane', (t) => {
  const [open] = use(t, openListeners(syslog([listen('udp', '127.0.0.1')], { lanes: 3 }), []));
  assert.equal(new Set(open?.fds).size, 3);
});

test('both wildcards on one port do not quarrel', async (t) => {
  const port = await freePort();
  const wanted = [listen('udp', '0.0.0.0', port), listen('udp', '::', port)];
  assert.equal(use(t, openListeners(syslog(wanted), [])).length, 2);
});

test('what cannot be opened is a fault that says how to find the holder, and nothing stays open', async () => {
  const holder = bound('127.0.0.1');
  const port = await freePort();
  const wanted = [listen('udp', '127.0.0.1', port), listen('udp', '127.0.0.1', holder.port)];
  assert.throws(
    () => openListeners(syslog(wanted), []),
    (fault: unknown) => {
      assert.ok(fault instanceof Fault);
      assert.equal(fault.code, 'LISTEN_IN_USE');
      assert.equal(fault.text.where, wanted[1]?.text);
      assert.match(fault.text.mend ?? '', new RegExp(`ss -lpun 'sport = :${holder.port}'`));
      return true;
    },
  );
  const free = openListeners(syslog([listen('udp', '127.0.0.1', port)]), []);
  for (const { fds } of free) fds.forEach(closeSocket);
  closeSocket(holder.fd);
});

test('an address of another host says so', () => {
  assert.throws(() => openListeners(syslog([listen('tcp', '192.0.2.1')]), []), { code: 'LISTEN_FAILED' });
});

test('a passed socket is taken for the address that it has, and one for no address as well', (t) => {
  const [asked, extra] = [bound('127.0.0.1'), bound('127.0.0.1')];
  const opened = use(t, openListeners(syslog([listen('udp', '127.0.0.1', asked.port)]), [asked, extra]));
  assert.deepEqual(
    opened.map(({ fds, isPassed }) => [fds[0], isPassed]),
    [
      [asked.fd, true],
      [extra.fd, true],
    ],
  );
});

test('at a reload what stands stays, and what is new is opened', (t) => {
  const first = openListeners(syslog([listen('udp', '127.0.0.1')]), []);
  const standing = first[0] as OpenListener;
  const wanted = [listen('udp', '127.0.0.1', standing.port), listen('tcp', '127.0.0.1')];
  const second = use(t, openListeners(syslog(wanted), [], first));
  assert.equal(second[0], standing);
  assert.equal(second.length, 2);
});

test('at a reload passed sockets stay, whatever `listen` says', (t) => {
  const passed = bound('127.0.0.1');
  const first = openListeners(syslog([listen('tcp', '127.0.0.1')]), [passed]);
  const second = use(t, openListeners(syslog([listen('tcp', '127.0.0.1', first[0]?.port)]), [], first));
  assert.deepEqual(new Set(second), new Set(first));
});

test('a passed socket that takes IPv4 too serves 0.0.0.0, at the start and at a reload', (t) => {
  const passed = bound('::');
  const wanted = syslog([listen('udp', '0.0.0.0', passed.port)]);
  const first = use(t, openListeners(wanted, [passed]));
  assert.deepEqual(
    first.map(({ fds }) => fds[0]),
    [passed.fd],
  );
  assert.deepEqual(openListeners(wanted, [], first), first);
});

const TLS = {
  cert: '/c',
  key: '/k',
  ca: undefined,
  requireClientCert: false,
  minVersion: 'TLSv1.2',
} as const;

test('every scheme has its name, and only udp:// is a UDP socket', (t) => {
  const schemes = ['udp', 'tcp', 'relp', 'tls', 'relps'] as const;
  const opened = use(t, openListeners(syslog(schemes.map((scheme) => listen(scheme, '127.0.0.1'))), []));
  assert.deepEqual(
    opened.map(({ name }) => name.slice(0, name.indexOf(':'))),
    schemes,
  );
  assert.deepEqual(
    opened.map(({ receiveBuffer }) => receiveBuffer !== undefined),
    [true, false, false, false, false],
  );
});

test('a passed socket speaks what `listen` says of its address, else what its name says', (t) => {
  const tcp = (name: string, host = '127.0.0.1') => bound(host, name, 'tcp');
  const passed = [
    tcp('belfry-relp'),
    tcp('belfry-tls'),
    tcp('belfry-relps'),
    tcp('belfry-relp-tls'),
    tcp('other'),
    tcp('tls'),
    tcp('', '::'),
  ];
  const [, , , , , named, wild] = passed;
  const wanted = [listen('relp', '127.0.0.1', named?.port), listen('tls', '0.0.0.0', wild?.port)];
  const spoken = (config: SyslogConfig) => {
    const opened = openListeners(config, passed);
    return passed.map(({ fd }) => opened.find(({ fds }) => fds.includes(fd))?.transport);
  };
  use(t, openListeners(syslog(wanted), passed));
  assert.deepEqual(spoken(syslog(wanted, { tls: TLS })), [
    'relp',
    'tls',
    'relps',
    'relps',
    'tcp',
    'relp',
    'tls',
  ]);
  // Without a certificate nobody can speak TLS.
  assert.deepEqual(spoken(syslog([wanted[0] as Listen])), [
    'relp',
    'tcp',
    'relp',
    'relp',
    'tcp',
    'relp',
    'tcp',
  ]);
});

test('at a reload an address may change its language: the same socket, under another descriptor', (t) => {
  const first = use(t, openListeners(syslog([listen('tcp', '127.0.0.1')]), []));
  const [standing] = first as [OpenListener];
  const wanted = syslog([listen('tls', '127.0.0.1', standing.port)], { tls: TLS });
  const [second] = use(t, openListeners(wanted, [], first)) as [OpenListener];
  assert.equal(second.transport, 'tls');
  assert.equal(second.port, standing.port);
  assert.notEqual(second.fds[0], standing.fds[0]);
  assert.equal(second.name, `tls://127.0.0.1:${standing.port}`);
});

test('what changed its language is closed again on a fault, and what stands is not', (t) => {
  const first = use(t, openListeners(syslog([listen('tcp', '127.0.0.1')]), []));
  const [standing] = first as [OpenListener];
  const before = readdirSync('/proc/self/fd').length;
  const wanted = [listen('relp', '127.0.0.1', standing.port), listen('tcp', '192.0.2.1')];
  assert.throws(() => openListeners(syslog(wanted), [], first), { code: 'LISTEN_FAILED' });
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

test('a passed TLS socket speaks plainly when the certificate has gone from the configuration', (t) => {
  const passed = bound('127.0.0.1', 'relps', 'tcp');
  const first = use(t, openListeners(syslog([], { tls: TLS }), [passed]));
  assert.equal(first[0]?.transport, 'relps');
  const [second] = use(t, openListeners(syslog([]), [], first));
  assert.equal(second?.transport, 'relp');
  assert.deepEqual(openListeners(syslog([], { tls: TLS }), [], first), first);
});
