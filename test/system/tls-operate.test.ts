// TLS listeners as an operator meets them: certificates that are renewed, wrong, or about to end; listeners that come,
// go and change their language by a reload; a stop and a full disk in the middle of the stream; RELP over TLS.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { BELFRY, useBelfry, writeConfig } from './belfry.ts';
import { Authority, NO_OPENSSL, replace } from './certificates.ts';
import { freePort, makeFolder, startProgram, waitForLines, waitUntil } from './programs.ts';
import { RelpSender } from './relp-sender.ts';
import {
  failures,
  openPlain,
  openTls,
  sendPlain,
  sendTls,
  showing,
  type TlsBelfry,
  tlsStatusOf,
  useTlsBelfry,
} from './tls-world.ts';
import {
  assertNoTornLine,
  assertWhole,
  descriptorsOf,
  eventually,
  hangUp,
  logLines,
  LOOPBACK,
  memoryOf,
  message,
  NO_DISK,
  numbered,
  readText,
  sendTcp,
  statusOf,
  useDisk,
} from './world.ts';

const skip = NO_OPENSSL;
const DAY_MS = 86_400_000;

/** The serial number of what the server shows. */
async function shownSerial(world: TlsBelfry, options = showing(world.client)): Promise<string> {
  const went = openTls(world, options);
  await eventually('the handshake is good', () => went.isSecure);
  const { serialNumber } = went.socket.getPeerCertificate();
  went.socket.destroy();
  return serialNumber;
}

