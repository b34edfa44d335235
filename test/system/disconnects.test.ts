// The real answer, end to end: two hosts, their agents, a router and a server; connections really break in every way that
// can be made, both agents tell of it, the server writes it in every format, and `belfry disconnects` says who did it.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { BELFRY } from './belfry.ts';
import type { Peer } from './peers.ts';
import { startProgram, waitUntil } from './programs.ts';
import { TwoHosts, whyNoTwoHosts } from './two-hosts.ts';

const skip = whyNoTwoHosts();

/** Short silences, so that a test need not wait for minutes. */
const TIMEOUTS = { noAnswer: '2s', silent: '2s', halfClosed: '2s', udpIdle: '1s' };
const FORMATS = ['traditional', 'iso', 'rfc5424', 'json', 'raw'] as const;

const PORTS = {
  closed: 2501,
  serverReset: 2502,
  clientReset: 2503,
  middleReset: 2504,
  bothReset: 2505,
  refused: 2506,
  filtered: 2507,
  synLost: 2508,
  answerLost: 2509,
  cut: 2510,
  ignored: 2511,
  serverReset6: 2512,
} as const;
type Way = keyof typeof PORTS;

const NODE: Peer = { path: process.execPath, args: [], env: {} };

const forward = (rule: string) => `chain forward { type filter hook forward priority 0; ${rule} }`;

/** An open connection over which both sides have said something. */
async function talk(
  world: TwoHosts,
  port: number,
  args: readonly string[] = [],
  address = world.beta.address,
) {
  const server = await world.beta.listen(port, args);
  const client = world.alpha.connect(address, port, args);
  client.say('hello\n');
  await server.heard('hello\n');
  server.say('good day\n');
  await client.heard('good day\n');
  await Promise.all(world.hosts.map((host) => host.event('opened', { dport: String(port) })));
  return { server, client };
}

/** Each way to end, one after the other; resolves when whoever can know of it has told it. */
const WAYS: Readonly<Record<Way, (world: TwoHosts, port: number) => Promise<unknown>>> = {
  closed: async (world, port) => {
    const { server, client } = await talk(world, port, ['-N']);
    client.end();
    await server.ended;
    await told(world, 'closed', port);
  },
  serverReset: async (world, port) => {
    const { server, client } = await talk(world, port);
    await server.stop();
    client.say('is anybody there?\n');
    await told(world, 'reset', port);
  },
  clientReset: async (world, port) => {
    const server = await world.beta.listen(port);
    const script = `require('net').connect(${port}, '${world.beta.address}').on('data', function () { this.resetAndDestroy(); })`;
    const client = world.alpha.run(NODE, ['-e', script]);
    await world.beta.event('opened', { dport: String(port) });
    server.say('hang up, please\n');
    await waitUntil('the client ends', () => client.hasEnded());
    await told(world, 'reset', port);
  },
  middleReset: async (world, port) => {
    const { client } = await talk(world, port);
    world.middle(forward(`tcp dport ${port} reject with tcp reset;`));
    client.say('through the middle\n');
    await world.alpha.event('reset', { dport: String(port) });
  },
  bothReset: async (world, port) => {
    const { client, server } = await talk(world, port);
    world.middle(
      forward(`tcp dport ${port} reject with tcp reset; tcp sport ${port} reject with tcp reset;`),
    );
    client.say('one\n');
    server.say('two\n');
    await told(world, 'reset', port);
  },
  refused: async (world, port) => {
    await world.alpha.connect(world.beta.address, port).ended;
    await told(world, 'refused', port);
  },
  filtered: async (world, port) => {
    world.middle(forward(`tcp dport ${port} reject with icmp type admin-prohibited;`));
    await world.alpha.connect(world.beta.address, port).ended;
    await world.alpha.event('refused', { dport: String(port) });
  },
  synLost: async (world, port) => {
    world.middle(forward(`tcp dport ${port} drop;`));
    const client = world.alpha.connect(world.beta.address, port, ['-w', '2']);
    await client.ended;
    await world.alpha.event('no-answer', { dport: String(port) });
  },
  answerLost: async (world, port) => {
    await world.beta.listen(port);
    world.middle(forward(`tcp sport ${port} drop;`));
    const client = world.alpha.connect(world.beta.address, port, ['-w', '2']);
    await client.ended;
    await world.alpha.event('no-answer', { dport: String(port) });
    await world.beta.event('timeout', { dport: String(port) });
  },
  cut: async (world, port) => {
    const { client, server } = await talk(world, port);
    world.middle(forward(`tcp dport ${port} drop; tcp sport ${port} drop;`));
    client.say('nobody hears this\n');
    server.say('nor this\n');
    await told(world, 'timeout', port);
  },
  serverReset6: async (world, port) => {
    const { server, client } = await talk(world, port, ['-6'], world.beta.address6);
    await server.stop();
    client.say('is anybody there?\n');
    await told(world, 'reset', port);
  },
  ignored: async (world, port) => {
    world.beta.rules(`chain input { type filter hook input priority 0; tcp dport ${port} drop; }`);
    await world.alpha.connect(world.beta.address, port, ['-w', '2']).ended;
    await told(world, 'no-answer', port);
    world.beta.rules('');
  },
};

