// What is looked at: the ring, aimed at the interfaces that are there, with the filter in the kernel and its exact form
// for here. Follows interfaces that come, go and come back.
// Refuses: to read the ring. The loop does.

import { openPacketRing, type PacketRing } from '../../kernel/packet-ring.ts';
import { setPromiscuous } from '../../kernel/packet-socket.ts';
import { assert } from '../../base/assert.ts';
import { compileBpf } from '../../traffic/filter/bpf.ts';
import type { Expression } from '../../traffic/filter/expression.ts';
import { compileGate } from '../../traffic/filter/gate.ts';
import { compileFilter, type Filter } from '../../traffic/filter/match.ts';
import { parseFilter } from '../../traffic/filter/parse.ts';
import type { CaptureSettings } from './capture.port.ts';
import type { InterfaceWatch } from './capture-interfaces.ts';

export class Sight {
  readonly watch: InterfaceWatch;
  filter: Filter | undefined;
  /** Index of the interface on which it is not known who sends; -1: there is none. */
  loopback = -1;
  readonly #settings: CaptureSettings;
  readonly #promiscuous = new Set<number>();
  #expression: Expression | undefined;
  #ring: PacketRing | undefined;

  constructor(settings: CaptureSettings, watch: InterfaceWatch) {
    this.#settings = settings;
    this.watch = watch;
    this.#take(settings.filter);
  }

  get ring(): PacketRing {
    assert(this.#ring !== undefined, 'the ring is open');
    return this.#ring;
  }

  /** The error that makes it impossible. */
  open(): string | undefined {
    this.watch.look();
    const opened = openPacketRing({ ...this.#aim(), ringBytes: this.#settings.ringBytes });
    if (!opened.ok) return opened.error;
    this.#ring = opened.ring;
    this.#setPromiscuous();
    return undefined;
  }

  /** Interfaces or their addresses have changed. False: they change still, and another look is due. */
  look(): boolean {
    const error = this.watch.look() ? this.ring.aim(this.#aim()) : undefined;
    this.#setPromiscuous();
    return error === undefined;
  }

  setFilter(text: string | undefined): void {
    this.#take(text);
    this.ring.aim(this.#aim());
  }

  #take(text: string | undefined): void {
    this.#expression = text === undefined ? undefined : parseFilter(text)?.expression;
    this.filter = this.#expression && compileFilter(this.#expression);
  }

  #aim() {
    const { interfaceIndex, isLoopback } = this.watch.target;
    this.loopback = this.watch.captured.find((one) => one.isLoopback)?.index ?? -1;
    return { interfaceIndex, ignoresOutgoing: isLoopback, filter: this.#program() };
  }

  /** The kernel's part; where the filter is too long for it, all packets come up. */
  #program(): Buffer {
    const { snapBytes } = this.#settings;
    const gate = { interfaces: this.watch.target.only };
    const whole = this.#expression && compileBpf(this.#expression, 'cooked', snapBytes, gate);
    const program = whole ?? compileGate(gate, snapBytes);
    assert(program !== undefined, 'a gate of 64 interfaces fits');
    return program;
  }

  #setPromiscuous(): void {
    if (!this.#settings.promiscuous) return;
    for (const { index, isLoopback } of this.watch.captured) {
      if (isLoopback || this.#promiscuous.has(index)) continue;
      if (setPromiscuous(this.ring.fd, index)) this.#promiscuous.add(index);
    }
  }

  close(): void {
    this.#ring?.close();
  }
}
