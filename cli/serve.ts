// The work of `belfry serve`: loads the configuration, opens the server, and runs it until a signal ends it.
// Apart from the command itself, so that no other command loads a server.

import { hostname, userInfo } from 'node:os';
import { EXIT, Fault, printFault } from '../base/fault.ts';
import { isV4, parseAddress } from '../base/ip.ts';
import { type Log, type LogForm, openLog } from '../base/log.ts';
import { loadServerConfig } from '../config/load.ts';
import type { ServerConfig } from '../config/server.ts';
import type { LaneThread } from '../daemon/intake/lane.ts';
import { takePassedSockets } from '../daemon/intake/passed.ts';
import { dateValues } from '../daemon/route/path.ts';
import { compileRules, stepsFor } from '../daemon/route/rules.ts';
import { Server } from '../daemon/server.ts';
import { Notify } from '../kernel/notify.ts';
import { DEFAULT_PRI } from '../syslog/record.ts';
import { compileSelector } from '../syslog/selector.ts';
import type { Io } from './io.ts';
import { untilStopped } from './signals.ts';
import { ServerSentence } from './server-sentence.ts';
import { VitalSigns } from './vital-signs.ts';

/** Within the 5 s that a stop may take, with some to spare for what is not ours. */
const STOP_WITHIN_MS = 3500;

function load(path: string) {
  // A file that cannot be written now may be writable soon: no reason for a server to stay down.
  return loadServerConfig(path, { checkSelector: compileSelector, checkFiles: false });
}

function logForm(config: ServerConfig, io: Io): LogForm {
  if (config.log.format !== 'auto') return config.log.format;
  return io.env['JOURNAL_STREAM'] === undefined ? 'text' : 'journal';
}

/** The lines that a newcomer can copy: send one message, see it arrive. */
function hints(config: ServerConfig, server: Server): string[] {
  const { listeners } = server.status();
  const udp = listeners.find(({ name }) => name.startsWith('udp://'));
  const any = udp ?? listeners.find(({ name }) => name.startsWith('tcp://'));
  if (!any) return [];
  const port = any.name.slice(any.name.lastIndexOf(':') + 1);
  const host = any.name.includes('[') && !any.name.includes('[::]') ? '::1' : '127.0.0.1';
  const letter = udp ? '-d' : '-T';
  const file = fileOfLocalMessage(config, host);
  return [
    `Send a test message:  logger -n ${host} -P ${port} ${letter} "this-is-a-test-log-message"`,
    ...(file === undefined ? [] : [`See it arrive:        tail -F ${file}`]),
  ];
}

function fileOfLocalMessage(config: ServerConfig, from: string): string | undefined {
  const peer = parseAddress(from);
  if (!peer || !isV4(peer)) return undefined;
  const facts = { peer, pri: DEFAULT_PRI, host: hostname(), program: userInfo().username };
  const steps = stepsFor(compileRules(config.rules), facts, dateValues(Date.now()));
  const sure = steps.filter(({ rule, path }) => rule.contentTests.length === 0 && path !== undefined);
  return sure.at(-1)?.path;
}

export async function runServe(path: string, io: Io, threads: LaneThread[]): Promise<number> {
  const loaded = load(path);
  if (loaded.config === undefined) {
    io.stderr(`${loaded.faults.map(printFault).join('\n\n')}\n`);
    return loaded.faults[0]?.exit ?? EXIT.config;
  }
  const log = openLog(loaded.config.log.level, logForm(loaded.config, io), io.stderr);
  for (const note of loaded.notes) log.warn(printFault(note));
  const passed = takePassedSockets(io.env, io.pid);
  for (const name of passed.unknown)
    log.warn(`The service manager passed the socket "${name}", which this server has no use for.`);
  return await serve(loaded.config, log, path, { io, threads, passed: passed.syslog, passedNtp: passed.ntp });
}

interface World {
  readonly io: Io;
  readonly threads: LaneThread[];
  readonly passed: ReturnType<typeof takePassedSockets>['syslog'];
  readonly passedNtp: ReturnType<typeof takePassedSockets>['ntp'];
}

async function serve(config: ServerConfig, log: Log, path: string, world: World): Promise<number> {
  const { io, threads, passed, passedNtp } = world;
  let die: (error: Error) => void = () => undefined;
  const died = new Promise<never>((_, fail) => {
    die = fail;
  });
  // Heard by the races below; before them there is nobody to tell.
  died.catch(() => undefined);
  const server = new Server({ config, log, version: io.version, passed, passedNtp, threads, died: die });
  const sentence = new ServerSentence(performance.now());
  const signs = new VitalSigns(
    new Notify(io.env, io.pid),
    { sentence: () => sentence.tell(server.status(), performance.now()), beats: () => server.beats() },
    log,
  );
  const opened = server.open();
  const stopped = untilStopped(opened, () => signs.reloading(() => reload(server, log, path)));
  try {
    await Promise.race([opened, died]);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    io.stderr(`${printFault(error)}\n`);
    return error.exit;
  }
  log.info(`Belfry ${io.version} is ready: ${config.rules.length} rules from ${config.path}.`, {
    event: 'ready',
    pid: io.pid,
  });
  for (const hint of hints(config, server)) log.info(hint);
  signs.ready();
  const signal = await Promise.race([stopped, died]);
  log.info(`Stopping on ${signal}: writing what was received.`, { event: 'stopping' });
  signs.stopping('Writing what was received.');
  await Promise.race([server.stop(STOP_WITHIN_MS), died]);
  signs.end();
  log.info('Stopped.', { event: 'stopped' });
  return EXIT.ok;
}

async function reload(server: Server, log: Log, path: string): Promise<void> {
  const { config, faults } = load(path);
  if (config === undefined) {
    await server.reloadFailed(faults);
    return;
  }
  try {
    await server.reload(config);
    log.setLevel(config.log.level);
    log.info(`Reloaded ${config.path}: ${config.rules.length} rules; all files are opened anew.`, {
      event: 'reloaded',
    });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    await server.reloadFailed([error]);
  }
}
