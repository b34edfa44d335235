// Started by who.test.ts inside a network namespace: opens the thread that finds owners, lets the peer make connections,
// asks for each of them a moment after its end, as events are, and prints one line of JSON for each round. Whose a
// connection really was is what the peer itself says.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Who } from '../../client/monitor/who/who.ts';
import { PROTOCOL } from '../../traffic/packet/packet.ts';

/** What a capture needs until it tells of a packet (the timeout of a block of its ring), and a little more. */
const EVENT_AFTER_MS = 100;

export interface Round {
  readonly kind: 'tcp' | 'udp' | 'udp-free';
  /** Of the server that is connected to, as the client writes it. */
  readonly host: string;
  /** What the server binds to. */
  readonly serverHost: string;
  readonly count: number;
  readonly lifeUs: number;
  readonly forks: boolean;
  /** All connections have this port at the client. */
  readonly clientPort?: number;
}

export interface Tally {
  readonly count: number;
  /** Of the client's end: with the right process, and with another one. */
  readonly named: number;
  readonly wrong: number;
  readonly serverNamed: number;
  readonly serverWrong: number;
  readonly hows: Readonly<Record<string, number>>;
  readonly serverHows: Readonly<Record<string, number>>;
  readonly withTotals: number;
  readonly processNames: readonly string[];
  /** What the whole process took of one core, and connections a second. */
  readonly cpuShare: number;
  readonly perSecond: number;
  /** What looking up took of the thread, for each end. */
  readonly lookupUs: number;
  readonly kernelDrops: number;
}

function addTo(record: Record<string, number>, key: string): void {
  record[key] = (record[key] ?? 0) + 1;
}

async function startServer(peer: string, host: string) {
  const child = spawn(peer, ['serve', host], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise<number>((done) => child.stdout.once('data', (text) => done(Number(text))));
  return { pid: child.pid, port, end: () => child.kill('SIGKILL') };
}

/** As a packet names it: a mapped address is one of IPv4. */
function onTheWire(host: string): string {
  return host.replace(/^::ffff:/, '');
}

export async function runRound(who: Who, peer: string, round: Round): Promise<Tally> {
  const server = await startServer(peer, round.serverHost);
  // The list of listening sockets is looked at when one is missed, so this server is found without waiting.
  const args = [
    round.kind,
    round.host,
    server.port,
    round.count,
    round.lifeUs,
    round.forks ? 1 : 0,
    round.clientPort ?? 0,
  ];
  const before = { cpu: process.cpuUsage(), atMs: performance.now(), counts: who.status().counts };
  const client = spawn(peer, args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
  const [hows, serverHows]: Record<string, number>[] = [{}, {}];
  const names = new Set<string>();
  const tally = { count: 0, named: 0, wrong: 0, serverNamed: 0, serverWrong: 0, withTotals: 0 };
  const address = onTheWire(round.host);
  const asked: Promise<void>[] = [];
  const ask = async (line: string) => {
    const [pid = 0, port = 0, startUs = 0] = line.split(' ').map(Number);
    await sleep(EVENT_AFTER_MS);
    const owners = await who.ask({
      protocol: round.kind === 'tcp' ? PROTOCOL.tcp : PROTOCOL.udp,
      clientAddress: address,
      clientPort: port,
      serverAddress: address,
      serverPort: server.port,
      isClientOwn: true,
      isServerOwn: true,
      startUs,
      isEnd: round.kind === 'tcp',
    });
    const { client: ours, server: theirs } = owners;
    tally.count += 1;
    addTo(hows ?? {}, ours?.how ?? 'none');
    addTo(serverHows ?? {}, theirs?.how ?? 'none');
    if (ours?.pid !== undefined) tally[ours.pid === pid ? 'named' : 'wrong'] += 1;
    if (theirs?.pid !== undefined) tally[theirs.pid === server.pid ? 'serverNamed' : 'serverWrong'] += 1;
    if (owners.clientTotals) tally.withTotals += 1;
    for (const owner of [ours, theirs]) if (owner?.process !== undefined) names.add(owner.process);
  };
  const lines = createInterface({ input: client.stdout });
  lines.on('line', (line) => asked.push(ask(line)));
  await new Promise((done) => lines.once('close', done));
  const cpu = process.cpuUsage(before.cpu);
  const tookMs = performance.now() - before.atMs;
  await Promise.all(asked);
  server.end();
  const { counts } = who.status();
  const ends = Math.max(1, counts.seen + counts.datagrams - before.counts.seen - before.counts.datagrams);
  return {
    ...tally,
    hows: hows ?? {},
    serverHows: serverHows ?? {},
    processNames: [...names].sort(),
    cpuShare: Number(((cpu.user + cpu.system) / 1000 / tookMs).toFixed(3)),
    perSecond: Math.round((tally.count / tookMs) * 1000),
    lookupUs: Math.round((counts.spentUs - before.counts.spentUs) / ends),
    kernelDrops: counts.kernelDrops - before.counts.kernelDrops,
  };
}
