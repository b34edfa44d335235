// What tests of the capture are made of: a capture as a program of its own in a network namespace, and datagrams and
// connections of known number and size beside it. Nothing else is in the namespace, so that numbers can be exact.

import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import type { CaptureSettings, InterfaceState, SeenFacts } from '../../client/monitor/capture.port.ts';
import type { CaptureCounts } from '../../client/monitor/capture-counts.ts';
import type { Namespace } from './netns.ts';
import type { Peer } from './peers.ts';
import { PATIENCE_MS, type Program, startProgram, waitUntil } from './programs.ts';

const WATCH: Peer = {
  path: process.execPath,
  args: [join(import.meta.dirname, 'capture-watch.js')],
  env: {},
};

type Line = { readonly kind: string };

/** What has been heard so far. */
export class Watcher {
  readonly program: Program;

  constructor(program: Program) {
    this.program = program;
  }

  #of<T>(kind: string): T[] {
    const whole = this.program.stdout.slice(0, this.program.stdout.lastIndexOf('\n') + 1);
    const lines = whole.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Line).filter((line) => line.kind === kind) as T[];
  }

  get events(): SeenFacts[] {
    return this.#of<SeenFacts>('event');
  }

  get states(): string[] {
    return this.#of<InterfaceState>('interface').map(({ name, state }) => `${name} ${state}`);
  }

  get losses(): { dropped: number }[] {
    return this.#of<{ dropped: number }>('losses');
  }

  get faults(): { code: string; what: string; mend: string }[] {
    return this.#of<{ code: string; what: string; mend: string }>('fault');
  }

  /** The fields of each interval record. */
  get records(): string[][] {
    return this.#of<{ line: string }>('record').map(({ line }) => line.split(' '));
  }

  get hasStarted(): boolean {
    return this.#of('started').length > 0;
  }

  /** Rows of a snapshot that is asked for now. */
  async snapshot(): Promise<SeenFacts[]> {
    const before = this.#of('snapshot').length;
    this.program.signal('SIGUSR1');
    await waitUntil('a snapshot', () => this.#of('snapshot').length > before);
    return (this.#of('snapshot') as unknown as { rows: SeenFacts[] }[]).at(-1)?.rows ?? [];
  }

  /** Rows once they hold so many packets of the clients at this port; they come in blocks. */
  async rowsWith(clientPort: number, packets: number): Promise<SeenFacts[]> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const rows = await this.snapshot();
      const own = rows.filter((row) => row.clientPort === clientPort).flatMap((row) => row.packets);
      const seen = own.reduce((sum, count) => sum + count, 0);
      if (seen >= packets || performance.now() > deadlineMs) return rows;
    }
  }

  async stop(): Promise<CaptureCounts> {
    await this.program.stop();
    const [counts] = this.#of<CaptureCounts>('counts');
    if (!counts) throw new Error(`no counts: ${this.program.stderr}`);
    return counts;
  }
}

export function watchWith(settings: Partial<CaptureSettings> & { mustBeThere?: boolean }, as: Peer): Watcher {
  return new Watcher(startProgram({ ...as, args: [...as.args, JSON.stringify(settings)] }, []));
}

export async function watch(space: Namespace, settings: Partial<CaptureSettings>): Promise<Watcher> {
  const watcher = watchWith(settings, space.inside(WATCH));
  await waitUntil('the capture runs', () => watcher.hasStarted || watcher.program.hasEnded());
  if (!watcher.hasStarted) throw new Error(`no capture: ${watcher.program.stdout}${watcher.program.stderr}`);
  return watcher;
}

/** The same with words in front, such as those of setpriv. */
export function watcherPeer(path: string, ...args: readonly string[]): Peer {
  return { path, args: [...args, WATCH.path, ...WATCH.args], env: {} };
}

/** Runs a few lines of JavaScript in the namespace, to their end. */
export function play(space: Namespace, script: string): void {
  const { path, args } = space.inside({ path: process.execPath, args: ['-e', script], env: {} });
  execFileSync(path, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 20_000 });
}

/** `count` datagrams of `bytes` from a port of `from` to one of `to`; a socket stands at both ends. */
export function sendDatagrams(space: Namespace, wish: Readonly<Record<string, string | number>>): void {
  play(
    space,
    `const wish = ${JSON.stringify(wish)};
     const dgram = require('node:dgram');
     const kind = String(wish.to).includes(':') ? 'udp6' : 'udp4';
     const there = dgram.createSocket(kind).on('message', () => { got += 1; });
     const here = dgram.createSocket(kind);
     let got = 0;
     const sendOne = (left) => {
       if (left === 0) return setTimeout(() => { here.close(); there.close(); }, 20);
       here.send(Buffer.alloc(wish.bytes), wish.toPort, wish.to, (error) => {
         if (error) throw error;
         if (left % 50 === 0) setTimeout(sendOne, 1, left - 1); else sendOne(left - 1);
       });
     };
     const begin = () => here.bind(wish.fromPort, wish.from, () => sendOne(wish.count));
     wish.far ? begin() : there.bind(wish.toPort, wish.to, begin);
     if (wish.far) there.bind(0);`,
  );
}

/** Two namespaces with a cable between them: 198.51.100.1 and .2, fd00:51::1 and ::2, who know each other already. */
export function join2(one: Namespace, other: Namespace): readonly [string, string] {
  const [a, b] = ['cable0', 'cable1'];
  one.ip('link', 'add', a, 'type', 'veth', 'peer', 'name', b, 'netns', other.name);
  for (const [space, device, number] of [
    [one, a, 1],
    [other, b, 2],
  ] as const) {
    space.ip('address', 'add', `198.51.100.${number}/24`, 'dev', device);
    space.ip('address', 'add', `fd00:51::${number}/64`, 'dev', device, 'nodad');
    space.ip('link', 'set', device, 'address', `02:00:00:00:51:0${number}`, 'up');
    const peer = ['lladdr', `02:00:00:00:51:0${3 - number}`, 'dev', device];
    space.ip('neigh', 'replace', `198.51.100.${3 - number}`, ...peer);
    space.ip('neigh', 'replace', `fd00:51::${3 - number}`, ...peer);
  }
  return [a, b];
}
