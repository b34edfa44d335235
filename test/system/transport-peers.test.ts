// Our transports into the real rsyslogd and syslog-ng: RELP, TCP and UDP, with and without TLS, in each framing, and across
// restarts of the peer. What they write is what the queue held: nothing missing, in order but for what was sent
// again.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { TransportTls } from '../../delivery/transport/transport.ts';
import { Authority, type Pair, withoutOpenssl } from '../unit/delivery/use-certificates.ts';
import { NO_TLS, type Sending, startSending, targetOf } from '../unit/delivery/use-transport.ts';
import { demandPeer, type PeerName, skipWithout } from './peers.ts';
import {
  freePort,
  isListening,
  makeFolder,
  type Program,
  readIfThere,
  startProgram,
  waitUntil,
} from './programs.ts';

const COUNT = 5000;

interface Places {
  readonly port: number;
  readonly file: string;
  readonly tls: Pair & { readonly ca: string };
}

interface Kind {
  readonly peer: PeerName;
  readonly name: string;
  readonly scheme: 'udp' | 'tcp' | 'tls' | 'relp' | 'relps';
  readonly framing?: 'lf';
  readonly config: (places: Places) => readonly string[];
}

function rsyslogd(name: string, scheme: Kind['scheme'], config: Kind['config'], framing?: 'lf'): Kind {
  const lines = (places: Places) => [
    ...config(places),
    'main_queue(queue.workerThreads="1")',
    'template(name="bare" type="string" string="%msg%\\n")',
    `action(type="omfile" file="${places.file}" template="bare")`,
  ];
  return { peer: 'rsyslogd-relp', name, scheme, config: lines, ...(framing && { framing }) };
}

function syslogNg(
  name: string,
  scheme: Kind['scheme'],
  source: (places: Places) => string,
  framing?: 'lf',
): Kind {
  const config = (places: Places) => [
    '@version: 3.35',
    'options { stats-freq(0); };',
    `source s { ${source(places)}; };`,
    `destination d { file("${places.file}" template("\${MSG}\\n")); };`,
    'log { source(s); destination(d); };',
  ];
  return { peer: 'syslog-ng', name, scheme, config, ...(framing && { framing }) };
}

function tlsOfSyslogNg({ tls }: Places): string {
  return `tls(key-file("${tls.key}") cert-file("${tls.cert}") ca-file("${tls.ca}") peer-verify(required-trusted))`;
}

const KINDS: readonly Kind[] = [
  rsyslogd('imrelp', 'relp', ({ port }) => [
    'module(load="imrelp")',
    `input(type="imrelp" address="127.0.0.1" port="${port}")`,
  ]),
  rsyslogd('imrelp with TLS', 'relps', ({ port, tls }) => [
    'module(load="imrelp")',
    `input(type="imrelp" address="127.0.0.1" port="${port}" tls="on" tls.caCert="${tls.ca}"`,
    `  tls.myCert="${tls.cert}" tls.myPrivKey="${tls.key}" tls.authMode="name" tls.permittedPeer=["client"])`,
  ]),
  rsyslogd('imtcp, octet counting', 'tcp', ({ port }) => [
    'module(load="imtcp")',
    `input(type="imtcp" address="127.0.0.1" port="${port}")`,
  ]),
  rsyslogd(
    'imtcp, lines',
    'tcp',
    ({ port }) => ['module(load="imtcp")', `input(type="imtcp" address="127.0.0.1" port="${port}")`],
    'lf',
  ),
  syslogNg(
    'network(), lines',
    'tcp',
    ({ port }) => `network(ip("127.0.0.1") port(${port}) transport("tcp") flags(syslog-protocol))`,
    'lf',
  ),
  syslogNg('syslog(), octet counting', 'tcp', ({ port }) => {
    return `syslog(ip("127.0.0.1") port(${port}) transport("tcp"))`;
  }),
  syslogNg('syslog() over TLS', 'tls', (places) => {
    return `syslog(ip("127.0.0.1") port(${places.port}) transport("tls") ${tlsOfSyslogNg(places)})`;
  }),
];

const UDP_KINDS: readonly Kind[] = [
  rsyslogd('imudp', 'udp', ({ port }) => [
    'module(load="imudp")',
    `input(type="imudp" address="127.0.0.1" port="${port}")`,
  ]),
  syslogNg(
    'syslog() over UDP',
    'udp',
    ({ port }) => `syslog(ip("127.0.0.1") port(${port}) transport("udp"))`,
  ),
];

class PeerServer {
  readonly file: string;
  readonly port: number;
  readonly clientTls: TransportTls;
  #program: Program | undefined;
  readonly #folder: string;
  readonly #kind: Kind;