describe('certificates', () => {
  test('new ones are for new connections, and nothing is lost meanwhile', { skip }, async (t) => {
    const world = await useTlsBelfry(t);
    const { authority, belfry, server } = world;
    const standing = openTls(world, showing(world.client));
    const state = { isOver: false, count: 0, short: 0 };
    const streaming = (async () => {
      while (!state.isOver) {
        const bytes = numbered('host', 'standing', state.count, 200);
        state.count += 200;
        await new Promise((done) => standing.socket.write(bytes, done));
      }
    })();
    const coming = (async () => {
      while (!state.isOver) {
        const went = await sendTls(world, numbered('host', 'coming', state.short, 1), showing(world.client));
        assert.ok(went.isSecure, went.error?.message);
        state.short += 1;
      }
    })();
    const serials = new Set([await shownSerial(world)]);
    for (let round = 0; round < 5; round += 1) {
      replace(server, authority.issue({ name: `server-${round}`, names: 'DNS:localhost' }));
      await hangUp(belfry.program);
      serials.add(await shownSerial(world));
    }
    assert.equal(serials.size, 6);
    state.isOver = true;
    await Promise.all([streaming, coming]);
    standing.socket.end();
    const text = await waitForLines(belfry.file('all.log'), state.count + state.short);
    assertWhole(text, 'standing', state.count);
    assertWhole(text, 'coming', state.short);
    assertNoTornLine(text);
    assert.equal(
      Object.values((await tlsStatusOf(belfry)).failed).reduce((sum, count) => sum + count),
      0,
    );
  });

  test('another CA holds for new connections, and an earlier session opens no door', { skip }, async (t) => {
    const world = await useTlsBelfry(t);
    const { authority, belfry } = world;
    let session: Buffer | undefined;
    const first = openTls(world, showing(world.client));
    first.socket.on('session', (ticket) => {
      session = ticket;
    });
    await eventually('it stands', () => first.isSecure);
    const other = new Authority(t, 'Other CA');
    const stranger = other.issue({ name: 'stranger' });
    copyFileSync(other.ca, authority.ca);
    await hangUp(belfry.program);
    const ours = { ca: readFileSync(join(authority.folder, 'ca.key')), rejectUnauthorized: false };
    const again = { ...showing(world.client), ...ours, ca: [], ...(session && { session }) };
    await sendTls(world, `${message('host', 'again', 0)}\n`, again);
    await failures(belfry, 'unknown_ca', 1);
    await sendTls(world, `${message('host', 'new', 0)}\n`, {
      ...showing(stranger),
      rejectUnauthorized: false,
    });
    first.socket.end(`${message('host', 'old', 0)}\n`);
    const text = await waitForLines(belfry.file('all.log'), 2);
    assert.match(text, / new: [\s\S]* old: /);
    assert.doesNotMatch(text, / again: /);
  });

  interface Wrong {
    readonly what: string;
    /** Puts something wrong in place of the certificate, the key or the CA. */
    readonly put: (world: TlsBelfry) => void;
    readonly says: RegExp;
  }
  const wrong: readonly Wrong[] = [
    {
      what: 'a key of another certificate',
      put: ({ authority, server }) => copyFileSync(authority.issue({ name: 'x' }).key, server.key),
      says: /The key in .*server\.key does not belong to the certificate in .*server\.pem/,
    },
    {
      what: 'a certificate that has ended',
      put: ({ authority, server }) => replace(server, authority.issue({ name: 'x', days: -1 })),
      says: /CN=x.* in .*server\.pem ended on /,
    },
    {
      what: 'a file that is gone',
      put: ({ authority, server }) => execFileSync('mv', [server.cert, join(authority.folder, 'gone')]),
      says: /There is no file .*server\.pem/,
    },
    {
      what: 'a key that is locked',
      put: ({ authority, server }) => {
        authority.run(['pkey', '-in', server.key, '-aes256', '-passout', 'pass:x', '-out', 'locked.key']);
        copyFileSync(join(authority.folder, 'locked.key'), server.key);
      },
      says: /is locked with a passphrase/,
    },
    {
      what: 'no PEM',
      put: ({ server }) => writeFileSync(server.cert, 'certificate'),
      says: /server\.pem is not PEM/,
    },
    {
      what: 'a CA that is none',
      put: ({ authority, client }) => copyFileSync(client.cert, authority.ca),
      says: /CN=client.* in .*ca\.pem is not a CA/,
    },
    {
      what: 'a certificate that the TLS library does not take',
      put: ({ authority, server }) => {
        authority.run([
          ...['req', '-x509', '-newkey', 'rsa:512', '-nodes', '-keyout', 'weak.key', '-out', 'weak.pem'],
          ...['-subj', '/CN=weak', '-days', '60'],
        ]);
        const weak = (ending: string) => join(authority.folder, `weak.${ending}`);
        replace(server, { cert: weak('pem'), key: weak('key') });
      },
      says: /The TLS library does not take the certificate.*ee key too small/,
    },
  ];
  for (const { what, put, says } of wrong) {
    test(`${what}: a reload changes nothing, a start is refused`, { skip }, async (t) => {
      const world = await useTlsBelfry(t);
      const { belfry } = world;
      const serial = await shownSerial(world);
      // What the client trusts is none of the server's business.
      const trusted = { ca: readFileSync(world.authority.ca), ...showing(world.client) };
      const standing = openTls(world, trusted);
      await eventually('it stands', () => standing.isSecure);
      put(world);
      await hangUp(belfry.program, 'was not taken');
      assert.match(belfry.program.stderr, says);
      assert.match(
        belfry.program.stderr,
        /CONFIG_BAD_CERTIFICATE.*\n.*where {2}syslog\.tls\.?.*\n.*mend {3}/,
      );
      assert.equal(await shownSerial(world, trusted), serial);
      standing.socket.end(`${message('host', 'app', 0)}\n`);
      await waitForLines(belfry.file('all.log'), 1);
      const again = startProgram(BELFRY, ['serve', '-c', belfry.config]);
      const { code } = await again.ended;
      assert.equal(code, 78, again.stderr);
      assert.match(again.stderr, says);
    });
  }

  test('one that ends soon is a warning at the start and a metric', { skip }, async (t) => {
    const folder = makeFolder('tls-soon');
    t.after(folder.remove);
    const authority = new Authority(t, 'Test CA', 400);
    const server = authority.issue({ name: 'server', names: 'DNS:localhost', days: 20 });
    const httpPort = await freePort();
    const port = await freePort();
    const belfry = await useBelfry(t, {
      rules: [{ file: 'all.log' }],
      syslog: { listen: [`tls://${LOOPBACK}:${port}`], tls: { ...server, ca: authority.ca } },
      more: { http: { listen: `${LOOPBACK}:${httpPort}` } },
    });
    const warnings = logLines(belfry.program, 'trouble=ends-soon');
    assert.equal(warnings.length, 1, belfry.program.stderr);
    assert.match(warnings[0] ?? '', /CN=server.* in .*server\.pem ends on .*: (19|20) days left/);
    const metrics = await (await fetch(`http://${LOOPBACK}:${httpPort}/metrics`)).text();
    const ends = (use: string) =>
      Number(
        new RegExp(`^belfry_tls_certificate_expires_seconds\\{certificate="${use}"\\} (\\d+)$`, 'm').exec(
          metrics,
        )?.[1],
      );
    const daysTo = (use: string) => Math.round((ends(use) * 1000 - Date.now()) / DAY_MS);
    assert.equal(daysTo('server'), 20);
    assert.equal(daysTo('ca'), 400);
    assert.match(metrics, /^belfry_tls_failures_total\{reason="plain_text"\} 0$/m);
    const { certificates } = await tlsStatusOf(belfry);
    assert.deepEqual(
      certificates.map(({ use, subject, names }) => [use, subject, names]),
      [
        ['server', 'CN=server, O=Example', ['localhost']],
        ['ca', 'CN=Test CA', []],
      ],
    );
    await hangUp(belfry.program);
    assert.equal(logLines(belfry.program, 'trouble=ends-soon').length, 2);
  });
});

