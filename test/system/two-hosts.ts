// Two hosts of a site, each with an agent that watches its connections, and a router between them on which the
// central server runs: three network namespaces. The hosts are 10.77.0.2 ("alpha") and 10.77.1.2 ("beta"), fd77:0::2
// and fd77:1::2; the router is .1 on both sides. What passes between the hosts passes through the router, where nft(8)
// can drop and reset it. Queues, logs and files stand in one folder, which goes with the test.
// Refuses: to run without root, nft and nc; `whyNoTwoHosts` says so.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { AgentStatus } from '../../client/status.ts';
import { BELFRY } from './belfry.ts';
import { makeNamespace, type Namespace, whyNoNetwork } from './netns.ts';
import { demandPeer, type Peer, skipWithout } from './peers.ts';
import { makeFolder, type Program, startProgram, type StartOptions, waitUntil } from './programs.ts';
import { readEvent, type SeenEvent } from './seen-event.ts';
import { Talker } from './talker.ts';
import { askSocket, eventually, logLines, readText } from './world.ts';

/** For `skip`: false, or why there can be no two hosts here. */
export function whyNoTwoHosts(): string | false {
  return whyNoNetwork() || skipWithout('nft', 'nc');
}

const RELP_PORT = 2514;
const SETPRIV: Peer = { path: 'setpriv', args: [], env: {} };

export interface TwoHostsOptions {
  /** The section `traffic` of an agent; `{}` unless told. */
  readonly traffic?: object | ((host: Host) => object);
  /** Other keys of agent.json. */
  readonly agent?: object | ((host: Host) => object);
  /** Formats in which the server writes what it hears, each into a file of its own; rfc5424 always. */
  readonly formats?: readonly string[];
  /** Where the messages go: RELP unless told. */
  readonly scheme?: 'relp' | 'udp' | 'tcp';
}

export type HostName = 'alpha' | 'beta';

export class Host {
  readonly name: HostName;
  readonly address: string;
  readonly address6: string;
  /** Its device towards the router. */
  readonly device = 'eth0';
  readonly folder: string;
  /** A path for `traffic.log`. */
  readonly logPath: string;
  agent: Program | undefined;
  readonly #space: Namespace;
  readonly #world: TwoHosts;

  constructor(name: HostName, subnet: number, space: Namespace, world: TwoHosts) {
    this.name = name;
    this.address = `10.77.${subnet}.2`;
    this.address6 = `fd77:${subnet}::2`;
    this.#space = space;
    this.#world = world;
    this.folder = join(world.folder, name);
    this.logPath = join(this.folder, 'traffic.log');
    mkdirSync(this.folder);
  }

  /** A program on this host; it is killed at the end of the test. */
  run(program: Peer, args: readonly string[], options: StartOptions = {}): Program {
    return this.#world.keep(startProgram(this.#space.inside(program), args, options));
  }

  ip(...words: readonly string[]): void {
    this.#space.ip(...words);
  }

  /** Rules of nft(8) on this host, as the body of `table inet test`; replaces those before. */
  rules(body: string): void {
    this.#world.nft(this.#space, body);
  }

  // ---- nc

  /** nc that waits for one connection on the port. */
  async listen(port: number, args: readonly string[] = []): Promise<Talker> {
    const talker = this.#talk(['-l', ...args, String(port)]);
    await this.listening(port);
    return talker;
  }

  connect(address: string, port: number, args: readonly string[] = []): Talker {
    return this.#talk([...args, address, String(port)]);
  }

  #talk(args: readonly string[]): Talker {
    const talker = new Talker(this.#space.inside(demandPeer('nc')), args);
    this.#world.keep(talker);
    return talker;
  }

  /** Somebody on this host takes connections on the port. */
  async listening(port: number): Promise<void> {
    await eventually(`somebody listens on ${port}`, () => this.#isListening(port));
  }

  #isListening(port: number): boolean {
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    const cat = this.#space.inside({ path: 'cat', args: ['/proc/net/tcp', '/proc/net/tcp6'], env: {} });
    const text = execFileSync(cat.path, cat.args, { encoding: 'utf8' });
    return new RegExp(`:${hex} \\S+ 0A `).test(text);
  }

  // ---- the agent

  get agentConfig(): string {
    return join(this.folder, 'agent.json');
  }

