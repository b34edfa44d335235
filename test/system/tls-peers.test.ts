// Real senders on TLS listeners: rsyslogd over each of its two TLS libraries, plain and with RELP, syslog-ng in both
// of its framings, and openssl's own client. Each shows a certificate, and a rule knows it by name.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type Identity, NO_OPENSSL } from './certificates.ts';
import { demandPeer, type PeerName, skipWithout } from './peers.ts';
import {
  freePort,
  isListening,
  makeFolder,
  type Program,
  startProgram,
  waitForLines,
  waitUntil,
} from './programs.ts';
import { failures, tlsStatusOf, useTlsBelfry } from './tls-world.ts';
import { assertWhole, eventually, logLines, message, numbered, sendTcp, statusOf } from './world.ts';

const COUNT = 2000;

interface Places {
  readonly folder: string;
  readonly from: number;
  readonly to: number;
  readonly ca: string;
  readonly shown: Identity;
}

interface Kind {
  readonly peer: PeerName;
  readonly name: string;
  readonly scheme: 'tls' | 'relps';
  readonly config: (places: Places) => readonly string[];
}

function rsyslogd(
  name: string,
  scheme: Kind['scheme'],
  forward: (places: Places) => readonly string[],
): Kind {
  const config = (places: Places) => [
    `global(workDirectory="${places.folder}" localHostname="relay")`,
    'main_queue(queue.workerThreads="1")',
    'module(load="imptcp")',
    'template(name="bare" type="string" string="%rawmsg%\\n")',
    'template(name="raw" type="string" string="%rawmsg%")',
    `input(type="imptcp" address="127.0.0.1" port="${places.from}")`,
    ...forward(places),
  ];
  return { peer: 'rsyslogd-tls', name, scheme, config };
}

function omfwd(driver: 'gtls' | 'ossl', more: string) {
  return ({ to, ca, shown }: Places) => [
    `action(type="omfwd" target="127.0.0.1" port="${to}" protocol="tcp" template="raw" ${more}`,
    `  StreamDriver="${driver}" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost"`,
    `  StreamDriver.CAFile="${ca}" StreamDriver.CertFile="${shown.cert}" StreamDriver.KeyFile="${shown.key}"`,
    '  action.resumeInterval="1" action.resumeRetryCount="-1")',
  ];
}

function omrelp(library: 'gnutls' | 'openssl') {
  return ({ to, ca, shown }: Places) => [
    `module(load="omrelp" tls.tlslib="${library}")`,
    `action(type="omrelp" target="127.0.0.1" port="${to}" template="raw" windowSize="1024" tls="on"`,
    `  tls.caCert="${ca}" tls.myCert="${shown.cert}" tls.myPrivKey="${shown.key}"`,
    '  tls.authMode="name" tls.permittedPeer=["localhost"] action.resumeInterval="1" action.resumeRetryCount="-1")',
  ];
}

function syslogNg(name: string, driver: (places: Places, tls: string) => string): Kind {
  const config = (places: Places) => {
    const { from, ca, shown } = places;
    const tls = `tls(ca-file("${ca}") cert-file("${shown.cert}") key-file("${shown.key}") peer-verify(required-trusted))`;
    return [
      '@version: 3.35',
      'options { keep-hostname(yes); use-dns(no); chain-hostnames(no); stats-freq(0); time-reopen(1); };',
      `source s { network(ip("127.0.0.1") port(${from}) transport("tcp") flags(store-raw-message)); };`,
      `destination far { ${driver(places, tls)}; };`,
      'log { source(s); destination(far); };',
    ];
  };
  return { peer: 'syslog-ng', name, scheme: 'tls', config };
}

const KINDS: readonly Kind[] = [
  rsyslogd('omfwd, gtls, lines', 'tls', omfwd('gtls', '')),
  rsyslogd('omfwd, gtls, octet counting', 'tls', omfwd('gtls', 'tcp_framing="octet-counted"')),
  rsyslogd('omfwd, ossl, octet counting', 'tls', omfwd('ossl', 'tcp_framing="octet-counted"')),
  rsyslogd('omrelp, gnutls', 'relps', omrelp('gnutls')),
  rsyslogd('omrelp, openssl', 'relps', omrelp('openssl')),
  syslogNg(
    'network(), lines',
    ({ to }, tls) => `network("127.0.0.1" port(${to}) transport("tls") ${tls} template("\${RAWMSG}\\n"))`,
  ),
  syslogNg(
    'syslog(), octet counting',
    ({ to }, tls) => `syslog("127.0.0.1" port(${to}) transport("tls") ${tls})`,
  ),
];

