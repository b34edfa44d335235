// What is said of a connection where something is missing: the right to look into others' processes, the process, the
// socket in this network namespace; and a unit by the control group of the socket. Each `unknown` is a real one.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createSocket } from 'node:dgram';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { findGroupRoot } from '../../client/monitor/who/units.ts';
import { Who } from '../../client/monitor/who/who.ts';
import type { WayState, WhoQuestion } from '../../client/monitor/who/who.port.ts';
import type { WhoCounts } from '../../client/monitor/who/counts.ts';
import type { Owner, Owners } from '../../traffic/events/owner.ts';
import { makeNetwork, whyNoNetwork } from './netns.ts';
import { waitUntil } from './programs.ts';

const QUESTION = join(import.meta.dirname, 'who-question.js');
const isRoot = process.getuid?.() === 0;
const skip = isRoot ? false : 'needs root: rights are taken away and given';
const NOBODY = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];

interface Said {
  ways?: WayState[];
  listeners?: { protocol: number; port: number }[];
  owners?: Owners;
  counts?: WhoCounts;
}

/** The program, and what it has said; questions are answered in their order. */
class Asker {
  readonly #child: ChildProcess;
  readonly #said: Said[] = [];

  constructor(t: TestContext, ...words: readonly string[]) {
    const [program, ...args] = [...words, process.execPath, QUESTION];
    this.#child = spawn(program ?? process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout ?? assert.fail() }).on('line', (line) =>
      this.#said.push(JSON.parse(line) as Said),
    );
    t.after(() => this.#child.kill());
  }

  async #wait<K extends keyof Said>(key: K, count: number): Promise<NonNullable<Said[K]>> {
    const found = () => this.#said.filter((said) => said[key] !== undefined);
    await waitUntil(`it says ${key}`, () => found().length >= count);
    return found()[count - 1]?.[key] ?? assert.fail();
  }

  ways(): Promise<WayState[]> {
    return this.#wait('ways', 1);
  }

  /** Whether a list of listening sockets that was told has this port. */
  toldOf(port: number): boolean {
    return this.#said.some(({ listeners }) =>
      listeners?.some((one) => one.protocol === 6 && one.port === port),
    );
  }

  async ask(question: WhoQuestion): Promise<Owners> {
    const count = this.#said.filter(({ owners }) => owners).length + 1;
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    return this.#wait('owners', count);
  }

  async counts(): Promise<WhoCounts> {
    const count = this.#said.filter(({ counts }) => counts).length + 1;
    this.#child.stdin?.write('"counts"\n');
    return this.#wait('counts', count);
  }
}

async function works(asker: Asker): Promise<Record<string, boolean>> {
  return Object.fromEntries((await asker.ways()).map((state) => [state.way, state.works]));
}

async function listenHere(t: TestContext): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  return server;
}

/** A capture tells the time of the SYN to the microsecond; a test that was held up on the way to it knows it worse. */
const SYN_US_MAX = 1500;

/** As a capture would tell it: the time of the SYN, which comes at once where the code has run before. */
async function openHere(t: TestContext, server: Server): Promise<{ client: Socket; question: WhoQuestion }> {
  const { port } = server.address() as AddressInfo;
  const open = async () => {
    const startUs = nowUs();
    const client = connect(port, '127.0.0.1');
    // Node connects in this turn's next tick.
    await new Promise<void>((done) => process.nextTick(done));
    const isSharp = nowUs() - startUs < SYN_US_MAX;
    await new Promise((done) => client.once('connect', done));
    t.after(() => client.destroy());
    const question = { ...LOCAL, clientPort: client.localPort ?? 0, serverPort: port, startUs };
    return { client, question, isSharp };
  };
  for (let i = 0; i < 3; i += 1) (await open()).client.destroy();
  for (;;) {
    const opened = await open();
    if (opened.isSharp) return opened;
    opened.client.destroy();
  }
}

function nowUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}

const LOCAL: WhoQuestion = {
  protocol: 6,
  clientAddress: '127.0.0.1',
  clientPort: 0,
  serverAddress: '127.0.0.1',
  serverPort: 0,
  isClientOwn: true,
  isServerOwn: true,
  startUs: 0,
};

