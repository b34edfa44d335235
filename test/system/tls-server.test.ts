// TLS listeners and who comes to them: let in and known by name, or turned away with a reason in words. Peers are
// Node's TLS client and whatever speaks something else on such a port.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import type { TlsTrouble } from '../../daemon/tls/tls-counts.ts';
import { Authority, NO_OPENSSL } from './certificates.ts';
import { waitForLines } from './programs.ts';
import {
  failures,
  openPlain,
  openTls,
  sendPlain,
  sendTls,
  showing,
  tlsStatusOf,
  useTlsBelfry,
} from './tls-world.ts';
import {
  assertWhole,
  descriptorsOf,
  eventually,
  hangUp,
  logLines,
  message,
  numbered,
  readText,
  statusOf,
} from './world.ts';

const skip = NO_OPENSSL;

/** What comes first goes on byte by byte, the rest as it comes. */
async function dripFirst(near: Socket, port: number): Promise<void> {
  near.pause();
  const far = await openPlain(port);
  far.setNoDelay(true).pipe(near);
  near.on('error', () => undefined);
  near.once('data', (chunk: Buffer) => {
    near.pause();
    void (async () => {
      for (const byte of chunk) await new Promise((done) => far.write(Buffer.of(byte), done));
      near.pipe(far);
    })();
  });
  near.resume();
}

