// Asks a running Belfry, server or agent, over its control socket.

import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { codeOf, Fault } from '../base/fault.ts';
import type { AgentStatus } from '../client/status.ts';
import { loadAnyConfig } from '../config/load-any.ts';
import type { Answers as ServerAnswers } from '../daemon/control/control.port.ts';
import { compileSelector } from '../syslog/selector.ts';
import { checkFilter } from '../traffic/filter/parse.ts';
import { AGENT_CONFIG, SERVER_CONFIG } from './command.ts';

const ANSWER_WITHIN_MS = 10_000;
const SERVER_SOCKET = '/run/belfry/server.sock';
const AGENT_SOCKET = '/run/belfry/agent.sock';

/** What a Belfry answers; an agent answers the first question alone. */
interface Answers extends Omit<ServerAnswers, 'status'> {
  readonly status: ServerAnswers['status'] | AgentStatus;
}

type Answer<Q extends keyof Answers> =
  | { readonly ok: true; readonly answer: Answers[Q] }
  | { readonly ok: false; readonly error: string };

export interface Whom {
  readonly config?: string;
  readonly socket?: string;
}

/** `--socket`, else what the config names, else the usual sockets: the server's, then the agent's. */
function socketsOf(whom: Whom, question: keyof Answers): string[] {
  if (whom.socket !== undefined) return [whom.socket];
  if (whom.config !== undefined) return [socketNamedIn(whom.config)];
  const server = existsSync(SERVER_CONFIG) ? socketNamedIn(SERVER_CONFIG) : SERVER_SOCKET;
  if (question !== 'status') return [server];
  return [server, existsSync(AGENT_CONFIG) ? socketNamedIn(AGENT_CONFIG) : AGENT_SOCKET];
}

function socketNamedIn(path: string): string {
  const { loaded } = loadAnyConfig(path, { checkFilter, checkSelector: compileSelector, checkFiles: false });
  const { config, faults } = loaded;
  if (config !== undefined) return config.control.socket;
  const [first] = faults;
  throw (
    first ?? new Fault('CONFIG_NOT_READABLE', { what: 'The configuration could not be read.', where: path })
  );
}

function notReached(socket: string, error: unknown): Fault {
  const code = codeOf(error) ?? (error as Error).message;
  const denied = code === 'EACCES' || code === 'EPERM';
  return new Fault('CONTROL_NOT_REACHED', {
    what: denied ? 'You may not ask the Belfry that runs here.' : `No Belfry answers: ${code}.`,
    where: socket,
    mend: denied
      ? 'Ask as root, or as a member of the group that owns the socket.'
      : 'Is it running? Name its configuration with -c FILE, or its socket with --socket PATH.',
  });
}

function exchange(path: string, line: string): Promise<string> {
  return new Promise((done, fail) => {
    let text = '';
    const socket = connect(path, () => socket.write(line));
    socket.setEncoding('utf8');
    socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(new Error('it did not answer in time')));
    socket.on('data', (part: string) => {
      text += part;
    });
    socket.on('error', fail);
    socket.on('end', () => done(text));
  });
}

/** Nobody is there, so that somebody else may be meant. */
function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ECONNREFUSED'].includes(codeOf(error) ?? '');
}

/** The first that answers. */
async function exchangeWithAny(
  paths: readonly string[],
  line: string,
): Promise<{ path: string; text: string }> {
  for (const [at, path] of paths.entries()) {
    try {
      return { path, text: await exchange(path, line) };
    } catch (error) {
      const isLast = at === paths.length - 1;
      if (isLast || !isAbsent(error)) throw notReached(isLast ? paths.join(', ') : path, error);
    }
  }
  throw notReached(paths.join(', '), new Error('nobody was asked'));
}

export async function ask<Q extends keyof Answers>(question: Q, whom: Whom): Promise<Answers[Q]> {
  const paths = socketsOf(whom, question);
  const { path, text } = await exchangeWithAny(paths, `${JSON.stringify({ ask: question })}\n`);
  let answer: Answer<Q>;
  try {
    answer = JSON.parse(text) as Answer<Q>;
  } catch {
    // A program that has too many askers, or is ending, hangs up without a word: that is no JSON either.
    throw notReached(path, new Error('it hung up without an answer'));
  }
  if (answer.ok) return answer.answer;
  throw new Fault('CONTROL_NOT_REACHED', {
    what: `The Belfry that runs does not answer that: ${answer.error}`,
    where: path,
    mend: 'Is it an agent, or of another version? Restart it after an upgrade.',
  });
}
