// npm run bench: Belfry against rsyslogd and against the kernel's own cost, in alternating runs on this
// machine, printed as ratios. The full run takes about fifteen minutes, --quick about three.
//
// Timings decide nothing here: the exit code is 1 only if a run failed, not if a goal was missed.

import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { findPeer } from '../test/system/peers.ts';
import { makeFolder } from '../test/system/programs.ts';
import { type ForwardRounds, runDrainRounds, runForwardRounds } from './load/agent_to_server/bench.ts';
import { printAppend, printDrain, printForward } from './load/agent_to_server/print.ts';
import type { DrainResult, ForwardResult } from './load/agent_to_server/run.ts';
import { type CaptureResult, runCaptureRounds } from './load/capture/bench.ts';
import { printCapture } from './load/capture/print.ts';
import { compileTools, type Tools } from './load/compile.ts';
import { median } from './load/median.ts';
import { makeMessages, type Messages } from './load/messages.ts';
import { type Load, type Result, runOnce } from './load/run.ts';
import { belfry, kernelSink, rsyslogd, type Server } from './load/servers.ts';
import { measureStart, START_GOALS, type StartResult } from './load/start/bench.ts';
import type { NtpResult } from './load/ntp/bench.ts';
import { printNtp } from './load/ntp/print.ts';
import { runNtpRounds } from './load/ntp/rounds.ts';
import { type AppendResult, runAppendRounds } from './load/spool_append/bench.ts';
import { tcpTo100Files } from './load/tcp_to_100_files/bench.ts';
import { tcpToFile } from './load/tcp_to_file/bench.ts';
import { udpFloodToFile, udpToFile, udpToFileSteady } from './load/udp_to_file/bench.ts';
import { type Options, readOptions } from './options.ts';
import { printLoad, printStart, type Summary, summariseAll } from './print.ts';

const PACKETS = 4_000_000;
const QUICK_PACKETS = 1_000_000;
/** At a steady rate more messages make it longer, not more exact. */
const STEADY_SECONDS = 6;

/** Progress and remarks go to stderr: stdout holds the results alone. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function findServers(tools: Tools, without: readonly string[]): Server[] {
  const peer = findPeer('rsyslogd');
  const theirs = 'missing' in peer ? [] : [rsyslogd(peer, false), rsyslogd(peer, true)];
  if ('missing' in peer) say(`without rsyslogd: ${peer.missing}`);
  if (tools.note !== undefined) say(tools.note);
  const sink = tools.sink === undefined ? [] : [kernelSink(tools.sink)];
  return [belfry, ...theirs, ...sink].filter((server) => !without.includes(server.name));
}

/** Alternating, and in turned order each round, so that nobody always runs on a warm or a tired machine. */
function* turns(servers: readonly Server[], rounds: number): Generator<{ round: number; server: Server }> {
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < servers.length; i++) {
      yield { round, server: servers[(i + round) % servers.length] as Server };
    }
  }
}

async function runLoad(
  load: Load,
  servers: readonly Server[],
  sent: Messages,
  tools: Tools,
  options: Options,
  folder: string,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const { round, server } of turns(servers, options.rounds)) {
    const result = await runOnce(load, server, sent, tools, folder);
    results.push(result);
    const figures = `${result.cpuUsPerMessage.toFixed(2)} µs, ${Math.round(result.perSecond)} msg/s, lost ${result.lost}`;
    say(`${load.name} ${round + 1}/${options.rounds} ${server.name}: ${figures}`);
  }
  return results;
}

function machine(): Record<string, string | number> {
  const model = cpus()[0]?.model ?? 'unknown';
  const memory = /MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? '0';
  return {
    cpu: model,
    cores: cpus().length,
    memoryMiB: Math.round(Number(memory) / 1024),
    kernel: release(),
    node: process.version,
  };
}

interface Report {
  readonly machine: Record<string, string | number>;
  readonly messages: number;
  readonly start: StartResult[];
  readonly loads: Summary[];
  readonly runs: Result[];
  readonly ntp: NtpResult[];
  readonly capture: CaptureResult[];
  readonly forwarding: Forwarding;
}

interface Forwarding {
  readonly live: readonly ForwardResult[];
  readonly backlog: readonly DrainResult[];
  readonly append: readonly AppendResult[];
}

async function runForwarding(
  options: Options,
  folder: string,
  print: (text: string) => void,
): Promise<Forwarding> {
  const wishes: ForwardRounds = { ...options, folder, say };
  const wants = (name: string) => options.names.includes(name);
  const live = wants('agent_to_server') ? await runForwardRounds(wishes) : [];
  if (live.length > 0) print(printForward(live));
  const backlog = wants('agent_backlog') ? await runDrainRounds(wishes) : [];
  if (backlog.length > 0) print(printDrain(backlog));
  const append = wants('spool_append') ? runAppendRounds(wishes) : [];
  if (append.length > 0) print(printAppend(append));
  return { live, backlog, append };
}

async function runAll(options: Options, folder: string): Promise<Report> {
  const tools = compileTools(folder);
  const servers = findServers(tools, options.without);
  const print = (text: string) => (options.json ? undefined : console.log(text));
  const start: StartResult[] = [];
  if (options.names.includes('start')) {
    for (const server of servers.filter(({ name }) => name === 'belfry' || name === 'rsyslogd')) {
      start.push(await measureStart(server, folder, options.rounds, options.idleSeconds));
    }
    print(printStart(start, START_GOALS));
  }
  const loads: Summary[] = [];
  const runs: Result[] = [];
  const all = makeMessages(options.messages, folder);
  const take = async (load: Load) => {
    const enough = load.rate * STEADY_SECONDS;
    const sent = load.rate > 0 && enough < all.count ? makeMessages(enough, folder) : all;
    const results = await runLoad(load, servers, sent, tools, options, folder);
    const summaries = summariseAll(load.name, results);
    print(printLoad(load, sent.count, summaries));
    runs.push(...results);
    loads.push(...summaries);
    return results;
  };
  if (options.names.includes('tcp_to_file')) await take(tcpToFile);
  if (options.names.includes('tcp_to_100_files')) await take(tcpTo100Files);
  const wantsSteady = options.names.includes('udp_to_file_steady');
  if (options.names.includes('udp_to_file') || wantsSteady) {
    const flatOut = await take(udpToFile());
    if (wantsSteady) await take(udpToFileSteady(median(flatOut.map((run) => run.sentPerSecond))));
  }
  if (options.names.includes('udp_flood_to_file')) await take(udpFloodToFile());
  const ntp = options.names.includes('ntp') ? await runNtpRounds({ ...options, tools, folder, say }) : [];
  if (ntp.length > 0) print(printNtp(ntp));
  const packets = options.quick ? QUICK_PACKETS : PACKETS;
  const wantsCapture = options.names.includes('capture');
  const capture = wantsCapture ? await runCaptureRounds({ ...options, packets, folder, say }) : [];
  if (capture.length > 0) print(printCapture(capture));
  const forwarding = await runForwarding(options, folder, print);
  return { machine: machine(), messages: all.count, start, loads, runs, ntp, capture, forwarding };
}

const options = readOptions(process.argv.slice(2));
const folder = makeFolder('bench', options.dir);
try {
  const { cpu, cores, kernel, node } = machine();
  if (!options.json) console.log(`${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}\n`);
  const report = await runAll(options, folder.path);
  if (options.json) console.log(JSON.stringify(report, undefined, 2));
} finally {
  folder.remove();
}
