// The work of `belfry agent`: loads the configuration, opens the agent, and runs it until a signal ends it, or
// until inputs that have an end are delivered. Apart from the command itself, so that no other command loads it.

import { EXIT, Fault, printFault } from '../base/fault.ts';
import { type Log, type LogForm, openLog } from '../base/log.ts';
import { printCountOf } from '../base/units.ts';
import { Agent } from '../client/agent.ts';
import { openDoors } from '../client/open-doors.ts';
import { trafficSentence } from '../client/sentence.ts';
import type { AgentConfig } from '../config/agent.ts';
import { loadAgentConfig } from '../config/agent-load.ts';
import { Notify } from '../kernel/notify.ts';
import { compileSelector } from '../syslog/selector.ts';
import { checkFilter } from '../traffic/filter/parse.ts';
import type { Io } from './io.ts';
import { untilStopped } from './signals.ts';
import { LiveView } from './live-view.ts';
import { VitalSigns } from './vital-signs.ts';

/** Within the 5 s that a stop may take, with some to spare for what is not ours. */
const STOP_WITHIN_MS = 3500;

/** How often the lines on a terminal are drawn again. */
const DRAW_EVERY_MS = 1000;

function load(path: string) {
  // Whatever cannot be reached or read now may be there soon: no reason for an agent to keep nothing meanwhile.
  return loadAgentConfig(path, { checkFilter, checkSelector: compileSelector, checkFiles: false });
}

function logForm(config: AgentConfig, io: Io): LogForm {
  if (config.log.format !== 'auto') return config.log.format;
  return io.env['JOURNAL_STREAM'] === undefined ? 'text' : 'journal';
}

export async function runAgent(path: string, io: Io): Promise<number> {
  const loaded = load(path);
  if (loaded.config === undefined) {
    io.stderr(`${loaded.faults.map(printFault).join('\n\n')}\n`);
    return loaded.faults[0]?.exit ?? EXIT.config;
  }
  const view = new LiveView(io);
  const log = openLog(loaded.config.log.level, logForm(loaded.config, io), (text) => view.write(text));
  for (const note of loaded.notes) log.warn(printFault(note));
  return await forward(loaded.config, log, path, { io, view });
}

interface World {
  readonly io: Io;
  readonly view: LiveView;
}

async function forward(config: AgentConfig, log: Log, path: string, { io, view }: World): Promise<number> {
  let die: (error: Error) => void = () => undefined;
  const died = new Promise<never>((_, fail) => {
    die = fail;
  });
  // Heard by the races below; before them there is nobody to tell.
  died.catch(() => undefined);
  const doors = openDoors({ log, stdin: io.stdin, died: die });
  const agent = new Agent({ config, log, version: io.version, doors });
  // One event loop: the timer that gives the signs of life is all there is to ask.
  const signs = new VitalSigns(
    new Notify(io.env, io.pid),
    { sentence: () => linesOf(agent).join('; ') || 'No destination.', beats: () => [] },
    log,
  );
  const opened = agent.open();
  const stopped = untilStopped(opened, () => signs.reloading(() => reload(agent, log, path)));
  try {
    await Promise.race([opened, died]);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    io.stderr(`${printFault(error)}\n`);
    return error.exit;
  }
  sayReady(config, log, io);
  signs.ready();
  const drawing = view.isOn ? setInterval(() => view.draw(linesOf(agent)), DRAW_EVERY_MS) : undefined;
  const why = await Promise.race([stopped, died, agent.done.then(() => 'the end of all inputs')]);
  clearInterval(drawing);
  view.clear();
  log.info(`Stopping on ${why}: waiting for answers, making the queues safe.`, { event: 'stopping' });
  signs.stopping('Waiting for answers, making the queues safe.');
  await Promise.race([agent.stop(STOP_WITHIN_MS), died]);
  sayLeft(agent, log);
  signs.end();
  log.info('Stopped.', { event: 'stopped' });
  return EXIT.ok;
}

function linesOf(agent: Agent): string[] {
  const { destinations, traffic } = agent.status();
  return [
    ...destinations.map(({ sentence }) => sentence),
    ...(traffic === null ? [] : [trafficSentence(traffic)]),
  ];
}

function sayReady(config: AgentConfig, log: Log, io: Io): void {
  const inputs = printCountOf(config.inputs.length, 'input');
  const destinations = printCountOf(config.destinations.length, 'destination');
  const watching = config.traffic === undefined ? '' : ', watching connections';
  log.info(
    `Belfry ${io.version} agent is ready: ${inputs}, ${destinations}${watching} from ${config.path}.`,
    {
      event: 'ready',
      pid: io.pid,
    },
  );
}

/** What is still on disk, for whoever stops an agent before the host goes away. */
function sayLeft(agent: Agent, log: Log): void {
  for (const { name, queue } of agent.status().destinations) {
    if (queue.waiting === 0) continue;
    log.info(
      `${name}: ${printCountOf(queue.waiting, 'message')} stay in the queue in ${queue.directory} and are sent at the next start.`,
      { event: 'left_in_queue', destination: name, waiting: queue.waiting },
    );
  }
}

async function reload(agent: Agent, log: Log, path: string): Promise<void> {
  const { config, faults } = load(path);
  if (config === undefined) {
    agent.reloadFailed(faults);
    return;
  }
  try {
    await agent.reload(config);
    log.setLevel(config.log.level);
    const inputs = printCountOf(config.inputs.length, 'input');
    const destinations = printCountOf(config.destinations.length, 'destination');
    log.info(`Reloaded ${config.path}: ${inputs}, ${destinations}.`, { event: 'reloaded' });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    agent.reloadFailed([error]);
  }
}
