// Machines for tests: a throw-away Debian under a real systemd, alone or several on one network, started by
// systemd-nspawn over a root that is never written to. All of it lives in namespaces of its own below one
// process, whose standard input is a pipe from the test: when the test ends, however it ends, so do they.
// Machine N (1, 2, …) has 10.99.0.N. There is no way out of that network.
// Refuses: to install anything on the host, to let a machine set the host's clock, to boot without root.

import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { demandPeer, skipWithout } from './peers.ts';
import { PATIENCE_MS, readIfThere, waitUntil } from './programs.ts';

/** A machine is up in half a second; a busy host takes longer. */
const BOOT_MS_MAX = 60_000;
/** A single command inside; installing a package is the slowest. */
const COMMAND_MS_MAX = 120_000;
const OUTPUT_BYTES_MAX = 64 << 20;

/** PID 1 of the namespaces. $1 root folder, $2 systemd-nspawn, $3 its libraries, $4 group, then binds, --, names. */
const SITE = `
set -eu
ROOT=$1 NSPAWN=$2 LIBRARIES=$3 GROUP=$4; shift 4
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /run/site /run/netns
ip link set lo up
ip link add br0 up type bridge
ip address add 10.99.0.254/24 dev br0
BINDS=
while [ "$1" != -- ]; do BINDS="$BINDS $1"; shift; done; shift
echo '127.0.0.1 localhost' >/run/site/hosts
n=0; for name; do n=$((n + 1)); echo "10.99.0.$n $name" >>/run/site/hosts; done
machine() {
  o=/run/site/$1
  mkdir -p $o/up $o/work $o/root /sys/fs/cgroup/$GROUP/$1
  mount -t overlay overlay -o lowerdir=$ROOT,upperdir=$o/up,workdir=$o/work $o/root
  cp /run/site/hosts $o/root/etc/hosts
  echo $1 >$o/root/etc/hostname
  ip netns add $1
  ip link add cable-$1 master br0 up type veth peer name host0 netns $1
  ip -n $1 link set lo up
  ip -n $1 link set host0 up
  ip -n $1 address add 10.99.0.$2/24 dev host0
  # 133 is a reboot from inside.
  while :; do
    code=0
    sh -c 'echo $$ >"$0/cgroup.procs"; exec env LD_LIBRARY_PATH='$LIBRARIES' SYSTEMD_NSPAWN_API_VFS_WRITABLE=network "$@"' \\
      /sys/fs/cgroup/$GROUP/$1 $NSPAWN -q --boot -D $o/root -M $1 --register=no --keep-unit --link-journal=no \\
      --network-namespace-path=/run/netns/$1 --capability=CAP_NET_ADMIN '--system-call-filter=bpf @clock' \\
      --resolv-conf=off --timezone=off $BINDS </dev/null >>$o/console 2>&1 || code=$?
    echo "ended: $code" >>$o/console
    [ $code = 133 ] || break
  done
}
n=0; for name; do n=$((n + 1)); machine $name $n & done
exec cat >/dev/null
`;

export interface Done {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function enter(pid: number, namespaces: readonly string[], command: readonly string[]): Promise<Done> {
  const env = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LC_ALL: 'C.UTF-8',
  };
  const options = {
    env,
    timeout: COMMAND_MS_MAX,
    maxBuffer: OUTPUT_BYTES_MAX,
    killSignal: 'SIGKILL',
  } as const;
  return new Promise((done) => {
    execFile(
      'nsenter',
      ['-t', String(pid), ...namespaces, '--', ...command],
      options,
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
        done({ code, stdout, stderr: stderr || (error?.message ?? '') });
      },
    );
  });
}

interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** The pid in each namespace, from ours inwards. */
  readonly pids: readonly number[];
}

function readProcess(pid: number): ProcessFacts | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    const parent = Number(/^PPid:\s+(\d+)/m.exec(text)?.[1]);
    const pids = (/^NSpid:\s+(.*)$/m.exec(text)?.[1] ?? '').split(/\s+/).map(Number);
    return { pid, parent, pids };
  } catch {
    return undefined;
  }
}

