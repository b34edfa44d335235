// The control socket of a running Belfry: a unix socket that answers questions, one line of JSON each way, then
// the end. Whoever may open the file may ask; nothing can be changed through it. Servers and agents hand in the
// questions that they answer.
//
// Promises: a socket file that a killed process left is taken over, one that is alive is not; nothing that a
// client sends can hurt.

import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { codeOf, Fault } from './fault.ts';

/** The longest question; whoever sends more is not one of ours. */
export const QUESTION_BYTES_MAX = 4096;

const ASK_TIMEOUT_MS = 5000;
const ASKERS_MAX = 32;

/** Where it stands, and who may open it. */
export interface ControlPlace {
  readonly socket: string;
  readonly mode: number;
}

/** What it answers, by question. */
export type ControlAnswers = Readonly<Record<string, () => unknown>>;

function answer(line: string, answers: ControlAnswers): unknown {
  let question: unknown;
  try {
    question = (JSON.parse(line) as { ask?: unknown } | null)?.ask;
  } catch {
    return { ok: false, error: 'A question is one line of JSON.' };
  }
  const give =
    typeof question === 'string' && Object.hasOwn(answers, question) ? answers[question] : undefined;
  if (give === undefined) {
    return { ok: false, error: `The questions are: ${Object.keys(answers).join(', ')}.` };
  }
  return { ok: true, answer: give() };
}

function serve(socket: Socket, answers: ControlAnswers): void {
  let line = '';
  socket.setEncoding('utf8');
  socket.setTimeout(ASK_TIMEOUT_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  const read = (text: string) => {
    line += text;
    const end = line.indexOf('\n');
    if (end < 0 && line.length <= QUESTION_BYTES_MAX) return;
    // One question is answered; what comes behind it is read and forgotten, so that the answer arrives whole.
    socket.off('data', read).resume();
    if (end < 0 || end > QUESTION_BYTES_MAX) socket.destroy();
    else socket.end(`${JSON.stringify(answer(line.slice(0, end), answers))}\n`);
  };
  socket.on('data', read);
}

/** A socket file that nobody listens on is what a killed process leaves behind. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(path);
    const end = (alive: boolean) => {
      socket.destroy();
      done(alive);
    };
    socket.on('connect', () => end(true));
    socket.on('error', (error) => end(!['ECONNREFUSED', 'ENOENT'].includes(codeOf(error) ?? '')));
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

/** A misspelt path must not cost the operator a file. */
function notASocket(path: string): Fault {
  return new Fault('CONTROL_FAILED', {
    what: 'Something that is not a socket stands where the control socket is to be.',
    where: path,
    mend: 'Move it away, or choose another control.socket.',
  });
}

async function takePath(server: Server, path: string): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    await listenOn(server, path);
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE') throw error;
    if (!lstatSync(path).isSocket()) throw notASocket(path);
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

/** A Fault when it cannot be made: then nothing was left open. */
export async function openControlSocket(
  control: ControlPlace,
  answers: ControlAnswers,
): Promise<ControlServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, answers);
  });
  server.maxConnections = ASKERS_MAX;
  try {
    await takePath(server, control.socket);
    chmodSync(control.socket, control.mode);
  } catch (error) {
    server.close();
    if (error instanceof Fault) throw error;
    throw new Fault('CONTROL_FAILED', {
      what: `The control socket could not be made: ${codeOf(error) ?? String(error)}.`,
      where: control.socket,
      mend: 'Give the user that Belfry runs as the right to write in that directory (RuntimeDirectory=belfry in the unit), or choose another control.socket.',
    });
  }
  return { stop: () => stopControl(server, sockets) };
}

/** Nobody who is connected and asks nothing may hold up the end. */
function stopControl(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    for (const socket of sockets) socket.destroy();
  });
}