function isUs(owner: Owner | undefined): boolean {
  return owner?.pid === process.pid && owner.uid === 0 && owner.user === 'root';
}

test('without any right: one’s own processes, and users and units of all others', { skip }, async (t) => {
  const asker = new Asker(t, 'setpriv', ...NOBODY, '--bounding-set=-all', '--inh-caps=-all');
  const { sockets, syn, processes, ends } = await works(asker);
  assert.deepEqual(
    { sockets, syn, processes, ends },
    { sockets: true, syn: false, processes: false, ends: true },
  );
  const { question } = await openHere(t, await listenHere(t));
  const { client, server } = await asker.ask(question);
  for (const owner of [client, server]) {
    // On a machine with systemd the unit of this test is known.
    assert.ok(owner?.how === 'unknown:no-permission' || owner?.how === 'cgroup', owner?.how);
    assert.deepEqual([owner.process, owner.pid, owner.uid, owner.user], [undefined, undefined, 0, 'root']);
  }
});

const OWNERS_RIGHTS = '-all,+net_raw,+sys_ptrace';

test('with the rights of owners.conf, and no more, all processes', { skip }, async (t) => {
  const rights = [
    `--inh-caps=${OWNERS_RIGHTS}`,
    `--ambient-caps=${OWNERS_RIGHTS}`,
    `--bounding-set=${OWNERS_RIGHTS}`,
  ];
  const asker = new Asker(t, 'setpriv', ...NOBODY, ...rights);
  const { sockets, syn, processes, ends } = await works(asker);
  assert.deepEqual(
    { sockets, syn, processes, ends },
    { sockets: true, syn: true, processes: true, ends: true },
  );
  const { question } = await openHere(t, await listenHere(t));
  const { client, server } = await asker.ask(question);
  assert.ok(isUs(client), JSON.stringify(client));
  assert.ok(isUs(server), JSON.stringify(server));
});

test('a connection that was open before, and one that listens since', { skip }, async (t) => {
  const early = await listenHere(t);
  const before = await openHere(t, early);
  const asker = new Asker(t);
  await asker.ways();
  const { port } = early.address() as AddressInfo;
  await waitUntil('the early listener is told', () => asker.toldOf(port));
  // Its first packet that is seen comes later than its SYN.
  const owners = await asker.ask({ ...before.question, startUs: Date.now() * 1000 });
  assert.ok(isUs(owners.client) && isUs(owners.server), JSON.stringify(owners));
  const late = await listenHere(t);
  const after = await openHere(t, late);
  const answer = await asker.ask(after.question);
  assert.ok(isUs(answer.client) && isUs(answer.server), JSON.stringify(answer));
  const { port: latePort } = late.address() as AddressInfo;
  await waitUntil('the new listener is told', () => asker.toldOf(latePort));
});

test('the ends of a connection bring what the kernel counted', { skip }, async (t) => {
  const asker = new Asker(t);
  await asker.ways();
  const server = await listenHere(t);
  // It lives long enough to be looked up, on a busy machine too.
  const answer = (socket: Socket) => setTimeout(() => socket.end('good-bye'), 200);
  server.on('connection', (socket) => socket.once('data', () => answer(socket)));
  const { client, question } = await openHere(t, server);
  client.write('hello');
  client.resume();
  await new Promise((done) => client.once('close', done));
  const owners = await asker.ask({ ...question, isEnd: true });
  assert.ok(isUs(owners.client) && isUs(owners.server), JSON.stringify(owners));
  // The SYN and the FIN count as a byte each: of acknowledged ones both, of received ones the FIN.
  const { clientTotals, serverTotals } = owners;
  assert.deepEqual([clientTotals?.bytesAcked, clientTotals?.bytesReceived], [5 + 2, 8 + 1]);
  assert.deepEqual([serverTotals?.bytesAcked, serverTotals?.bytesReceived], [8 + 2 - 1, 5 + 1]);
});

