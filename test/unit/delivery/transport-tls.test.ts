// TLS and RELP over TLS against servers that are who they should be, and servers that are not: those are sent
// nothing, and the operator is told whose certificate it was, what is wrong, and what to do.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { createServer, type TlsOptions } from 'node:tls';
import type { TransportTarget, TransportTls } from '../../../delivery/transport/transport.ts';
import { waitUntil } from '../../system/programs.ts';
import { Authority, type Pair, withoutOpenssl } from './use-certificates.ts';
import { lines } from './use-spool.ts';
import {
  listenOn,
  NO_TLS,
  RelpReceiver,
  type Sending,
  startSending,
  StreamReceiver,
  targetOf,
} from './use-transport.ts';

const skip = withoutOpenssl;

async function listenSecure(t: TestContext, pair: Pair, options: TlsOptions = {}): Promise<Server> {
  const server = createServer({ cert: readFileSync(pair.cert), key: readFileSync(pair.key), ...options });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  server.on('tlsClientError', () => undefined);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return server;
}

function send(t: TestContext, to: TransportTarget, tls: Partial<TransportTls>, timeoutMs = 5000): Sending {
  return startSending(t, [to], { tls: { ...NO_TLS, ...tls }, timeoutMs });
}

describe('a server that is who it should be', { skip }, () => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`gets everything (${maxVersion}), counted, with a certificate of ours`, async (t) => {
      const authority = new Authority(t);
      const pair = authority.issue({ name: 'server' });
      const ca = readFileSync(authority.ca);
      const server = await listenSecure(t, pair, { maxVersion, requestCert: true, ca });
      const names: unknown[] = [];
      server.on('secureConnection', (socket) => names.push(socket.getPeerCertificate().subject.CN));
      const receiver = new StreamReceiver(server);
      const sending = send(t, targetOf('tls', receiver.port), {
        ca: authority.ca,
        ...authority.issue({ name: 'client' }),
      });
      sending.append(1, 5000, 200);
      await waitUntil('the queue is empty', () => sending.waiting() === 0);
      assert.deepEqual(receiver.messages(), lines(1, 5000, 200));
      assert.deepEqual(names, ['client']);
      assert.equal(sending.transport.counts().resentRecords, 0);
      await sending.transport.stop(Date.now() + 5000);
      await waitUntil('the connection has ended', () => receiver.sockets.size === 0);
    });
  }

  test('gets everything over RELP, by a name that is configured', async (t) => {
    const authority = new Authority(t);
    const server = await listenSecure(t, authority.issue({ name: 'server', names: 'DNS:logs.example.org' }));
    const receiver = new RelpReceiver(server, () => 'ok');
    const tls = { ca: authority.ca, serverName: 'logs.example.org' };
    const sending = send(t, targetOf('relps', receiver.port), tls);
    sending.append(1, 3000);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual(receiver.taken, lines(1, 3000));
  });

  test('and resets the connection gets what it has not read again', async (t) => {
    const authority = new Authority(t);
    const server = await listenSecure(t, authority.issue({ name: 'server' }));
    const raw: Socket[] = [];
    server.on('connection', (socket) => raw.push(socket));
    const receiver = new StreamReceiver(server, (socket, connection) => {
      if (connection > 1) return;
      socket.pause();
      void waitUntil('something is sent', hasSent).then(() => raw[0]?.resetAndDestroy());
    });
    const hasSent = () => sending.transport.counts().sentRecords > 0;
    const sending = send(t, targetOf('tls', receiver.port), { ca: authority.ca });
    sending.append(1, 1000);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual(receiver.distinct(), lines(1, 1000));
    assert.ok(sending.transport.counts().resentRecords > 0);
  });

  test('and does not read acknowledges nothing', async (t) => {
    const authority = new Authority(t);
    const server = await listenSecure(t, authority.issue({ name: 'server' }));
    const receiver = new StreamReceiver(server, (socket) => socket.pause());
    const sending = send(t, targetOf('tls', receiver.port), { ca: authority.ca }, 300);
    for (let i = 0; i < 8; i++) sending.append(i * 600 + 1, i * 600 + 600, 4000);
    await waitUntil('it is stuck', () => sending.transport.counts().sentRecords > 200);
    await new Promise((done) => setTimeout(done, 800));
    assert.ok(sending.waiting() > 0, 'more than the kernels hold was sent');
    for (const socket of receiver.sockets) socket.resume();
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual(receiver.messages(), lines(1, 4800, 4000));
  });
});

