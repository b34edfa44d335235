// What a program tells the service manager that started it (sd_notify(3)): that it is ready, reloads, stops, is
// alive, and how it does, in a sentence. A datagram for each, to the socket that NOTIFY_SOCKET names: a path, or
// `@name` in the abstract namespace. Without NOTIFY_SOCKET, or where nobody receives, nothing happens.
//
// Refuses: to wait for the manager. Whoever tells its state again from time to time is heard in the end.

import { ClockReader } from './clock.ts';
import { sendUnixDatagram } from './unix-datagram.ts';

/** A status is one line; `systemctl status` shows so much of it on a wide terminal. */
const STATUS_CHARACTERS_MAX = 400;

export type Environment = Readonly<Record<string, string | undefined>>;

export class Notify {
  readonly #socket: string | undefined;
  /** How long the manager waits for a sign of life before it ends the process. Undefined: it does not ask. */
  readonly watchdogMs: number | undefined;

  constructor(env: Environment, pid: number) {
    const socket = env['NOTIFY_SOCKET'];
    // A path or an abstract name; "vsock:…" is for virtual machines that tell their host.
    this.#socket = socket !== undefined && /^[/@]./.test(socket) ? socket : undefined;
    this.watchdogMs = this.isHeard ? watchdogOf(env, pid) : undefined;
  }

  get isHeard(): boolean {
    return this.#socket !== undefined;
  }

  /** Also when a reload is over, and again whenever the status is told: saying it twice is saying it once. */
  ready(status: string): boolean {
    return this.#tell(`READY=1\nSTATUS=${oneLine(status)}`);
  }

  /** The time tells the manager which reload this one is the answer to. */
  reloading(): boolean {
    const clock = new ClockReader('monotonic');
    clock.read();
    const micros = clock.sec * 1e6 + Math.floor(clock.nanos / 1000);
    return this.#tell(`RELOADING=1\nMONOTONIC_USEC=${micros}\nSTATUS=Reading the configuration again.`);
  }

  stopping(status: string): boolean {
    return this.#tell(`STOPPING=1\nSTATUS=${oneLine(status)}`);
  }

  /** A sign of life. */
  alive(): boolean {
    return this.#tell('WATCHDOG=1');
  }

  #tell(text: string): boolean {
    return this.#socket !== undefined && sendUnixDatagram(this.#socket, Buffer.from(text)).ok;
  }
}

/** WATCHDOG_USEC, unless it is meant for another process (sd_watchdog_enabled(3)). */
function watchdogOf(env: Environment, pid: number): number | undefined {
  const micros = Number(env['WATCHDOG_USEC'] ?? 0);
  const isOurs = env['WATCHDOG_PID'] === undefined || Number(env['WATCHDOG_PID']) === pid;
  return isOurs && Number.isSafeInteger(micros) && micros > 0 ? micros / 1000 : undefined;
}

function oneLine(text: string): string {
  const line = text.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim();
  return line.length <= STATUS_CHARACTERS_MAX ? line : `${line.slice(0, STATUS_CHARACTERS_MAX - 1)}…`;
}