async function startKind(t: TestContext, kind: Kind, places: Omit<Places, 'folder' | 'from'>) {
  const folder = makeFolder('tls-peer');
  const from = await freePort();
  const config = join(folder.path, 'peer.conf');
  writeFileSync(config, `${kind.config({ ...places, folder: folder.path, from }).join('\n')}\n`);
  const in_ = (name: string) => join(folder.path, name);
  const args =
    kind.peer === 'syslog-ng'
      ? ['-F', '--no-caps', '-f', config, '-R', in_('persist'), '-c', in_('ctl'), '-p', in_('pid')]
      : ['-n', '-f', config, '-i', in_('pid')];
  const program: Program = startProgram(demandPeer(kind.peer), args, { cwd: folder.path });
  t.after(async () => {
    await program.stop();
    folder.remove();
  });
  await waitUntil(`${kind.peer} listens`, () => isListening('tcp', from) || program.hasEnded());
  assert.ok(!program.hasEnded(), `${kind.peer} ended: ${program.stdout}${program.stderr}`);
  return { program, from };
}

describe('real senders over TLS', () => {
  for (const kind of KINDS) {
    test(`${kind.peer}, ${kind.name}`, { skip: NO_OPENSSL || skipWithout(kind.peer) }, async (t) => {
      const rules = [{ match: { certName: 'web-1.example' }, file: 'web.log' }];
      const world = await useTlsBelfry(t, { rules });
      const { authority, belfry, client, port, relpPort } = world;
      const to = kind.scheme === 'tls' ? port : relpPort;
      const { from, program } = await startKind(t, kind, { to, ca: authority.ca, shown: client });
      await sendTcp(from, numbered('host', 'app', 0, COUNT));
      await eventually(
        `all have come; ${program.stderr}${logLines(belfry.program, 'tls_trouble').join('\n')}`,
        async () => (await statusOf(belfry)).messages.received >= COUNT,
      );
      assertWhole(await waitForLines(belfry.file('web.log'), COUNT), 'app', COUNT);
      const { failed } = await tlsStatusOf(belfry);
      assert.equal(
        Object.values(failed).reduce((sum, count) => sum + count),
        0,
      );
    });
  }

  test('rsyslogd that does not know our CA is told of', {
    skip: NO_OPENSSL || skipWithout('rsyslogd-tls'),
  }, async (t) => {
    const world = await useTlsBelfry(t);
    const { belfry, client, port } = world;
    const [kind] = KINDS.filter(({ name }) => name.includes('ossl'));
    assert.ok(kind);
    // It holds our certificate against its own, which is no CA of ours.
    const { from } = await startKind(t, kind, { to: port, ca: client.cert, shown: client });
    await sendTcp(from, `${message('host', 'app', 0)}\n`);
    await failures(belfry, 'rejected_by_peer', 1);
    const lines = () => logLines(belfry.program, 'trouble=rejected_by_peer');
    await waitUntil('it is said', () => lines().length > 0);
    assert.match(lines()[0] ?? '', /it does not accept the certificate of this server \(alert \d+: /);
    assert.equal((await statusOf(belfry)).messages.received, 0);
  });

  test('openssl s_client', { skip: NO_OPENSSL }, async (t) => {
    const world = await useTlsBelfry(t);
    const { authority, belfry, client, port } = world;
    const shown = ['-cert', client.cert, '-key', client.key];
    const args = [
      's_client',
      '-connect',
      `127.0.0.1:${port}`,
      '-CAfile',
      authority.ca,
      '-verify_return_error',
    ];
    const input = `${message('host', 'app', 0)}\nQ\n`;
    const program = startProgram({ path: 'openssl', args: [], env: {} }, [...args, ...shown], { input });
    await waitForLines(belfry.file('all.log'), 1);
    assert.equal((await program.ended).code, 0, program.stderr);
    assert.match(program.stdout, /Verify return code: 0 \(ok\)/);
  });
});
