// The input `devlog`: owns a local socket such as /dev/log, where programs log with syslog(3). Promises: no
// program ever waits for a queue (the thread of datagrams reads whatever happens; what has no room is counted);
// the sender's process is the kernel's word; the path is looked at each second, and taken back when it was
// replaced by nobody. Refuses: to take the path from a living owner.

import { Fault } from '../../../base/fault.ts';
import type { Log } from '../../../base/log.ts';
import type { DevlogInput } from '../../../config/agent.ts';
import type { DatagramInlet, Datagrams } from '../datagrams/datagrams.ts';
import { DatagramPump } from '../datagrams/datagram-pump.ts';
import type { Input, InputSink, InputStatus } from '../input.ts';
import type { MessageSettings } from '../message.ts';
import { Outflow } from '../outflow.ts';
import { LocalMessage } from './local-message.ts';
import { isOurs, type OwnedSocket, removeOwn, takeSocketPath } from './socket-path.ts';

const LOOK_MS = 1000;

export interface DevlogParts {
  readonly sink: InputSink;
  readonly settings: MessageSettings;
  /** One for the whole agent. */
  readonly datagrams: Datagrams;
  readonly log: Log;
}

export function openDevlog(config: DevlogInput, parts: DevlogParts): Input {
  return new Devlog(config, parts);
}

class Devlog implements Input {
  readonly #config: DevlogInput;
  readonly #log: Log;
  readonly #outflow: Outflow;
  readonly #inlet: DatagramInlet;
  readonly #pump: DatagramPump;
  readonly #message: LocalMessage;
  #socket: OwnedSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #trouble: string | undefined;
  #empty = 0;
  #unsent = 0;

  constructor(config: DevlogInput, parts: DevlogParts) {
    this.#config = config;
    this.#log = parts.log;
    this.#outflow = new Outflow(parts.sink, parts.settings);
    this.#message = new LocalMessage(parts.settings.host, parts.settings.zone);
    this.#inlet = parts.datagrams.openQueue(() => this.#pump.look());
    this.#pump = new DatagramPump(this.#inlet.queue, this.#outflow, () => this.#add());
  }

  async start(): Promise<void> {
    await this.#take();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  async #take(): Promise<void> {
    const socket = takeSocketPath(this.#config);
    this.#socket = socket;
    if (!socket.buffer.whole) {
      this.#log.warn(
        `The receive buffer of ${socket.path} is smaller than configured: the kernel's limit ` +
          'net.core.rmem_max cut it, since CAP_NET_ADMIN is missing.',
        { bytes: socket.buffer.bytes },
      );
    }
    await this.#inlet.watch({ fd: socket.fd, kind: 'local', allow: [] });
  }

  #add(): void {
    const { queue } = this.#inlet;
    const [pid = 0, uid = 0, gid = 0] = queue.who;
    const isMessage = this.#message.read(queue.bytes, queue.start, queue.end, { pid, uid, gid }, queue);
    if (isMessage) this.#outflow.batch.add(this.#message.draft);
    else this.#empty += 1;
  }

  // ---- the path

  #look(): void {
    if (this.#looking || !this.#socket || isOurs(this.#socket)) return;
    this.#looking = this.#takeBack(this.#socket).finally(() => {
      this.#looking = undefined;
    });
  }

  /** Somebody removed or replaced our socket. Programs that were connected still reach it, so it is read on. */
  async #takeBack(old: OwnedSocket): Promise<void> {
    try {
      await this.#take();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const trouble = `The socket ${old.path} is not ours any more. ${error.text.what}`;
      if (this.#trouble !== trouble) {
        this.#log.error(`${trouble} New programs do not reach the agent. ${error.text.mend ?? ''}`);
      }
      this.#trouble = trouble;
      return;
    }
    this.#trouble = undefined;
    this.#log.warn(`Somebody removed the socket ${old.path}; it is there again.`);
    await this.#inlet.forget(old.fd);
  }

  // ---- as an input

  resume(): void {
    this.#pump.resume();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    if (this.#socket) removeOwn(this.#socket);
    this.#socket = undefined;
    await this.#inlet.close();
    this.#unsent += this.#pump.stop();
  }

  status(): InputStatus {
    const { queue } = this.#inlet;
    const { path } = this.#config;
    return {
      name: this.#config.name,
      type: 'devlog',
      messages: this.#outflow.messages,
      bytes: this.#outflow.bytes,
      dropped: {
        busy: queue.countOf('busy'),
        queue_full: queue.countOf('queueFull'),
        empty: this.#empty,
        stopped: this.#unsent,
        cut: Math.max(queue.countOf('cut'), this.#outflow.batch.cut),
      },
      position: `receives at ${path}`,
      lag: { bytes: queue.waitingBytes },
      isHeld: this.#outflow.isHeld,
      trouble: this.#trouble,
    };
  }
}