function descendsFrom(process: ProcessFacts, ancestor: number): boolean {
  for (
    let at: ProcessFacts | undefined = process;
    at !== undefined && at.pid > 1;
    at = readProcess(at.parent)
  ) {
    if (at.parent === ancestor) return true;
  }
  return false;
}

/** The first process of each machine of a site: pid 1 of the namespace inside the site's. */
function firstProcesses(site: number): number[] {
  const depth = (readProcess(process.pid)?.pids.length ?? 1) + 2;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((found) => found !== undefined)
    .filter(({ pids }) => pids.length === depth && pids.at(-1) === 1)
    .filter((found) => descendsFrom(found, site))
    .map(({ pid }) => pid);
}

export class Machine {
  readonly name: string;
  readonly address: string;
  private readonly site: number;

  constructor(site: number, name: string, number: number) {
    this.site = site;
    this.name = name;
    this.address = `10.99.0.${number}`;
  }

  /** Pid of the machine's systemd as this side sees it; undefined while it is down. */
  first(): number | undefined {
    return firstProcesses(this.site).find(
      (pid) => readIfThere(`/proc/${pid}/root/etc/hostname`).toString().trim() === this.name,
    );
  }

  /** Where a file of the machine stands for this side, or nowhere while it is down. */
  path(inside: string): string {
    return `/proc/${this.first() ?? 'nobody'}/root${inside}`;
  }

  read(inside: string): string {
    return readIfThere(this.path(inside)).toString('utf8');
  }

  write(inside: string, text: string): void {
    mkdirSync(dirname(this.path(inside)), { recursive: true });
    writeFileSync(this.path(inside), text);
  }

  async try(...command: readonly string[]): Promise<Done> {
    const first = this.first();
    if (first === undefined) return { code: 255, stdout: '', stderr: `${this.name} is down` };
    return await enter(first, ['-m', '-u', '-i', '-n', '-p', '-r', '-w'], command);
  }

  /** What the command printed; it must succeed. */
  async run(...command: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.try(...command);
    if (code === 0) return stdout;
    throw new Error(`${this.name}: ${command.join(' ')} ended with ${code}: ${stderr}${stdout}`);
  }

  /** For what has a pipe or a redirection in it. */
  sh(script: string): Promise<string> {
    return this.run('sh', '-euc', script);
  }

  /** A property of a unit, such as MainPID or NRestarts. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.run('systemctl', 'show', '--value', '-p', name, unit)).trim();
  }

  /** What the machine's journal has of a unit, for a test that waits for it or has failed. */
  async journal(unit?: string): Promise<string> {
    const of = unit === undefined ? [] : ['-u', unit];
    return (await this.try('journalctl', '--no-pager', '-q', '-o', 'cat', '-n', '2000', ...of)).stdout;
  }

  /** Waits until its systemd has started what it starts. */
  async booted(): Promise<void> {
    const isUp = () => existsSync(this.path('/run/systemd/private'));
    await waitUntil(`${this.name} has booted`, isUp, BOOT_MS_MAX);
    await this.try('systemctl', 'is-system-running', '--wait');
  }

  /** A reboot as an operator asks for it. */
  async reboot(): Promise<void> {
    const before = this.first();
    await this.try('systemctl', 'reboot');
    const isAnother = () => ![undefined, before].includes(this.first());
    await waitUntil(`${this.name} has gone down`, isAnother, BOOT_MS_MAX);
    await this.booted();
  }
}

/** Groups stay behind when their processes are gone; those of sites whose test has ended are removed. */
function removeGroups(): void {
  const script = `
    mount -t cgroup2 cgroup2 /sys/fs/cgroup; cd /sys/fs/cgroup
    for group in belfry-boot-*; do
      [ -d "$group" ] || continue
      [ -e "/proc/\${group#belfry-boot-}" ] && [ "$group" != "$0" ] && continue
      for try in 1 2 3 4 5; do
        find "$group" -depth -type d -exec rmdir {} + && break; sleep 0.1
      done
    done`;
  spawnSync('unshare', ['--mount', 'sh', '-c', script, groupName()], { stdio: 'ignore' });
}