describe('listeners at a reload', () => {
  test('TLS comes to a server without it, goes, and comes again', { skip }, async (t) => {
    const belfry = await useBelfry(t, { rules: [{ file: 'all.log' }] });
    const authority = new Authority(t);
    const server = authority.issue({ name: 'server', names: 'DNS:localhost' });
    const port = await freePort();
    const plain = `tcp://${LOOPBACK}:${belfry.port}`;
    const tls = { ...server, ca: authority.ca };
    const write = (syslog: object) =>
      writeConfig(belfry.folder, belfry.port, { rules: [{ file: 'all.log' }], syslog: { ...syslog } });
    assert.equal((await statusOf(belfry)).tls, null);
    for (let round = 0; round < 3; round += 1) {
      write({ listen: [plain, `tls://${LOOPBACK}:${port}`], tls });
      await hangUp(belfry.program);
      await sendTls({ authority, port }, `${message('host', 'app', round)}\n`, {});
      write({ listen: [plain] });
      await hangUp(belfry.program);
      await assert.rejects(openPlain(port), { code: 'ECONNREFUSED' });
    }
    assertWhole(await waitForLines(belfry.file('all.log'), 3), 'app', 3);
    assert.equal((await statusOf(belfry)).listeners.filter(({ open }) => open).length, 1);
  });

  test('an address changes between plain and TLS, and nobody there is lost', { skip }, async (t) => {
    const belfry = await useBelfry(t, { rules: [{ file: 'all.log' }] });
    const authority = new Authority(t);
    const server = authority.issue({ name: 'server', names: 'DNS:localhost' });
    const port = await freePort();
    const tls = { ...server, ca: authority.ca };
    const speak = async (scheme: string) => {
      const listen = [`${scheme}://${LOOPBACK}:${port}`];
      writeConfig(belfry.folder, belfry.port, { rules: [{ file: 'all.log' }], syslog: { listen, tls } });
      await hangUp(belfry.program);
    };
    await speak('tls');
    await speak('tcp');
    const before = descriptorsOf(belfry.program.pid);
    const standing = await openPlain(port);
    await speak('tls');
    await sendTls({ authority, port }, `${message('host', 'app', 0)}\n`, {});
    const secure = openTls({ authority, port });
    await eventually('it stands', () => secure.isSecure);
    await speak('tcp');
    await sendTcp(port, `${message('host', 'app', 1)}\n`);
    await speak('relp');
    const relp = new RelpSender({ port, name: 'relp', count: 10 });
    await eventually('all is acknowledged', () => relp.hasClosed);
    assert.ok(relp.hasAll);
    await speak('tls');
    secure.socket.end(`${message('host', 'app', 2)}\n`);
    await eventually('the third stands there', () => readText(belfry.file('all.log')).includes(' app: n=2;'));
    standing.end(`${message('host', 'app', 3)}\n`);
    const text = await waitForLines(belfry.file('all.log'), 14);
    assertWhole(text, 'app', 4);
    await sendPlain(port, 'x\n');
    await speak('tcp');
    standing.destroy();
    await eventually('descriptors are as before', () => descriptorsOf(belfry.program.pid) <= before);
  });
});

