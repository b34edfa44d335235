// nc as a test talks through it: it says lines, hears lines, hangs up or is killed.
// Refuses: to wait for ever; what is not heard in time is a failure.

import { spawn } from 'node:child_process';
import type { Peer } from './peers.ts';
import { waitUntil } from './programs.ts';

/** nc, to whose input lines can be written while it runs. */
export class Talker {
  readonly #child;
  stdout = '';
  stderr = '';
  readonly ended: Promise<number | null>;

  constructor(peer: Peer, args: readonly string[]) {
    this.#child = spawn(peer.path, [...peer.args, ...args], {
      env: { ...process.env, ...peer.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stdin.on('error', () => undefined);
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((done) => {
      this.#child.once('close', (code) => done(code));
      this.#child.once('error', () => done(null));
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  say(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Nothing more is said: with `-N` nc sends FIN. */
  end(): void {
    this.#child.stdin.end();
  }

  async heard(text: string): Promise<void> {
    await waitUntil(`nc hears ${text}`, () => this.stdout.includes(text));
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child.kill(signal);
    await this.ended;
  }
}
