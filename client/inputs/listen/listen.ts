// The input `listen`: UDP and TCP for programs that speak syslog, usually on loopback. UDP is read by the thread
// of datagrams, whatever happens; TCP senders wait while the sink is full. Promises: whatever comes is parsed as
// the server parses it, and leaves as RFC 5424 with its own time and host.

import type { Log } from '../../../base/log.ts';
import type { ListenInput } from '../../../config/agent.ts';
import type { Listen } from '../../../config/server.ts';
import { ClockReader } from '../../../kernel/clock.ts';
import { datagramMessageStart } from '../../../syslog/framing.ts';
import { parseMessage } from '../../../syslog/parse.ts';
import { LogRecord, TROUBLE } from '../../../syslog/record.ts';
import type { DatagramInlet, Datagrams } from '../datagrams/datagrams.ts';
import { DatagramPump } from '../datagrams/datagram-pump.ts';
import type { Input, InputSink, InputStatus } from '../input.ts';
import type { MessageSettings } from '../message.ts';
import { Outflow } from '../outflow.ts';
import { Senders } from './sender.ts';
import { TcpIntake } from './tcp.ts';
import { openUdp } from './udp.ts';

export interface ListenParts {
  readonly sink: InputSink;
  readonly settings: MessageSettings;
  /** One for the whole agent. */
  readonly datagrams: Datagrams;
  readonly log: Log;
}

export function openListen(config: ListenInput, parts: ListenParts): Input {
  return new ListenRunning(config, parts);
}

class ListenRunning implements Input {
  readonly #config: ListenInput;
  readonly #log: Log;
  readonly #clock = new ClockReader('realtime');
  readonly #record = new LogRecord();
  readonly #senders: Senders;
  /** Apart, since TCP senders may be made to wait and datagrams may not. */
  readonly #udpOutflow: Outflow;
  readonly #tcpOutflow: Outflow;
  readonly #inlet: DatagramInlet;
  readonly #pump: DatagramPump;
  readonly #tcp: TcpIntake;
  #empty = 0;
  #unsent = 0;

  constructor(config: ListenInput, parts: ListenParts) {
    this.#config = config;
    this.#log = parts.log;
    const { sink, settings } = parts;
    this.#senders = new Senders(settings.host, settings.zone);
    this.#udpOutflow = new Outflow(sink, settings);
    this.#tcpOutflow = new Outflow(sink, settings);
    this.#inlet = parts.datagrams.openQueue(() => this.#pump.look());
    this.#pump = new DatagramPump(this.#inlet.queue, this.#udpOutflow, () => this.#addDatagram());
    this.#tcp = new TcpIntake({
      allow: config.allow,
      maxMessageBytes: settings.maxMessageBytes,
      outflow: this.#tcpOutflow,
      add: (bytes, start, end, { w0, w1, w2, w3 }) =>
        this.#add(this.#tcpOutflow, bytes, start, end, [w0, w1, w2, w3]),
      setTime: () => {
        this.#clock.read();
        this.#setTime(this.#clock);
      },
    });
  }

  #setTime({ sec, nanos }: { readonly sec: number; readonly nanos: number }): void {
    this.#senders.at.sec = sec;
    this.#senders.at.nanos = nanos;
  }

  /** All or none: on a Fault nothing stays open. */
  async start(): Promise<void> {
    try {
      for (const listen of this.#config.listen) await this.#open(listen);
    } catch (fault) {
      await this.stop();
      throw fault;
    }
  }

  async #open(listen: Listen): Promise<void> {
    const isV6Only = this.#servesV4(listen);
    if (listen.transport !== 'udp') {
      await this.#tcp.listen(listen, isV6Only);
      return;
    }
    const { fd, buffer } = openUdp(listen, isV6Only, this.#config.receiveBufferBytes);
    if (!buffer.whole) {
      this.#log.warn(
        `The receive buffer of ${listen.text} is smaller than configured: the kernel's limit ` +
          'net.core.rmem_max cut it, since CAP_NET_ADMIN is missing.',
        { bytes: buffer.bytes },
      );
    }
    await this.#inlet.watch({ fd, kind: 'udp', allow: this.#config.allow });
  }

  /** Another address of this input takes IPv4 on the same port. */
  #servesV4({ transport, port }: Listen): boolean {
    return this.#config.listen.some(
      (other) => other.family === 4 && other.transport === transport && other.port === port,
    );
  }

  // ---- messages

  #addDatagram(): void {
    const { queue } = this.#inlet;
    this.#setTime(queue);
    const start = datagramMessageStart(queue.bytes, queue.start, queue.end);
    this.#add(this.#udpOutflow, queue.bytes, start, queue.end, queue.who);
  }

  #add(outflow: Outflow, bytes: Uint8Array, start: number, end: number, from: ArrayLike<number>): void {
    const record = this.#record;
    parseMessage(record, bytes, start, end);
    if (record.trouble === TROUBLE.empty) {
      this.#empty += 1;
      return;
    }
    const [w0, w1, w2, w3] = [from[0] ?? 0, from[1] ?? 0, from[2] ?? 0, from[3] ?? 0];
    outflow.batch.addParsed(record, this.#senders.received(record, w0, w1, w2, w3));
  }

  // ---- as an input

  resume(): void {
    this.#pump.resume();
    this.#tcp.resume();
  }

  async stop(): Promise<void> {
    this.#unsent += await this.#tcp.stop();
    await this.#inlet.close();
    this.#unsent += this.#pump.stop();
  }

  status(): InputStatus {
    const { queue } = this.#inlet;
    const cutDatagrams = Math.max(queue.countOf('cut'), this.#udpOutflow.batch.cut);
    const count = this.#tcp.connectionCount;
    const connections = this.#config.listen.some(({ transport }) => transport !== 'udp')
      ? `, ${count} connection${count === 1 ? '' : 's'}`
      : '';
    return {
      name: this.#config.name,
      type: 'listen',
      messages: this.#udpOutflow.messages + this.#tcpOutflow.messages,
      bytes: this.#udpOutflow.bytes + this.#tcpOutflow.bytes,
      dropped: {
        busy: queue.countOf('busy'),
        queue_full: queue.countOf('queueFull'),
        kernel: queue.countOf('kernelDrops'),
        not_allowed: queue.countOf('notAllowed') + this.#tcp.refused,
        too_many_connections: this.#tcp.tooMany,
        empty: this.#empty,
        stopped: this.#unsent,
        cut: cutDatagrams + Math.max(this.#tcp.cut, this.#tcpOutflow.batch.cut),
      },
      position: `listens on ${this.#config.listen.map(({ text }) => text).join(', ')}${connections}`,
      lag: { bytes: queue.waitingBytes },
      isHeld: this.#tcpOutflow.isHeld || this.#udpOutflow.isHeld,
      trouble: undefined,
    };
  }
}