describe('in the middle of the stream', () => {
  test('a stop takes all that senders have sent already', { skip }, async (t) => {
    const world = await useTlsBelfry(t);
    const { belfry } = world;
    const count = 5000;
    const senders = Array.from({ length: 8 }, () => openTls(world, showing(world.client)));
    await eventually('all stand', () => senders.every(({ isSecure }) => isSecure));
    // Written means: the kernel has it. Most of it has not been read yet when the last callback comes.
    const taken = senders.map(
      ({ socket }, at) =>
        new Promise((done) => {
          socket.write(numbered('host', `s${at}`, 0, count), done);
        }),
    );
    await Promise.all(taken);
    assert.equal((await belfry.program.stop()).code, 0);
    const text = readText(belfry.file('all.log'));
    for (let at = 0; at < senders.length; at += 1) assertWhole(text, `s${at}`, count);
    await eventually('all were told', () => senders.every(({ hasClosed }) => hasClosed));
    assert.deepEqual(logLines(belfry.program, /warn|error/), []);
  });

  test('a full disk holds senders back, in bounded memory, and loses nothing', {
    skip: skip || NO_DISK,
  }, async (t) => {
    const disk = useDisk(t, 512);
    const world = await useTlsBelfry(t, { files: { root: disk.path } });
    const { belfry } = world;
    const count = 100_000;
    const sender = openTls(world, showing(world.client));
    await eventually('it stands', () => sender.isSecure);
    const before = memoryOf(belfry.program.pid, 'VmRSS');
    sender.socket.end(numbered('host', 'app', 0, count, 100));
    await eventually('the disk is full', async () => (await statusOf(belfry)).files.troubledCount > 0);
    // What waits, waits with the sender: the kernel's buffers are full and nothing moves.
    const grown = memoryOf(belfry.program.pid, 'VmRSS') - before;
    assert.ok(grown < 64 * 1024 ** 2, `it has grown by ${grown} bytes`);
    assert.equal(sender.hasClosed, false);
    disk.remount('size=64m');
    const text = await waitForLines(join(disk.path, 'all.log'), count, 60_000);
    assertWhole(text, 'app', count);
    await eventually('the sender is told the end', () => sender.hasClosed);
  });
});

test('who says nothing for too long is told the end, and so is who may not send any more', {
  skip,
}, async (t) => {
  const world = await useTlsBelfry(t, { syslog: { idleTimeout: '1s' } });
  const idle = openTls(world, showing(world.client));
  await eventually('it is told', () => idle.hasClosed);
  assert.ok(idle.isSecure);
  assert.equal(idle.error, undefined);
  assert.equal((await statusOf(world.belfry)).connections.closed.idle, 1);
  world.rewrite({ idleTimeout: '0s' });
  await hangUp(world.belfry.program);
  const standing = openTls(world, showing(world.client));
  await eventually('it stands', () => standing.isSecure);
  world.rewrite({ allow: ['192.0.2.1'] });
  await hangUp(world.belfry.program);
  await eventually('it is told', () => standing.hasClosed);
  await eventually('nothing stands', async () => (await tlsStatusOf(world.belfry)).connections === 0);
});

