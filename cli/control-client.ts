// Asks a running Belfry over its control socket.

import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { codeOf, Fault } from '../base/fault.ts';
import { loadServerConfig } from '../config/load.ts';
import type { Answer, Answers, Question } from '../daemon/control/control.port.ts';
import { compileSelector } from '../syslog/selector.ts';
import { SERVER_CONFIG } from './command.ts';

const ANSWER_WITHIN_MS = 10_000;
const DEFAULT_SOCKET = '/run/belfry/server.sock';

export interface Whom {
  readonly config?: string;
  readonly socket?: string;
}

/** `--socket`, else what the config names, else the default socket. */
function socketOf(whom: Whom): string {
  if (whom.socket !== undefined) return whom.socket;
  const path = whom.config ?? (existsSync(SERVER_CONFIG) ? SERVER_CONFIG : undefined);
  if (path === undefined) return DEFAULT_SOCKET;
  const { config, faults } = loadServerConfig(path, { checkSelector: compileSelector, checkFiles: false });
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

export async function ask<Q extends Question>(question: Q, whom: Whom): Promise<Answers[Q]> {
  const path = socketOf(whom);
  let answer: Answer<Q>;
  try {
    // A server that has too many askers, or is ending, hangs up without a word: that is no JSON either.
    answer = JSON.parse(await exchange(path, `${JSON.stringify({ ask: question })}\n`)) as Answer<Q>;
  } catch (error) {
    throw notReached(path, error instanceof SyntaxError ? new Error('it hung up without an answer') : error);
  }
  if (answer.ok) return answer.answer;
  throw new Fault('CONTROL_NOT_REACHED', {
    what: `The Belfry that runs does not answer that: ${answer.error}`,
    where: path,
    mend: 'Is it of another version? Restart it after an upgrade.',
  });
}