test('an end that is asked for before the kernel has told it is waited for, a moment', {
  skip,
}, async (t) => {
  const asker = new Asker(t);
  await asker.ways();
  const server = await listenHere(t);
  const endLate = async () => {
    const { client, question } = await openHere(t, server);
    const asked = asker.ask({ ...question, isEnd: true });
    await new Promise((done) => setTimeout(done, 10));
    client.destroy();
    return (await asked).clientTotals;
  };
  // A moment is short: this process may be held up for longer.
  const totals = [];
  while (totals.length < 3 && totals.at(-1) === undefined) totals.push(await endLate());
  assert.equal(totals.at(-1)?.bytesAcked, 2, 'the SYN and the FIN');
});

test('nobody, for each of the reasons', { skip }, async (t) => {
  const asker = new Asker(t);
  await asker.ways();
  const startUs = Date.now() * 1000;
  const ask = async (more: Partial<WhoQuestion>) =>
    asker.ask({ ...LOCAL, clientPort: 9, serverPort: 19, startUs, ...more });
  const none = await ask({});
  assert.deepEqual([none.client?.how, none.server?.how], ['unknown:no-socket', 'unknown:no-socket']);
  const ping = await ask({ protocol: 1, clientPort: 0, serverPort: 0 });
  assert.deepEqual([ping.client?.how, ping.server?.how], ['unknown:kernel', 'unknown:kernel']);
  const forwarded = await ask({ isClientOwn: false, isServerOwn: false });
  assert.deepEqual(forwarded, { client: { how: 'unknown:forwarded' } });
  const odd = await ask({ clientAddress: 'fe80::1%eth0', serverAddress: 'what' });
  assert.deepEqual(odd, {});
  const { question, client } = await openHere(t, await listenHere(t));
  client.destroy();
  // Nobody asked while it was there: only its end is known.
  const unsynced = await asker.ask({ ...question, startUs: startUs - 60_000_000, isEnd: true });
  assert.equal(unsynced.client?.process, undefined);
});

