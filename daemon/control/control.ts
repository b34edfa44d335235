// The control socket: a unix socket that answers questions about the running server. Whoever may open the
// file may ask; nothing can be changed through it.

import { chmodSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { codeOf, Fault } from '../../base/fault.ts';
import type { ServerConfig } from '../../config/server.ts';
import type { Asked } from '../http/http.ts';
import { type Ask, QUESTION_BYTES_MAX, QUESTIONS, type Question } from './control.port.ts';

const ASK_TIMEOUT_MS = 5000;
const ASKERS_MAX = 32;

function answer(line: string, asked: Asked): unknown {
  let ask: Partial<Ask>;
  try {
    ask = JSON.parse(line) as Partial<Ask>;
  } catch {
    return { ok: false, error: 'A question is one line of JSON.' };
  }
  const question = QUESTIONS.find((known) => known === ask.ask) as Question | undefined;
  if (question === undefined) return { ok: false, error: `The questions are ${QUESTIONS.join(' and ')}.` };
  return { ok: true, answer: asked[question]() };
}

function serve(socket: Socket, asked: Asked): void {
  let line = '';
  socket.setEncoding('utf8');
  socket.setTimeout(ASK_TIMEOUT_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (text: string) => {
    line += text;
    if (line.length > QUESTION_BYTES_MAX) socket.destroy();
    const end = line.indexOf('\n');
    if (end >= 0) socket.end(`${JSON.stringify(answer(line.slice(0, end), asked))}\n`);
  });
}

/** A socket file that nobody answers on is what a killed process leaves behind. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(path);
    const end = (alive: boolean) => {
      socket.destroy();
      done(alive);
    };
    socket.on('connect', () => end(true));
    socket.on('error', () => end(false));
  });
}

function listenOn(server: Server, path: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(path, () => {
      server.removeListener('error', fail);
      done();
    });
  });
}

async function takePath(server: Server, path: string): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    await listenOn(server, path);
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE') throw error;
    if (await isAlive(path)) {
      throw new Fault('CONTROL_IN_USE', {
        what: 'Another Belfry answers on the control socket.',
        where: path,
        mend: 'Stop it, or choose another control.socket. `belfry status` shows its process id.',
      });
    }
    unlinkSync(path);
    await listenOn(server, path);
  }
}

export interface ControlServer {
  stop(): Promise<void>;
}

export async function openControl(control: ServerConfig['control'], asked: Asked): Promise<ControlServer> {
  const server = createServer((socket) => serve(socket, asked));
  server.maxConnections = ASKERS_MAX;
  try {
    await takePath(server, control.socket);
    chmodSync(control.socket, control.mode);
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault('CONTROL_FAILED', {
      what: `The control socket could not be made: ${codeOf(error) ?? String(error)}.`,
      where: control.socket,
      mend: 'Give the user that Belfry runs as the right to write in that directory (RuntimeDirectory=belfry in the unit), or choose another control.socket.',
    });
  }
  return { stop: () => new Promise((done) => server.close(() => done())) };
}