  constructor(t: TestContext, kind: Kind, port: number) {
    const folder = makeFolder('transport');
    this.#folder = folder.path;
    this.#kind = kind;
    this.port = port;
    this.file = join(folder.path, 'out.log');
    const authority = kind.scheme.endsWith('s') && kind.scheme !== 'tcp' ? new Authority(t) : undefined;
    const server = authority?.issue({ name: 'server' }) ?? { cert: '', key: '' };
    const client = authority?.issue({ name: 'client', names: 'DNS:client' });
    this.clientTls = authority ? { ...NO_TLS, ca: authority.ca, ...client } : NO_TLS;
    const lines = kind.config({ port, file: this.file, tls: { ...server, ca: authority?.ca ?? '' } });
    writeFileSync(this.#config, `${lines.join('\n')}\n`);
    t.after(async () => {
      await this.stop();
      folder.remove();
    });
  }

  get #config(): string {
    return join(this.#folder, 'peer.conf');
  }

  async start(): Promise<void> {
    const { peer, scheme } = this.#kind;
    const pid = join(this.#folder, 'pid');
    const state = ['-R', join(this.#folder, 'persist'), '-c', join(this.#folder, 'ctl'), '-p', pid];
    const args =
      peer === 'syslog-ng'
        ? ['-F', '--no-caps', '-f', this.#config, ...state]
        : ['-n', '-f', this.#config, '-i', pid];
    const program = startProgram(demandPeer(peer), args, { cwd: this.#folder });
    this.#program = program;
    const transport = scheme === 'udp' ? 'udp' : 'tcp';
    await waitUntil(`${peer} listens`, () => isListening(transport, this.port) || program.hasEnded());
    assert.ok(!program.hasEnded(), `${peer} ended: ${program.stdout}${program.stderr}`);
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
  }

  numbers(): number[] {
    const text = readIfThere(this.file).toString();
    return [...text.matchAll(/\bn=(\d+);/g)].map(([, number]) => Number(number));
  }
}

function message(n: number): string {
  return `<14>1 2025-11-20T12:34:56.789012+00:00 host app 42 - - n=${n};${'.'.repeat(n % 150)}`;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

async function startPair(t: TestContext, kind: Kind): Promise<{ server: PeerServer; sending: Sending }> {
  const server = new PeerServer(t, kind, await freePort());
  await server.start();
  const sending = startSending(t, [targetOf(kind.scheme, server.port)], {
    window: 256,
    framing: kind.framing ?? 'octet-counted',
    tls: server.clientTls,
  });
  return { server, sending };
}

function skipFor(kind: Kind): string | false {
  const needsTls = kind.scheme === 'tls' || kind.scheme === 'relps';
  return skipWithout(kind.peer) || (needsTls && withoutOpenssl);
}

for (const kind of [...KINDS, ...UDP_KINDS]) {
  describe(`${kind.peer}, ${kind.name}`, { skip: skipFor(kind) }, () => {
    test('writes every record once, in order', async (t) => {
      const { server, sending } = await startPair(t, kind);
      // Datagrams: no more than the receiver's buffer holds, so that a busy machine loses none.
      const count = kind.scheme === 'udp' ? 200 : COUNT;
      sending.appendTexts(range(1, count).map(message));
      await waitUntil(`the queue is empty, ${sending.waiting()} wait`, () => sending.waiting() === 0);
      await waitUntil('all are written', () => server.numbers().length >= count);
      assert.deepEqual(server.numbers(), range(1, count));
      const { resentRecords, refusedRecords } = sending.transport.counts();
      assert.deepEqual([resentRecords, refusedRecords], [0, 0]);
      await sending.transport.stop(Date.now() + 5000);
    });

    if (kind.scheme === 'udp') return;
    test('that is restarted while records come has them all', async (t) => {
      const { server, sending } = await startPair(t, kind);
      let next = 1;
      const feed = setInterval(() => {
        sending.appendTexts(range(next, next + 99).map(message));
        next += 100;
      }, 20);
      t.after(() => clearInterval(feed));
      for (let round = 0; round < 2; round++) {
        const had = server.numbers().length;
        await waitUntil('some are written', () => server.numbers().length > had + 500);
        await server.stop();
        await waitUntil('it is missed', () => /refused/.test(sending.why()));
        await server.start();
      }
      await waitUntil('it delivers again', () => sending.transport.state().kind === 'connected');
      clearInterval(feed);
      await waitUntil('the queue is empty', () => sending.waiting() === 0);
      const missing = () => {
        const there = new Set(server.numbers());
        return range(1, next - 1).filter((n) => !there.has(n));
      };
      try {
        await waitUntil('all are written', () => missing().length === 0, 60_000);
      } catch {
        const { said } = sending.log;
        assert.deepEqual(missing(), [], `${JSON.stringify(sending.transport.counts())} ${said.join('\n')}`);
      }
      const { resentRecords, connections } = sending.transport.counts();
      const numbers = server.numbers();
      assert.deepEqual([...new Set(numbers)], range(1, next - 1));
      t.diagnostic(
        `${next - 1} records, ${connections} connections, ${resentRecords} sent again, ${numbers.length - next + 1} came twice`,
      );
      assert.ok(numbers.length - (next - 1) <= resentRecords);
      if (kind.scheme === 'relp' || kind.scheme === 'relps') assert.ok(resentRecords <= 256 * 3);
    });
  });
}

describe('imrelp with oversizeMode="abort"', { skip: skipWithout('rsyslogd-relp') }, () => {
  const kind = rsyslogd('oversize', 'relp', ({ port }) => [
    'global(maxMessageSize="1k")',
    'module(load="imrelp")',
    `input(type="imrelp" address="127.0.0.1" port="${port}" maxDataSize="1k" oversizeMode="abort")`,
  ]);

  test('ends the connection for a long message: that one is given up, and all others arrive', async (t) => {
    const { server, sending } = await startPair(t, kind);
    const texts = range(1, 1000).map((n) => (n === 500 ? message(n).padEnd(2000, '.') : message(n)));
    sending.appendTexts(texts);
    await waitUntil('the queue is empty', () => sending.waiting() === 0);
    const expected = range(1, 1000).filter((n) => n !== 500);
    await waitUntil('all are written', () => new Set(server.numbers()).size >= expected.length);
    assert.deepEqual(
      [...new Set(server.numbers())].sort((a, b) => a - b),
      expected,
    );
    const { refusedRecords, connections } = sending.transport.counts();
    t.diagnostic(`${connections} connections; ${sending.log.said.join(' ')}`);
    assert.equal(refusedRecords, 1);
  });
});