  get socket(): string {
    return join(this.folder, 'agent.sock');
  }

  writeAgent(traffic: object | undefined, changes: object = {}, scheme = 'relp'): void {
    const config = {
      host: this.name,
      inputs: [],
      destinations: [
        {
          name: 'central',
          to: `${scheme}://${this.address.replace(/2$/, '1')}:${RELP_PORT}`,
          queue: { directory: join(this.folder, 'queue') },
          retry: { min: '50ms', max: '500ms' },
        },
      ],
      ...(traffic && { traffic }),
      control: { socket: this.socket },
      log: { format: 'text' },
      ...changes,
    };
    writeFileSync(this.agentConfig, JSON.stringify(config, undefined, 2));
  }

  /** With the configuration that stands there. `rights`: arguments of setpriv(1), to take some away. */
  async startAgent(rights?: readonly string[]): Promise<Program> {
    const args = ['agent', '-c', this.agentConfig];
    const agent =
      rights === undefined
        ? this.run(BELFRY, args)
        : this.run(SETPRIV, [...rights, BELFRY.path, ...BELFRY.args, ...args]);
    this.agent = agent;
    await waitUntil(
      `the agent of ${this.name} is ready`,
      () => logLines(agent, 'agent is ready').length > 0 || agent.hasEnded(),
    );
    if (agent.hasEnded()) throw new Error(`the agent of ${this.name} ended: ${agent.stderr}`);
    return agent;
  }

  async status(): Promise<AgentStatus> {
    return (await askSocket(this.socket, 'status')) as unknown as AgentStatus;
  }

  get log(): string {
    return readText(this.logPath);
  }

  // ---- what the server has of it

  /** Messages of this host in the server's file, in the order in which they came. */
  events(name?: string): SeenEvent[] {
    const lines = readText(this.#world.file(this.name, 'rfc5424')).split('\n');
    const events = lines.flatMap((line) => readEvent(line) ?? []);
    return name === undefined ? events : events.filter((event) => event.name === name);
  }

  /** The first event of that name with these parameters, once the server has it. */
  async event(name: string, params: Readonly<Record<string, string>> = {}): Promise<SeenEvent> {
    const find = () =>
      this.events(name).find((event) =>
        Object.entries(params).every(([key, value]) => event.params[key] === value),
      );
    try {
      await waitUntil(`${this.name}: ${name} ${JSON.stringify(params)}`, () => find() !== undefined);
    } catch (error) {
      const seen = this.events().map(({ line }) => line);
      throw new Error(
        `${(error as Error).message}; the server has:\n${seen.join('\n')}\n${this.agent?.stderr}`,
      );
    }
    return find() as SeenEvent;
  }
}

export class TwoHosts {
  readonly folder: string;
  readonly alpha: Host;
  readonly beta: Host;
  readonly #t: TestContext;
  readonly #router: Namespace;
  readonly #options: TwoHostsOptions;
  readonly #running: { stop(signal: NodeJS.Signals): Promise<unknown> }[] = [];

