// An agent and a server of one make, side by side: the agent reads a log file and forwards it with
// acknowledgements, the server writes it to a file again. Belfry, and rsyslogd on both sides.
//
// rsyslogd runs twice. As its guide to reliable forwarding has it: imfile, an action queue that goes to disk when
// its memory is full, omrelp. And tuned: the main queue is the disk-assisted one, so that a message is handed
// over once less; larger queues and batches; a window that holds a batch. omrelp corks its socket during a
// batch, and what does not fit the window waits for the kernel's 200 ms: with its own sizes it does little else.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BELFRY, startBelfry } from '../../../test/system/belfry.ts';
import type { Peer } from '../../../test/system/peers.ts';
import { isListening, type Program, startProgram, waitUntil } from '../../../test/system/programs.ts';

export type PairName = 'belfry' | 'rsyslogd' | 'rsyslogd tuned';

/** Where one run has its files. */
export interface Places {
  /** A file that is moved here is read. */
  readonly inbox: string;
  /** What the server writes. */
  readonly file: string;
  readonly folder: string;
  readonly port: number;
}

export interface Pair {
  readonly name: PairName;
  readonly startServer: (places: Places) => Promise<Program>;
  readonly startAgent: (places: Places) => Promise<Program>;
}

export function makePlaces(folder: string, port: number): Places {
  for (const name of ['inbox', 'out', 'agent', 'server']) mkdirSync(join(folder, name));
  return { inbox: join(folder, 'inbox'), file: join(folder, 'out/all.log'), folder, port };
}

/** A queue that holds the largest backlog of the bench. */
const QUEUE_GIB = 4;

async function serve({ folder, port }: Places): Promise<Program> {
  const config = {
    syslog: { listen: [`relp://127.0.0.1:${port}`] },
    files: { root: join(folder, 'out'), format: 'traditional' },
    rules: [{ name: 'load', file: 'all.log' }],
    control: { socket: join(folder, 'server/control.sock') },
  };
  const path = join(folder, 'server/server.json');
  writeFileSync(path, JSON.stringify(config));
  return startBelfry(path);
}

async function runAgent({ folder, inbox, port }: Places): Promise<Program> {
  const directory = join(folder, 'agent/queue');
  const config = {
    inputs: [{ type: 'file', path: join(inbox, '*.log'), program: 'app', from: 'beginning' }],
    destinations: [
      {
        name: 'bench',
        to: `relp://127.0.0.1:${port}`,
        queue: { directory, maxDiskSpace: `${QUEUE_GIB}GiB`, onFull: 'block' },
        retry: { min: '100ms', max: '500ms' },
      },
    ],
    control: { socket: join(folder, 'agent/control.sock') },
  };
  const path = join(folder, 'agent/agent.json');
  writeFileSync(path, JSON.stringify(config));
  const program = startProgram(BELFRY, ['agent', '-c', path]);
  await waitUntil('belfry agent is ready', () => /\bready\b/.test(program.stderr) || program.hasEnded());
  if (program.hasEnded()) throw new Error(`belfry agent ended: ${program.stdout}${program.stderr}`);
  return program;
}

export const belfryPair: Pair = { name: 'belfry', startServer: serve, startAgent: runAgent };

async function runRsyslogd(
  peer: Peer,
  folder: string,
  lines: readonly string[],
  isReady: () => boolean,
): Promise<Program> {
  const path = join(folder, 'rsyslog.conf');
  writeFileSync(path, `${lines.join('\n')}\n`);
  const program = startProgram(peer, ['-n', '-f', path, '-i', join(folder, 'rsyslogd.pid')], { cwd: folder });
  await waitUntil('rsyslogd has started', () => program.hasEnded() || isReady());
  if (program.hasEnded()) throw new Error(`rsyslogd ended: ${program.stderr}`);
  return program;
}

/** rsyslogd says nothing when it is ready; a port of its own that listens says it for it. */
const READY_PORT = 'module(load="imptcp")';

function serverLines({ folder, file, port }: Places, tuned: boolean): string[] {
  const format = `template="RSYSLOG_TraditionalFileFormat"${tuned ? ' ioBufferSize="256k"' : ''}`;
  return [
    `global(workDirectory="${folder}/server")`,
    // One worker: with more, rsyslogd changes the order of messages.
    `main_queue(queue.workerThreads="1"${tuned ? ' queue.size="100000" queue.dequeueBatchSize="2048"' : ''})`,
    'module(load="imrelp")',
    `input(type="imrelp" address="127.0.0.1" port="${port}")`,
    `action(type="omfile" file="${file}" ${format})`,
  ];
}

/** Which queue is large and goes to disk; 'none': the action's, with its own sizes. */
export type Tuned = 'none' | 'main queue' | 'action queue';

function agentLines({ folder, inbox, port }: Places, readyPort: number, tuned: Tuned): string[] {
  const onDisk = [
    'queue.type="LinkedList" queue.filename="forward" queue.saveOnShutdown="on"',
    `queue.maxDiskSpace="${QUEUE_GIB}g"`,
  ].join(' ');
  const large = 'queue.size="200000" queue.dequeueBatchSize="1024"';
  const main = tuned === 'main queue' ? ` ${onDisk} ${large}` : '';
  const action = { none: onDisk, 'main queue': '', 'action queue': `${onDisk} ${large}` }[tuned];
  return [
    `global(workDirectory="${folder}/agent")`,
    `main_queue(queue.workerThreads="1"${main})`,
    READY_PORT,
    `input(type="imptcp" address="127.0.0.1" port="${readyPort}")`,
    'module(load="imfile")',
    'module(load="omrelp")',
    `input(type="imfile" file="${inbox}/*.log" tag="app" facility="local0" severity="info")`,
    `action(type="omrelp" target="127.0.0.1" port="${port}" template="RSYSLOG_SyslogProtocol23Format"`,
    `  windowSize="${tuned === 'none' ? 128 : 20_000}" action.resumeRetryCount="-1" action.resumeInterval="1"`,
    `  ${action})`,
  ];
}

export function rsyslogPair(peer: Peer, tuned: Tuned, freePort: () => Promise<number>): Pair {
  return {
    name: tuned === 'none' ? 'rsyslogd' : 'rsyslogd tuned',
    startServer: (places) =>
      runRsyslogd(peer, join(places.folder, 'server'), serverLines(places, tuned !== 'none'), () =>
        isListening('tcp', places.port),
      ),
    startAgent: async (places) => {
      const readyPort = await freePort();
      return runRsyslogd(peer, join(places.folder, 'agent'), agentLines(places, readyPort, tuned), () =>
        isListening('tcp', readyPort),
      );
    },
  };
}