function told(world: TwoHosts, name: string, port: number) {
  return Promise.all(world.hosts.map((host) => host.event(name, { dport: String(port) })));
}

/** What is known of each way beforehand: the verdict, and what its sentence says. */
const WANTED: Readonly<Record<Way, readonly [code: string, sentence: RegExp]>> = {
  closed: ['closed-client', /^The client \(nc[^)]*\) closed it first \(FIN\); the server saw the end /],
  serverReset: [
    'server-reset',
    /^The server(?: \(nc[^)]*\))? sent RST after \d+ packets; the client saw it /,
  ],
  serverReset6: [
    'server-reset',
    /^The server(?: \(nc[^)]*\))? sent RST after \d+ packets; the client saw it /,
  ],
  clientReset: ['client-reset', /^The client(?: \([^)]*\))? sent RST after \d+ packets; the server saw it /],
  middleReset: [
    'between-reset',
    /^The client saw a RST after \d+ packets that the server never sent: something between them did/,
  ],
  bothReset: ['between-reset', /something between/],
  refused: [
    'refused-server',
    /^The server's host refused the SYN with RST: nothing listens on port \d+; the client saw it /,
  ],
  filtered: [
    'refused-filter',
    /^It was refused with ICMP 3\/13, prohibited by a filter; beta reports, but nothing of this connection: /,
  ],
  synLost: [
    'no-answer-syn-lost',
    /^The client sent \d+ SYNs?, and none arrived: beta reports, but nothing of this connection/,
  ],
  answerLost: [
    'no-answer-lost',
    /and \d+ packets? went back, but (?:no answer reached the client|none reached the client in time)/,
  ],
  cut: ['timeout-cut', /nothing came through in either direction/],
  ignored: [
    'no-answer-ignored',
    /arrived? at the server's host, which gave no answer: its firewall drops them/,
  ],
};

interface Disconnect {
  readonly verdict: string;
  readonly sentence: string;
  readonly server: { readonly port: number };
}

async function disconnects(t: TestContext, args: readonly string[]): Promise<Disconnect[]> {
  const program = startProgram(BELFRY, ['disconnects', '--json', ...args]);
  t.after(() => program.stop('SIGKILL'));
  await waitUntil('belfry disconnects ends', () => program.hasEnded());
  assert.equal(program.stderr, '');
  return (JSON.parse(program.stdout) as { disconnects: Disconnect[] }).disconnects;
}

test('each way for a connection to end, told by both hosts, is found out from the files alone', {
  skip,
}, async (t) => {
  const world = await TwoHosts.open(t, {
    traffic: { filter: 'portrange 2501-2512', timeouts: TIMEOUTS },
    formats: FORMATS,
  });
  for (const [way, end] of Object.entries(WAYS)) {
    await end(world, PORTS[way as Way]);
    world.middle('');
  }
  const filesOf = (format: string) => world.hosts.map(({ name }) => world.file(name, format));
  const sentences: string[][] = [];
  for (const format of FORMATS) {
    const found = await disconnects(t, ['--all', ...filesOf(format)]);
    for (const [way, [code, sentence]] of Object.entries(WANTED)) {
      const [one, ...more] = found.filter(({ server }) => server.port === PORTS[way as Way]);
      assert.ok(one, `${way} in ${format}`);
      assert.equal(more.length, 0, `${way} in ${format}: ${JSON.stringify(more)}`);
      assert.equal(one.verdict, code, `${way} in ${format}: ${one.sentence}`);
      assert.match(one.sentence, sentence, `${way} in ${format}`);
    }
    sentences.push(found.map((one) => one.sentence));
  }
  for (const others of sentences) assert.deepEqual(others, sentences[0], 'every format tells the same');
  for (const sentence of sentences[0] ?? []) t.diagnostic(sentence);
});

test('a host that dies is told from one that is slow, by what its other logs say', { skip }, async (t) => {
  const world = await TwoHosts.open(t, { traffic: { filter: 'port 2525', timeouts: TIMEOUTS } });
  const { client } = await talk(world, 2525);
  world.unplug(world.beta);
  await world.beta.agent?.stop('SIGKILL');
  client.say('are you there?\n');
  await world.alpha.event('timeout', { dport: '2525' });
  const files = world.hosts.map(({ name }) => world.file(name, 'rfc5424'));
  const [one] = await disconnects(t, files);
  assert.equal(one?.verdict, 'timeout-host-silent', one?.sentence);
  assert.match(
    one.sentence,
    /^The client(?: \(nc[^)]*\))? waited in vain for the acknowledgement of \d+ bytes; beta has not been heard since /,
  );
  t.diagnostic(one.sentence);
});