  private constructor(t: TestContext, folder: string, options: TwoHostsOptions) {
    this.#t = t;
    this.folder = folder;
    this.#options = options;
    this.#router = makeNamespace();
    const spaces = [makeNamespace(), makeNamespace()] as const;
    t.after(async () => {
      await Promise.all(this.#running.map((one) => one.stop('SIGKILL')));
      for (const space of [...spaces, this.#router]) space.remove();
    });
    this.#forward();
    for (const [subnet, space] of spaces.entries()) this.#cable(subnet, space);
    this.alpha = new Host('alpha', 0, spaces[0], this);
    this.beta = new Host('beta', 1, spaces[1], this);
  }

  /** Both hosts, their agents and the server, all running. */
  static async open(t: TestContext, options: TwoHostsOptions = {}): Promise<TwoHosts> {
    const folder = makeFolder('hosts');
    t.after(folder.remove);
    const world = new TwoHosts(t, folder.path, options);
    await world.startServer();
    for (const host of world.hosts) {
      world.writeAgent(host);
      await host.startAgent();
    }
    return world;
  }

  get hosts(): readonly [Host, Host] {
    return [this.alpha, this.beta];
  }

  writeAgent(host: Host): void {
    const { traffic = {}, agent = {}, scheme } = this.#options;
    const of = (one: object | ((host: Host) => object)) => (typeof one === 'function' ? one(host) : one);
    host.writeAgent(of(traffic), of(agent), scheme);
  }

  /** Whatever runs in the world is killed before its folder goes. */
  keep<T extends { stop(signal: NodeJS.Signals): Promise<unknown> }>(program: T): T {
    this.#running.push(program);
    return program;
  }

  // ---- the net

  #forward(): void {
    const text = 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding';
    const shell = this.#router.inside({ path: 'sh', args: ['-c', text], env: {} });
    execFileSync(shell.path, shell.args);
  }

  #cable(subnet: number, space: Namespace): void {
    // A device's name has at most 15 letters (IFNAMSIZ, linux/if.h). It is made where it stays.
    const router = this.#router;
    router.ip('link', 'add', `to${subnet}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space.name);
    router.ip('address', 'add', `10.77.${subnet}.1/24`, 'dev', `to${subnet}`);
    router.ip('-6', 'address', 'add', `fd77:${subnet}::1/64`, 'dev', `to${subnet}`, 'nodad');
    router.ip('link', 'set', `to${subnet}`, 'up');
    space.ip('address', 'add', `10.77.${subnet}.2/24`, 'dev', 'eth0');
    space.ip('-6', 'address', 'add', `fd77:${subnet}::2/64`, 'dev', 'eth0', 'nodad');
    space.ip('link', 'set', 'eth0', 'up');
    space.ip('route', 'add', 'default', 'via', `10.77.${subnet}.1`);
    space.ip('-6', 'route', 'add', 'default', 'via', `fd77:${subnet}::1`);
  }

  /** The cable of a host is pulled at the router: nothing arrives, and nobody on the host is told of it. */
  unplug(host: Host): void {
    this.middle(
      `chain forward { type filter hook forward priority 0; iifname "${this.#deviceOf(host)}" drop; oifname "${this.#deviceOf(host)}" drop; }
       chain input { type filter hook input priority 0; iifname "${this.#deviceOf(host)}" drop; }
       chain output { type filter hook output priority 0; oifname "${this.#deviceOf(host)}" drop; }`,
    );
  }

  #deviceOf(host: Host): string {
    return host === this.alpha ? 'to0' : 'to1';
  }

  /** Rules of nft(8) on the router, as the body of `table inet test`; replaces those before. Empty: none. */
  middle(body: string): void {
    this.nft(this.#router, body);
  }

  nft(space: Namespace, body: string): void {
    const nft = space.inside(demandPeer('nft'));
    const text = `table inet test\ndelete table inet test\ntable inet test {\n${body}\n}\n`;
    execFileSync(nft.path, [...nft.args, '-f', '-'], { input: text, env: { ...process.env, ...nft.env } });
  }

  // ---- the server

  /** What the server has written of a host in a format. */
  file(host: string, format: string): string {
    return join(this.folder, 'central', `${host}.${format}.log`);
  }

  /** The same of all hosts together. */
  get central(): string {
    return readText(join(this.folder, 'central', 'all.rfc5424.log'));
  }

  async startServer(): Promise<Program> {
    const formats = [...new Set(['rfc5424', ...(this.#options.formats ?? [])])];
    const config = {
      syslog: {
        listen: [`relp://0.0.0.0:${RELP_PORT}`, `udp://0.0.0.0:${RELP_PORT}`],
        allow: ['10.77.0.0/16'],
      },
      files: { root: join(this.folder, 'central') },
      rules: formats.flatMap((format) => [
        { file: { path: `{host}.${format}.log`, format } },
        { file: { path: `all.${format}.log`, format } },
      ]),
      control: { socket: join(this.folder, 'server.sock') },
      log: { format: 'text' },
    };
    const path = join(this.folder, 'server.json');
    writeFileSync(path, JSON.stringify(config));
    const server = this.keep(startProgram(this.#router.inside(BELFRY), ['serve', '-c', path]));
    await waitUntil('the server is ready', () => /\bready\b/.test(server.stderr) || server.hasEnded());
    if (server.hasEnded()) throw new Error(`belfry serve ended: ${server.stderr}`);
    this.#t.diagnostic(`hosts in ${this.folder}`);
    return server;
  }
}