function groupName(): string {
  return `belfry-boot-${process.pid}`;
}

export interface SiteOptions {
  /** Folders of the host that every machine sees, read-only: from, to. */
  readonly shows?: readonly (readonly [string, string])[];
}

export class Site {
  readonly machines: readonly Machine[];
  private readonly holder: ChildProcess;
  private errors = '';

  constructor(names: readonly string[], options: SiteOptions) {
    const nspawn = demandPeer('systemd-nspawn');
    const binds = (options.shows ?? []).map(([from, to]) => `--bind-ro=${from}:${to}`);
    const libraries = nspawn.env['LD_LIBRARY_PATH'] ?? '';
    const words = [
      demandPeer('debian-root').path,
      nspawn.path,
      libraries,
      groupName(),
      ...binds,
      '--',
      ...names,
    ];
    const apart = ['--mount', '--net', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc'];
    this.holder = spawn('unshare', [...apart, 'sh', '-c', SITE, 'site', ...words], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    this.holder.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    this.holder.on('error', (error) => {
      this.errors += error.message;
    });
    // A pipe whose end is gone is no news: close() is how one ends it.
    this.holder.stdin?.on('error', () => undefined);
    this.machines = names.map((name, at) => new Machine(this.holder.pid ?? -1, name, at + 1));
  }

  machine(name: string): Machine {
    const found = this.machines.find((machine) => machine.name === name);
    if (found === undefined) throw new Error(`no machine ${name}`);
    return found;
  }

  async booted(): Promise<void> {
    try {
      await Promise.all(this.machines.map((machine) => machine.booted()));
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${this.errors}${await this.consoles()}`);
    }
  }

  /** The last lines of each machine's console. */
  async consoles(): Promise<string> {
    const said = await this.inside('sh', '-c', 'tail -n 5 /run/site/*/console');
    return said.stdout;
  }

  /** Pulls or plugs the cable of a machine. */
  async cable(name: string, state: 'up' | 'down'): Promise<void> {
    const done = await this.inside('ip', 'link', 'set', `cable-${name}`, state);
    if (done.code !== 0) throw new Error(done.stderr);
  }

  private async inside(...command: readonly string[]): Promise<Done> {
    const first = readIfThere(`/proc/${this.holder.pid}/task/${this.holder.pid}/children`).toString().trim();
    return await enter(Number(first), ['-m', '-n', '-p'], command);
  }

  /** Pulls every plug. */
  async close(): Promise<void> {
    const ended = new Promise((done) => this.holder.once('close', done));
    if (this.holder.exitCode === null && this.holder.signalCode === null) {
      this.holder.stdin?.end();
      const late = setTimeout(() => this.holder.kill('SIGKILL'), PATIENCE_MS);
      await ended;
      clearTimeout(late);
    }
    removeGroups();
  }
}

/** Boots machines of these names on one network. Whoever opens it closes it. */
export async function openSite(names: readonly string[], options: SiteOptions = {}): Promise<Site> {
  removeGroups();
  const site = new Site(names, options);
  try {
    await site.booted();
  } catch (error) {
    await site.close();
    throw error;
  }
  return site;
}

/** For `skip`: false, or why no machine can be booted here. */
export function whyNoBoot(): string | false {
  if (process.getuid?.() !== 0) return 'only root may boot a machine';
  for (const tool of ['unshare', 'nsenter']) {
    if (spawnSync(tool, ['--version'], { stdio: 'ignore' }).status !== 0) return `${tool} is missing`;
  }
  const apart = spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', 'true'], { encoding: 'utf8' });
  if (apart.status !== 0) return `no namespaces can be made here: ${apart.stderr.trim()}`;
  return skipWithout('systemd-nspawn', 'debian-root');
}