describe('RELP over TLS', () => {
  const open = (world: TlsBelfry) => (opened: () => void) => {
    const options = { host: LOOPBACK, port: world.relpPort, servername: 'localhost' };
    return connectTls({ ...options, ca: readFileSync(world.authority.ca), ...showing(world.client) }, opened);
  };

  test('every message is acknowledged when it is written, and the close is agreed to', {
    skip,
  }, async (t) => {
    const rules = [{ match: { certName: 'web-1.example' }, file: 'web.log' }];
    const world = await useTlsBelfry(t, { rules });
    const count = 20_000;
    const sender = new RelpSender({ port: world.relpPort, name: 'app', count, open: open(world) });
    await waitUntil('the session ends', () => sender.session.ending !== undefined);
    assert.equal(sender.session.ending, 'closed', sender.session.told);
    assertWhole(readText(world.belfry.file('web.log')), 'app', count);
    await eventually('the connection ends', () => sender.hasClosed);
    const { relp } = await statusOf(world.belfry);
    assert.equal(relp.answers, count);
    assert.equal(relp.ended.closed, 1);
  });

  test('a client that has only stopped to send hears its answers', { skip }, async (t) => {
    const world = await useTlsBelfry(t);
    const offers = 'relp_version=0\nrelp_software=test\ncommands=syslog';
    const frames = [
      `1 open ${offers.length} ${offers}\n`,
      ...Array.from({ length: 500 }, (_, at) => {
        const text = message('host', 'app', at);
        return `${at + 2} syslog ${text.length} ${text}\n`;
      }),
    ];
    const raw = await openPlain(world.relpPort);
    raw.allowHalfOpen = true;
    const went = openTls({ ...world, port: world.relpPort }, showing(world.client), raw);
    let answers = '';
    went.socket.on('data', (chunk: Buffer) => {
      answers += String(chunk);
    });
    went.socket.end(frames.join(''));
    await eventually('the connection ends', () => went.hasClosed);
    for (let txnr = 2; txnr <= 501; txnr += 1)
      assert.ok(answers.includes(`\n${txnr} rsp 6 200 OK\n`), `${txnr}: ${answers.slice(-200)}`);
    assertWhole(readText(world.belfry.file('all.log')), 'app', 500);
  });

  test('a server that stops answers what is written, and says so', { skip }, async (t) => {
    const world = await useTlsBelfry(t);
    const count = 500_000;
    const sender = new RelpSender({ port: world.relpPort, name: 'app', count, open: open(world) });
    await waitUntil('some are acknowledged', () => sender.acknowledged > 1000);
    await world.belfry.program.stop();
    await eventually('the connection ends', () => sender.hasClosed);
    assert.equal(sender.session.ending, 'server_closed', sender.session.told);
    const lines = readText(world.belfry.file('all.log'));
    const acknowledged = (sender.session.settledThrough ?? -1) + 1;
    assert.ok(acknowledged > 1000);
    const numbers = [...lines.matchAll(/ app: n=(\d+);/g)].map(([, number]) => Number(number));
    assert.deepEqual(
      numbers.slice(0, acknowledged),
      Array.from({ length: acknowledged }, (_, i) => i),
    );
    t.diagnostic(`${acknowledged} acknowledged, ${numbers.length} written, ${sender.session.told}`);
  });
});

test('a key that everybody may read is a warning', { skip }, async (t) => {
  const world = await useTlsBelfry(t);
  chmodSync(world.server.key, 0o644);
  await hangUp(world.belfry.program);
  assert.equal(logLines(world.belfry.program, 'trouble=open-key').length, 1);
});