describe('a server that is not who it should be gets nothing', { skip }, () => {
  /** What is said of it, when it has been tried. */
  async function told(
    t: TestContext,
    pair: Pair,
    tls: Partial<TransportTls>,
    options: TlsOptions = {},
    scheme: 'tls' | 'relps' = 'tls',
  ): Promise<{ why: string; mend: string }> {
    const server = await listenSecure(t, pair, options);
    const receiver = new StreamReceiver(server);
    const sending = send(t, targetOf(scheme, receiver.port), tls);
    sending.append(1, 10);
    await waitUntil('it waits', () => sending.transport.state().kind === 'waiting');
    const state = sending.transport.state();
    await waitUntil('it has tried again', () => sending.transport.counts().failures > 2);
    assert.equal(receiver.bytes, 0);
    assert.equal(sending.waiting(), 10);
    assert.ok(state.kind === 'waiting');
    return { why: state.why.replaceAll(String(receiver.port), 'PORT'), mend: state.mend ?? '' };
  }

  test('signed by another authority', async (t) => {
    const pair = new Authority(t, 'Somebody Else').issue({ name: 'server' });
    const { ca } = new Authority(t);
    const { why, mend } = await told(t, pair, { ca });
    assert.equal(
      why,
      `the certificate of 127.0.0.1:PORT (server) is signed by Somebody Else, whom ${ca} does not know`,
    );
    assert.match(mend, /tls\.ca/);
    for (const scheme of ['tls', 'relps'] as const) {
      const { why: again } = await told(t, pair, {}, {}, scheme);
      assert.match(again, /signed by Somebody Else, whom this system does not know$/);
    }
  });

  test('with a certificate that has ended', async (t) => {
    const authority = new Authority(t);
    const { why } = await told(t, authority.issue({ name: 'server', days: -1 }), { ca: authority.ca });
    assert.match(
      why,
      /^the certificate of 127\.0\.0\.1:PORT \(server\), .* has expired; it was good until \w+ /,
    );
  });

  test('with another name', async (t) => {
    const authority = new Authority(t);
    const pair = authority.issue({ name: 'server', names: 'DNS:a.example,DNS:b.example,IP:10.1.2.3' });
    const { ca } = authority;
    const { why, mend } = await told(t, pair, { ca });
    assert.equal(
      why,
      'the certificate of 127.0.0.1:PORT is for a.example, b.example, 10.1.2.3, not for 127.0.0.1',
    );
    assert.match(mend, /tls\.serverName/);
    const { why: other } = await told(t, pair, { ca, serverName: 'c.example' });
    assert.match(other, /not for c\.example$/);
  });

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`that wants a certificate of ours (${maxVersion})`, async (t) => {
      const authority = new Authority(t);
      const ca = readFileSync(authority.ca);
      const pair = authority.issue({ name: 'server' });
      const options = { maxVersion, requestCert: true, rejectUnauthorized: true, ca };
      const { why, mend } = await told(t, pair, { ca: authority.ca }, options);
      assert.match(why, /^127\.0\.0\.1:PORT (wants|ended the connection|broke the TLS handshake off)/);
      assert.match(mend, /tls\.cert|log says/);
      const foreign = new Authority(t).issue({ name: 'client' });
      const { why: other } = await told(t, pair, { ca: authority.ca, ...foreign }, options);
      assert.match(other, /^127\.0\.0\.1:PORT (ended the connection|does not)/);
    });
  }

  test('that speaks old versions only', async (t) => {
    const authority = new Authority(t);
    const options = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    const { why } = await told(t, authority.issue({ name: 'server' }), { ca: authority.ca }, options);
    assert.equal(why, '127.0.0.1:PORT speaks no version of TLS that is safe');
  });

  test('that speaks no TLS', async (t) => {
    const server = await listenOn(t);
    server.on('connection', (socket) => socket.end('220 mail.example.org ESMTP Postfix\r\n'));
    const { port } = server.address() as { port: number };
    const sending = send(t, targetOf('tls', port), {});
    await waitUntil('it waits', () => sending.why().endsWith(' does not speak TLS'));
  });

  test('that says nothing', async (t) => {
    const server = await listenOn(t);
    server.on('connection', (socket) => socket.resume());
    const { port } = server.address() as { port: number };
    const sending = send(t, targetOf('tls', port), {}, 100);
    await waitUntil('it waits', () =>
      sending.why().endsWith(' did not finish the TLS handshake within 100 ms'),
    );
  });
});

describe('files of our own', { skip }, () => {
  async function told(t: TestContext, tls: Partial<TransportTls>): Promise<string> {
    const server = await listenOn(t);
    const { port } = server.address() as { port: number };
    const sending = send(t, targetOf('tls', port), tls);
    await waitUntil('it waits', () => sending.transport.state().kind === 'waiting');
    return sending.why();
  }

  test('that are not there, no PEM, or do not belong together', async (t) => {
    const authority = new Authority(t);
    const one = authority.issue({ name: 'one' });
    const two = authority.issue({ name: 'two' });
    assert.equal(await told(t, { ca: '/nowhere/ca.pem' }), 'tls.ca cannot be read: /nowhere/ca.pem (ENOENT)');
    assert.match(
      await told(t, { cert: one.cert, key: two.key }),
      /the key does not belong to the certificate$/,
    );
    const nonsense = join(authority.folder, 'nonsense.pem');
    writeFileSync(nonsense, 'nonsense');
    assert.match(
      await told(t, { cert: nonsense, key: one.key }),
      /^TLS cannot be set up with .*nonsense\.pem/,
    );
  });

  test('that are renewed are used at the next connection', async (t) => {
    const authority = new Authority(t);
    const server = await listenSecure(t, authority.issue({ name: 'server' }));
    const receiver = new StreamReceiver(server);
    const other = new Authority(t, 'Old Authority');
    const sending = send(t, targetOf('tls', receiver.port), { ca: other.ca });
    sending.append(1, 10);
    await waitUntil('it waits', () => sending.transport.counts().failures > 1);
    writeFileSync(other.ca, readFileSync(authority.ca));
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    assert.deepEqual(receiver.messages(), lines(1, 10));
  });
});