describe('who is let in', () => {
  const versions: readonly ConnectionOptions[] = [{ maxVersion: 'TLSv1.2' }, { minVersion: 'TLSv1.3' }];
  for (const version of versions) {
    const name = version.minVersion ?? version.maxVersion;
    test(`messages come through ${name}, as lines and counted`, { skip }, async (t) => {
      const world = await useTlsBelfry(t);
      const options = { ...showing(world.client), ...version };
      await sendTls(world, numbered('host', 'lines', 0, 2000), options);
      const counted = Array.from({ length: 2000 }, (_, i) => message('host', 'counted', i));
      await sendTls(world, counted.map((text) => `${text.length} ${text}`).join(''), options);
      const text = await waitForLines(world.belfry.file('all.log'), 4000);
      assertWhole(text, 'lines', 2000);
      assertWhole(text, 'counted', 2000);
      const { tls, listeners, messages } = await statusOf(world.belfry);
      assert.equal(messages.received, 4000);
      assert.equal(tls?.handshakes, 2);
      assert.equal(listeners[0]?.connections, 2);
      await eventually('both are closed', async () => (await tlsStatusOf(world.belfry)).connections === 0);
    });
  }

  test('the last line may end with the connection', { skip }, async (t) => {
    const world = await useTlsBelfry(t);
    await sendTls(world, `${message('host', 'app', 0)}\n${message('host', 'app', 1)}`, showing(world.client));
    assertWhole(await waitForLines(world.belfry.file('all.log'), 2), 'app', 2);
  });

  test('a handshake may come byte by byte', { skip }, async (t) => {
    const world = await useTlsBelfry(t);
    const slow = createServer((near) => void dripFirst(near, world.port));
    await new Promise<void>((done) => slow.listen(0, '127.0.0.1', done));
    t.after(() => slow.close());
    const { port } = slow.address() as AddressInfo;
    await sendTls({ ...world, port }, `${message('host', 'app', 0)}\n`, showing(world.client));
    assertWhole(await waitForLines(world.belfry.file('all.log'), 1), 'app', 1);
  });

  test('rules know a sender by the first DNS name, else by address, else by the common name', {
    skip,
  }, async (t) => {
    const rules = [
      { match: { certName: 'web-*.example' }, file: 'web.log', stop: true },
      { match: { certName: ['192.0.2.7', 'PLAIN'] }, file: 'odd.log', stop: true },
      { file: 'rest.log' },
    ];
    const world = await useTlsBelfry(t, { rules });
    const { authority, belfry } = world;
    const senders = {
      dns: authority.issue({ name: 'a', names: 'email:x@y.example,IP:192.0.2.7,DNS:WEB-1.example,DNS:b' }),
      address: authority.issue({ name: 'web-2.example', names: 'IP:192.0.2.7' }),
      common: authority.issue({ name: 'plain' }),
      // A name that stands second does not count, and a common name not beside others.
      second: authority.issue({ name: 'web-3.example', names: 'DNS:other.example,DNS:web-3.example' }),
    };
    for (const [name, identity] of Object.entries(senders))
      await sendTls(world, `${message('host', name, 0)}\n`, showing(identity));
    await waitForLines(belfry.file('rest.log'), 1);
    await waitForLines(belfry.file('odd.log'), 2);
    await waitForLines(belfry.file('web.log'), 1);
    assert.match(readText(belfry.file('web.log')), / dns: /);
    assert.match(readText(belfry.file('odd.log')), / address: .*\n.* common: /);
    assert.match(readText(belfry.file('rest.log')), / second: /);
  });

  test('where none is required, a certificate that is not good gives no name', { skip }, async (t) => {
    const rules = [{ match: { certName: '*' }, file: 'named.log', stop: true }, { file: 'nobody.log' }];
    const world = await useTlsBelfry(t, { rules, tls: { requireClientCert: false } });
    const stranger = new Authority(t, 'Other CA').issue({ name: 'client', names: 'DNS:web-1.example' });
    await sendTls(world, `${message('host', 'good', 0)}\n`, showing(world.client));
    await sendTls(world, `${message('host', 'none', 0)}\n`, {});
    await sendTls(world, `${message('host', 'bad', 0)}\n`, showing(stranger));
    const nobody = await waitForLines(world.belfry.file('nobody.log'), 2);
    assert.match(nobody, / none: [\s\S]* bad: /);
    assert.match(await waitForLines(world.belfry.file('named.log'), 1), / good: /);
    const tls = await tlsStatusOf(world.belfry);
    assert.equal(tls.unverified, 1);
    assert.equal(tls.handshakes, 3);
    assert.equal(logLines(world.belfry.program, 'was let in without a certName').length, 1);
  });

  test('a CA between is shown by the sender, or stands in the file with its root', { skip }, async (t) => {
    const world = await useTlsBelfry(t);
    const between = world.authority.between('Between CA');
    const leaf = between.issue({ name: 'leaf', names: 'DNS:leaf.example' });
    const whole = {
      cert: Buffer.concat([leaf.cert, between.ca].map((path) => readFileSync(path))),
      key: readFileSync(leaf.key),
    };
    await sendTls(world, `${message('host', 'whole', 0)}\n`, whole);
    await sendTls(world, `${message('host', 'alone', 0)}\n`, showing(leaf));
    await failures(world.belfry, 'unknown_ca', 1);
    writeFileSync(world.authority.ca, readFileSync(between.ca), { flag: 'a' });
    await hangUp(world.belfry.program);
    await sendTls(world, `${message('host', 'known', 0)}\n`, showing(leaf));
    assert.match(await waitForLines(world.belfry.file('all.log'), 2), / whole: .*\n.* known: /);
  });

  test('without a CA nobody is asked', { skip }, async (t) => {
    const world = await useTlsBelfry(t, { tls: { ca: undefined, requireClientCert: undefined } });
    await sendTls(world, `${message('host', 'app', 0)}\n`, {});
    assertWhole(await waitForLines(world.belfry.file('all.log'), 1), 'app', 1);
  });
});

