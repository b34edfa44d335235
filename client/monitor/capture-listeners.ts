// The sockets of this host that wait for connections, as they were told last: who listens is the server, where nothing
// else says so. Refuses: to find them; who/ does.

import type { Listener } from './capture.port.ts';

export class ListenerBook {
  #byPort = new Map<number, Listener[]>();

  set(listeners: readonly Listener[]): void {
    this.#byPort = new Map();
    for (const one of listeners) {
      const key = keyOf(one.protocol, one.port);
      this.#byPort.set(key, [...(this.#byPort.get(key) ?? []), one]);
    }
  }

  /** All zero, of either family, is any address. */
  has(protocol: number, w0: number, w1: number, w2: number, w3: number, port: number): boolean {
    const here = this.#byPort.get(keyOf(protocol, port));
    if (!here) return false;
    return here.some(
      (one) =>
        (one.w3 === 0 && one.w0 === 0 && one.w1 === 0) ||
        (one.w3 === w3 && one.w2 === w2 && one.w1 === w1 && one.w0 === w0),
    );
  }
}

function keyOf(protocol: number, port: number): number {
  return protocol * 65_536 + port;
}