test('two programs on one UDP port: which of them it was is not guessed', { skip }, async (t) => {
  const asker = new Asker(t);
  await asker.ways();
  const ours = createSocket({ type: 'udp4', reuseAddr: true });
  t.after(() => ours.close());
  await new Promise<void>((done) => ours.bind(0, '0.0.0.0', done));
  const { port } = ours.address();
  const question = {
    ...LOCAL,
    protocol: 17,
    clientPort: port,
    serverPort: 9,
    isServerOwn: false,
    startUs: Date.now() * 1000,
  };
  assert.ok(isUs((await asker.ask(question)).client));
  const script = `require('dgram').createSocket({type:'udp4',reuseAddr:true}).bind(${port},'0.0.0.0',()=>console.log('bound'))`;
  // A process is called what it says; this one says so before it binds.
  const other = spawn(process.execPath, ['-e', `process.title='other';${script}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => other.kill());
  await new Promise((done) => other.stdout.once('data', done));
  const { client } = await asker.ask(question);
  assert.deepEqual([client?.how, client?.pid, client?.process], ['unknown:shared', undefined, undefined]);
  assert.equal(client?.user, 'root');
});

const noNetwork = whyNoNetwork();

test('a socket in another network namespace is none of ours', { skip: noNetwork }, async (t) => {
  const network = makeNetwork();
  t.after(network.remove);
  const server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((done) => server.listen(0, network.here, done));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const asker = new Asker(t);
  await asker.ways();
  const startUs = Date.now() * 1000;
  const script = `const c=require('net').connect(${port},'${network.here}',()=>console.log(c.localPort))`;
  const peer = network.inside({ path: process.execPath, args: ['-e', script], env: {} });
  const child = spawn(peer.path, peer.args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const clientPort = Number(await new Promise((done) => child.stdout.once('data', done)));
  const ends = { clientAddress: network.there, clientPort, serverAddress: network.here, serverPort: port };
  // Its address might be taken for ours, on a host that forwards for its containers.
  const owners = await asker.ask({ ...LOCAL, ...ends, startUs });
  assert.equal(owners.client?.how, 'unknown:no-socket');
  assert.ok(isUs(owners.server), JSON.stringify(owners.server));
});

function groupRoot(): string | undefined {
  const root = findGroupRoot(readFileSync('/proc/self/mountinfo', 'utf8'));
  return root !== undefined && existsSync(join(root, 'cgroup.procs')) ? root : undefined;
}
const noGroups = isRoot && groupRoot() !== undefined ? false : 'needs root and control groups, version 2';

test('a unit by its control group, also when the process cannot be seen', { skip: noGroups }, async (t) => {
  const unit = `belfry-test-${process.pid}.service`;
  const folder = join(groupRoot() ?? assert.fail(), unit);
  try {
    mkdirSync(folder);
  } catch (error) {
    return t.skip(`no control group can be made here: ${(error as Error).message}`);
  }
  const server = await listenHere(t);
  const { port } = server.address() as AddressInfo;
  const script = `process.stdin.once('data',()=>{const c=require('net').connect(${port},'127.0.0.1',()=>console.log(c.localPort))})`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(async () => {
    child.kill();
    await waitUntil('the group is empty and gone', () => removed(folder));
  });
  writeFileSync(join(folder, 'cgroup.procs'), String(child.pid));
  const seeing = new Asker(t);
  const blind = new Asker(t, 'setpriv', ...NOBODY, '--bounding-set=-all', '--inh-caps=-all');
  await Promise.all([seeing.ways(), blind.ways()]);
  const startUs = Date.now() * 1000;
  child.stdin.write('go\n');
  const clientPort = Number(await new Promise((done) => child.stdout.once('data', done)));
  const question = { ...LOCAL, clientPort, serverPort: port, startUs };
  const { client } = await seeing.ask(question);
  assert.deepEqual([client?.pid, client?.unit], [child.pid, unit]);
  const { client: unseen } = await blind.ask(question);
  assert.deepEqual(
    [unseen?.how, unseen?.unit, unseen?.pid, unseen?.user],
    ['cgroup', unit, undefined, 'root'],
  );
});

function removed(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return !existsSync(folder);
  }
}

test('a flood of datagrams of one port is left out, and others are looked up still', { skip }, async (t) => {
  const asker = new Asker(t);
  await asker.ways();
  const sink = createSocket('udp4');
  t.after(() => sink.close());
  await new Promise<void>((done) => sink.bind(0, '127.0.0.1', done));
  const { port } = sink.address();
  const noisy = createSocket('udp4');
  t.after(() => noisy.close());
  const send = (socket: typeof noisy) => new Promise((done) => socket.send('x', port, '127.0.0.1', done));
  for (let i = 0; i < 3000; i += 1) await send(noisy);
  const { datagrams } = await asker.counts();
  assert.ok(datagrams >= 1 && datagrams <= 60, `${datagrams} of 3,000 were looked at`);
  const askBrief = async () => {
    const { datagrams: before } = await asker.counts();
    const brief = createSocket('udp4');
    await new Promise<void>((done) => brief.bind(0, '127.0.0.1', done));
    let startUs = 0;
    do {
      startUs = nowUs();
      await send(brief);
    } while (nowUs() - startUs > SYN_US_MAX);
    const clientPort = brief.address().port;
    while ((await asker.counts()).datagrams === before);
    brief.close();
    return (await asker.ask({ ...LOCAL, protocol: 17, clientPort, serverPort: port, startUs })).client;
  };
  // The flood may have taken what looking up may cost for a while.
  let client = await askBrief();
  for (let i = 0; i < 5 && !isUs(client); i += 1) {
    await new Promise((done) => setTimeout(done, 500));
    client = await askBrief();
  }
  assert.ok(isUs(client), JSON.stringify(client));
});

test('one that is stopped answers, and may be stopped twice, or never started', { skip }, async () => {
  const fail = (error: Error) => {
    throw error;
  };
  const who = new Who({ filter: undefined }, { onListeners: () => {}, onDied: fail });
  await who.start();
  const asked = who.ask({ ...LOCAL, clientPort: 9, serverPort: 19 });
  await Promise.all([who.stop(), who.stop()]);
  assert.equal((await asked).client?.how, 'unknown:busy');
  assert.equal((await who.ask(LOCAL)).server?.how, 'unknown:busy');
  const never = new Who({ filter: undefined }, { onListeners: () => {}, onDied: fail });
  const unheard = never.ask(LOCAL);
  await never.stop();
  assert.equal((await unheard).client?.how, 'unknown:busy');
});