describe('who is turned away', () => {
  test('by certificate, each with its reason, and nothing of it is written', { skip }, async (t) => {
    const world = await useTlsBelfry(t);
    const { authority, belfry } = world;
    const other = new Authority(t, 'Other CA');
    const cases: readonly (readonly [TlsTrouble, ConnectionOptions, RegExp, string | undefined])[] = [
      ['no_certificate', {}, /it shows no certificate/, undefined],
      [
        'certificate_expired',
        showing(authority.issue({ name: 'late', days: -1 })),
        /has expired/,
        'CN=late, O=Example; issued by CN=Test CA; serial ',
      ],
      [
        'unknown_ca',
        showing(other.issue({ name: 'stranger', names: 'DNS:evil.example' })),
        /is not signed by a CA in .*ca\.pem/,
        'names evil.example; issued by CN=Other CA; serial ',
      ],
      [
        'wrong_purpose',
        showing(authority.issue({ name: 'web', purpose: 'serverAuth' })),
        /may not be used by a client/,
        'CN=web',
      ],
    ];
    for (const [trouble, options, words, certificate] of cases) {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
        await sendTls(world, `${message('host', trouble, 0)}\n`, { ...options, maxVersion });
      await failures(belfry, trouble, 2);
      const { lastTroubles } = await tlsStatusOf(belfry);
      const last = lastTroubles.find((one) => one.trouble === trouble);
      assert.match(last?.what ?? '', words);
      assert.match(last?.peer ?? '', /^127\.0\.0\.1:\d+$/);
      if (certificate === undefined) assert.equal(last?.certificate, null);
      else assert.ok(last?.certificate?.includes(certificate), `${trouble}: ${last?.certificate}`);
      const [line = ''] = logLines(belfry.program, `trouble=${trouble}`);
      assert.match(
        line,
        /warn {2}A TLS handshake with 127\.0\.0\.1:\d+ on tls:\/\/127\.0\.0\.1:\d+ failed: /,
      );
      assert.match(line, words);
    }
    await sendTls(world, `${message('host', 'good', 0)}\n`, showing(world.client));
    const text = await waitForLines(belfry.file('all.log'), 1);
    assert.equal(text.split('\n').length, 2, text);
    const { failed } = await tlsStatusOf(belfry);
    assert.equal(
      Object.values(failed).reduce((sum, count) => sum + count),
      8,
    );
  });

  test('a client without a certificate is told so', { skip }, async (t) => {
    const world = await useTlsBelfry(t);
    const old = openTls(world, { maxVersion: 'TLSv1.2' });
    await eventually('it has closed', () => old.hasClosed);
    assert.equal(old.isSecure, false);
    assert.match(old.error?.code ?? '', /ALERT_HANDSHAKE_FAILURE/);
    const recent = openTls(world, { minVersion: 'TLSv1.3' });
    await eventually('it has closed', () => recent.hasClosed);
    assert.match(recent.error?.code ?? '', /ALERT_CERTIFICATE_REQUIRED/);
  });

  test('a client that does not accept our certificate', { skip }, async (t) => {
    const world = await useTlsBelfry(t);
    const other = new Authority(t, 'Other CA');
    const run = openTls({ ...world, authority: other }, { ...showing(world.client), minVersion: 'TLSv1.3' });
    await eventually('it has closed', () => run.hasClosed);
    // Node hangs up without an alert.
    await failures(world.belfry, 'ended_early', 1);
    await eventually(
      'it is said',
      () => logLines(world.belfry.program, 'hung up without a word').length === 1,
    );
  });

  test('old versions and strange ciphers', { skip }, async (t) => {
    const world = await useTlsBelfry(t);
    const shown = showing(world.client);
    const ciphers = 'ALL:@SECLEVEL=0';
    await sendTls(world, 'x\n', { ...shown, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers });
    await failures(world.belfry, 'old_version', 1);
    // The server's key is EC; this needs an RSA key.
    await sendTls(world, 'x\n', { ...shown, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' });
    await failures(world.belfry, 'no_shared_cipher', 1);
  });

  test('TLS 1.2 where 1.3 is asked for', { skip }, async (t) => {
    const world = await useTlsBelfry(t, { tls: { minVersion: 'TLSv1.3' } });
    await sendTls(world, 'x\n', { ...showing(world.client), maxVersion: 'TLSv1.2' });
    await failures(world.belfry, 'old_version', 1);
    const lines = () => logLines(world.belfry.program, 'trouble=old_version');
    await eventually('it is said', () => lines().length > 0);
    assert.match(
      lines()[0] ?? '',
      /no version of TLS from TLS 1\.3 on.*set syslog\.tls\.minVersion to TLSv1\.2/,
    );
  });

  const sayings: readonly (readonly [string, string | Uint8Array, TlsTrouble, RegExp])[] = [
    ['plain syslog', `${message('host', 'app', 0)}\n`, 'plain_text', /plain syslog, without TLS.* tcp:\/\//],
    ['counted syslog', `90 ${message('host', 'app', 0)}`, 'plain_text', /plain syslog, without TLS/],
    ['RELP', '1 open 6 a=b\n', 'plain_text', /plain RELP, without TLS.* relp:\/\//],
    ['a line', 'hello there\n', 'plain_text', /plain text/],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'plain_text', /speaks HTTP/],
    ['SSL 2', Buffer.from('802e0100020015000000101b', 'hex'), 'old_version', /SSL 2/],
    ['zeros', Buffer.alloc(100), 'not_tls', /neither TLS nor syslog/],
    ['a PROXY header', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n', 'not_tls', /not in syslog\.proxyProtocol/],
    ['a broken hello', Buffer.from('16030100050100000100', 'hex'), 'broken', /not good TLS/],
    ['a huge record', Buffer.from('160301ffff0000000000000000000000', 'hex'), 'broken', /not good TLS/],
  ];
  for (const [what, bytes, trouble, words] of sayings) {
    test(`${what} on a TLS port`, { skip }, async (t) => {
      const { belfry, port } = await useTlsBelfry(t);
      await sendPlain(port, bytes);
      await failures(belfry, trouble, 1);
      await eventually('it is said', () => logLines(belfry.program, `trouble=${trouble}`).length === 1);
      assert.match(logLines(belfry.program, `trouble=${trouble}`)[0] ?? '', words);
      assert.equal((await statusOf(belfry)).messages.received, 0);
    });
  }

  test('whoever does not come to an end is cut off', { skip }, async (t) => {
    const { belfry, port } = await useTlsBelfry(t, { syslog: { handshakeTimeout: '200ms' } });
    await sendPlain(port, '');
    await sendPlain(port, Buffer.from('16030102000100', 'hex'));
    await failures(belfry, 'timeout', 2);
    assert.equal((await tlsStatusOf(belfry)).underWay, 0);
  });

  test('a connection that comes and goes is counted and no news', { skip }, async (t) => {
    const { belfry, port } = await useTlsBelfry(t);
    (await openPlain(port)).end();
    await failures(belfry, 'ended_early', 1);
    const socket = await openPlain(port);
    socket.end(Buffer.from('16030102000100', 'hex'));
    await failures(belfry, 'ended_early', 2);
    await eventually('the second is said', () => logLines(belfry.program, 'hung up before').length === 1);
  });

  test('a scanner cannot flood the log', { skip }, async (t) => {
    const { belfry, port } = await useTlsBelfry(t);
    for (let at = 0; at < 300; at += 1)
      await sendPlain(port, at % 2 ? 'GET / HTTP/1.0\r\n\r\n' : Buffer.alloc(9));
    await failures(belfry, 'plain_text', 150);
    await failures(belfry, 'not_tls', 150);
    assert.equal(logLines(belfry.program, 'A TLS handshake').length, 2);
  });
});

describe('limits', () => {
  test('who is not allowed does not come to a handshake', { skip }, async (t) => {
    const world = await useTlsBelfry(t, { syslog: { allow: ['192.0.2.0/24'] } });
    const went = await sendTls(world, 'x\n', showing(world.client));
    assert.equal(went.isSecure, false);
    const { listeners, tls } = await statusOf(world.belfry);
    assert.equal(listeners[0]?.refused.not_allowed, 1);
    assert.equal(tls?.handshakes, 0);
  });

  test('connections of one source, and of all, handshakes included', { skip }, async (t) => {
    const syslog = { maxConnections: 5, maxConnectionsPerSource: 3 };
    const world = await useTlsBelfry(t, { syslog });
    const { belfry, port } = world;
    const standing = [openTls(world, showing(world.client)), openTls(world, showing(world.client))];
    await eventually('both stand', () => standing.every(({ isSecure }) => isSecure));
    // A handshake that is not over counts as well.
    const silent = await openPlain(port);
    await eventually('it is under way', async () => (await tlsStatusOf(belfry)).underWay === 1);
    const refused = await sendTls(world, 'x\n', showing(world.client));
    assert.equal(refused.isSecure, false);
    assert.equal((await statusOf(belfry)).listeners[0]?.refused.too_many_from_source, 1);
    const others = [await openPlain(port, '127.0.0.2'), await openPlain(port, '127.0.0.2')];
    await eventually('five stand', async () => (await tlsStatusOf(belfry)).underWay === 3);
    (await openPlain(port, '127.0.0.3')).destroy();
    await eventually('the sixth is refused', async () => {
      return (await statusOf(belfry)).listeners[0]?.refused.too_many_connections === 1;
    });
    // Room again, for the source as well.
    for (const socket of [silent, ...others]) socket.destroy();
    await eventually('they have gone', async () => (await tlsStatusOf(belfry)).underWay === 0);
    await sendTls(world, `${message('host', 'app', 0)}\n`, showing(world.client));
    await waitForLines(belfry.file('all.log'), 1);
    for (const { socket } of standing) socket.destroy();
    await eventually('nobody is left', async () => (await tlsStatusOf(belfry)).connections === 0);
    const again = [0, 1, 2].map(() => openTls(world, showing(world.client)));
    await eventually('three stand again', async () => (await tlsStatusOf(belfry)).connections === 3);
    for (const { socket } of again) socket.destroy();
  });

  test('five hundred at once, and no descriptor stays behind', { skip }, async (t) => {
    const world = await useTlsBelfry(t);
    const { belfry } = world;
    await sendTls(world, `${message('host', 'first', 0)}\n`, showing(world.client));
    await waitForLines(belfry.file('all.log'), 1);
    await eventually('it is over', async () => (await tlsStatusOf(belfry)).connections === 0);
    const before = descriptorsOf(belfry.program.pid);
    const options = showing(world.client);
    const stand = Array.from({ length: 500 }, () => openTls(world, options));
    await eventually('all stand', async () => (await tlsStatusOf(belfry)).connections === 500, 60_000);
    stand.forEach(({ socket }, at) => socket.end(numbered('host', `s${at}`, 0, 20)));
    const text = await waitForLines(belfry.file('all.log'), 10_001);
    for (let at = 0; at < 500; at += 1) assertWhole(text, `s${at}`, 20);
    await eventually('all have gone', () => stand.every(({ hasClosed }) => hasClosed));
    await eventually('descriptors are as before', () => descriptorsOf(belfry.program.pid) <= before);
  });

  test('no descriptor stays behind when handshakes fail', { skip }, async (t) => {
    const world = await useTlsBelfry(t, { syslog: { handshakeTimeout: '1s' } });
    const { belfry, port } = world;
    await sendPlain(port, 'x\n');
    const before = descriptorsOf(belfry.program.pid);
    const stranger = showing(new Authority(t, 'Other CA').issue({ name: 'stranger' }));
    for (let round = 0; round < 50; round += 1) {
      const raw = await openPlain(port);
      const reset = openTls(world, showing(world.client), raw);
      reset.socket.once('secureConnect', () => raw.resetAndDestroy());
      const cut = await openPlain(port);
      cut.write(Buffer.from('1603010200', 'hex'), () => cut.resetAndDestroy());
      await Promise.all([
        sendPlain(port, 'x\n'),
        sendTls(world, 'x\n', {}),
        sendTls(world, 'x\n', stranger),
        eventually('it has gone', () => reset.hasClosed),
      ]);
    }
    await eventually('nothing stands', async () => {
      const { connections, underWay } = await tlsStatusOf(belfry);
      return connections === 0 && underWay === 0;
    });
    await eventually('descriptors are as before', () => descriptorsOf(belfry.program.pid) <= before);
    assert.equal((await statusOf(belfry)).connections.open, 0);
  });
});

describe('the header of a balancer before TLS', () => {
  const v2 = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000263c000020130391a0a', 'hex');
  for (const [what, header] of [
    ['version 1', Buffer.from('PROXY TCP4 192.0.2.99 192.0.2.1 12345 6514\r\n')],
    ['version 2', v2],
  ] as const) {
    test(`${what} names the true sender, however it is cut`, { skip }, async (t) => {
      const rules = [{ file: '{fromHostIp}.log' }];
      const syslog = { proxyProtocol: ['127.0.0.0/8'], allow: ['192.0.2.99'] };
      const world = await useTlsBelfry(t, { rules, syslog });
      for (const pieces of [[header], [header.subarray(0, 1), header.subarray(1, 20), header.subarray(20)]]) {
        const raw = await openPlain(world.port);
        raw.setNoDelay(true);
        for (const piece of pieces) await new Promise((done) => raw.write(piece, done));
        const went = openTls(world, showing(world.client), raw);
        went.socket.end(`${message('host', 'app', 0)}\n`);
        await eventually('the connection ends', () => went.hasClosed);
      }
      await waitForLines(world.belfry.file('192.0.2.99.log'), 2);
    });
  }

  test('what is wrong with it ends the connection, and is counted', { skip }, async (t) => {
    const syslog = { proxyProtocol: ['127.0.0.1'], allow: ['192.0.2.99'] };
    const world = await useTlsBelfry(t, { syslog });
    const { belfry, port } = world;
    const refused = async () => (await statusOf(belfry)).listeners[0]?.refused;
    await sendPlain(port, 'PROXY TCP9 nonsense\r\n');
    await sendTls(world, 'x\n', showing(world.client));
    (await openPlain(port)).end('PROXY TCP4 192');
    await eventually('three headers were bad', async () => (await refused())?.bad_proxy_header === 3);
    // A true sender that may not send.
    await sendPlain(port, 'PROXY TCP4 192.0.2.98 192.0.2.1 1 2\r\n');
    await eventually('it is not allowed', async () => (await refused())?.not_allowed === 1);
    // A health check of the balancer itself is no trouble, until it speaks.
    (await openPlain(port)).end('PROXY UNKNOWN\r\n');
    await eventually('it is over', async () => (await tlsStatusOf(belfry)).underWay === 0);
    assert.equal((await refused())?.not_allowed, 1);
    await sendPlain(port, 'PROXY UNKNOWN\r\n\x16\x03\x01');
    await eventually('it is not allowed', async () => (await refused())?.not_allowed === 2);
    const { failed } = await tlsStatusOf(belfry);
    assert.equal(
      Object.values(failed).reduce((sum, count) => sum + count),
      0,
    );
  });
});

test('a reload with other limits applies to new connections', { skip }, async (t) => {
  const world = await useTlsBelfry(t);
  const standing = openTls(world, showing(world.client));
  await eventually('it stands', () => standing.isSecure);
  world.rewrite({ maxConnectionsPerSource: 1 });
  await hangUp(world.belfry.program);
  const refused = await sendTls(world, 'x\n', showing(world.client));
  assert.equal(refused.isSecure, false);
  standing.socket.end(`${message('host', 'app', 0)}\n`);
  await waitForLines(world.belfry.file('all.log'), 1);
});
