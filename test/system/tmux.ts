// A terminal that a test can look at: tmux with one window and a shell in it, in a network namespace of its own. What
// stands on the screen is read as text; keys are pressed by their names. It ends with the test.
// Refuses: the user's own tmux and its configuration; the socket stands in a folder of the test's.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { BELFRY } from './belfry.ts';
import { makeNamespace, type Namespace } from './netns.ts';
import { demandPeer, type Peer } from './peers.ts';
import { makeFolder, waitUntil } from './programs.ts';

export const PROMPT = 'ready> ';

export interface TerminalState {
  /** A program has the alternate screen. */
  readonly isAlternate: boolean;
  readonly hasCursor: boolean;
}

export interface Talk {
  readonly clientPid: number;
  readonly serverPid: number;
  say(line: string): void;
  hangUp(): void;
}

/** What `command` prints for the shell to take: a path, and arguments without blanks. */
function words({ path, args }: Peer): string {
  return [path, ...args].join(' ');
}

const servers = new Set<() => void>();
process.on('exit', () => {
  for (const end of servers) end();
});

export class TmuxScreen {
  readonly folder: string;
  readonly #space: Namespace;
  readonly #socket: string;
  readonly #tmux: Peer;
  readonly #t: TestContext;

  constructor(t: TestContext, columns = 80, rows = 24) {
    this.#t = t;
    const folder = makeFolder('tmux');
    this.folder = folder.path;
    this.#socket = join(folder.path, 's');
    this.#space = makeNamespace();
    this.#tmux = this.#space.inside(demandPeer('tmux'));
    const size = ['-x', String(columns), '-y', String(rows)];
    this.#run('new-session', '-d', ...size, 'env', `PS1=${PROMPT}`, 'sh', '-i');
    const end = () =>
      void spawnSync(this.#tmux.path, [...this.#arguments('kill-server')], { stdio: 'ignore' });
    servers.add(end);
    t.after(() => {
      end();
      servers.delete(end);
      this.#space.remove();
      folder.remove();
    });
  }

  #arguments(...args: readonly string[]): string[] {
    return [...this.#tmux.args, '-S', this.#socket, '-f', '/dev/null', '-u', ...args];
  }

  #run(...args: readonly string[]): string {
    const env = { ...process.env, ...this.#tmux.env, LC_ALL: 'C.UTF-8', TERM: 'xterm' };
    return execFileSync(this.#tmux.path, this.#arguments(...args), { encoding: 'utf8', env });
  }

  /** Letters as they are. */
  type(text: string): void {
    this.#run('send-keys', '-l', text);
  }

  /** Keys by tmux's names: Enter, Up, C-c, Escape, BSpace. */
  press(...keys: readonly string[]): void {
    this.#run('send-keys', ...keys);
  }

  /** A line for the shell. */
  command(line: string): void {
    this.type(line);
    this.press('Enter');
  }

  text(): string {
    return this.#run('capture-pane', '-p').replace(/\n$/, '');
  }

  /** The screen as it stands then: seen twice, since a terminal takes a frame piece by piece. */
  async until(what: string, holds: RegExp | ((text: string) => boolean)): Promise<string> {
    const isThere = typeof holds === 'function' ? holds : (text: string) => holds.test(text);
    let last = '';
    const isStillThere = () => {
      const before = last;
      last = this.text();
      return last === before && isThere(last);
    };
    try {
      await waitUntil(what, isStillThere);
    } catch (error) {
      throw new Error(`${(error as Error).message}; on the screen:\n${last}`);
    }
    return last;
  }

  state(): TerminalState {
    const [alternate, cursor] = this.#run('display-message', '-p', '#{alternate_on} #{cursor_flag}')
      .trim()
      .split(' ');
    return { isAlternate: alternate === '1', hasCursor: cursor === '1' };
  }

  resize(columns: number, rows: number): void {
    this.#run('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** The cable is pulled: whoever has the terminal is hung up. */
  hangUp(): void {
    this.#run('kill-server');
  }

  /** The process that the shell runs in the foreground. */
  foreground(): number {
    const shell = this.#run('display-message', '-p', '#{pane_pid}').trim();
    const children = execFileSync('cat', [`/proc/${shell}/task/${shell}/children`], { encoding: 'utf8' });
    return Number(children.trim().split(' ').at(-1));
  }

  /** `belfry monitor` with these words, typed at the prompt. */
  monitor(line: string, before = ''): void {
    this.command(`${before}${words(BELFRY)} monitor ${line}`);
  }

  /** A program of the host. */
  run(path: string, ...args: readonly string[]): string {
    const program = this.#space.inside({ path, args, env: {} });
    return execFileSync(program.path, program.args, { encoding: 'utf8' });
  }

  /** nc that listens and nc that connects, over the loopback of this host. */
  async talk(port: number): Promise<Talk> {
    const nc = this.#space.inside(demandPeer('nc'));
    const start = (...args: readonly string[]) => {
      const child = spawn(nc.path, [...nc.args, ...args], {
        stdio: ['pipe', 'ignore', 'ignore'],
        env: { ...process.env, ...nc.env },
      });
      this.#t.after(() => void child.kill('SIGKILL'));
      return child;
    };
    const server = start('-l', '127.0.0.1', String(port));
    const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`;
    await waitUntil('nc listens', () => this.run('cat', '/proc/net/tcp').includes(hex));
    const client = start('127.0.0.1', String(port));
    client.stdin.on('error', () => undefined);
    return {
      clientPid: client.pid ?? -1,
      serverPid: server.pid ?? -1,
      say: (line) => void client.stdin.write(`${line}\n`),
      hangUp: () => void client.stdin.end(() => client.kill('SIGTERM')),
    };
  }
}
