// The connections of a lane with real sockets, in steps of the test's own: what the loop of a lane does in a
// round, and what it does in a tick.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAddress } from '../../../base/ip.ts';
import type { SyslogConfig } from '../../../config/server.ts';
import { type Connection, type StreamListener, Tokens } from '../../../daemon/intake/connection.ts';
import { CountReader, type LaneCount, makeCountTable } from '../../../daemon/intake/counts.ts';
import type { LaneOrder } from '../../../daemon/intake/lane.port.ts';
import { Peers } from '../../../daemon/intake/peers.ts';
import { Pipeline } from '../../../daemon/intake/pipeline.ts';
import { makeSenderTable, SenderRows } from '../../../daemon/intake/senders.ts';
import { READ_MAX, StreamIntake } from '../../../daemon/intake/stream-intake.ts';
import { closeSocket, openBound } from '../../../kernel/socket.ts';
import { acceptStream, Readiness } from '../../../kernel/stream.ts';
import { HEADROOM_EXTRA } from '../../../syslog/framing.ts';
import { relpHeadroom } from '../../../syslog/relp/frame.ts';
import { makeLaneParts } from './lane-parts.ts';
import { config, type RuleWish, target, useFolder } from './samples.ts';

const HEADROOM = (Math.max(65_536 + HEADROOM_EXTRA, relpHeadroom(65_536)) + 63) & ~63;

export interface StreamWish {
  readonly syslog?: Partial<SyslogConfig>;
  readonly speaks?: 'syslog' | 'relp';
  /** Below the world's folder. All messages go to all.log unless told. */
  rules?(root: string): readonly RuleWish[];
}

function openLoopback(): { fd: number; port: number } {
  const address = parseAddress('127.0.0.1');
  assert.ok(address);
  const bound = openBound({ kind: 'tcp', address, port: 0, reusePort: false, v6Only: false });
  assert.ok(bound.ok);
  return bound.socket;
}

export class StreamWorld {
  readonly streams: StreamIntake;
  readonly pipeline: Pipeline;
  readonly counts: CountReader;
  readonly root: string;
  readonly file: string;
  nowMs = Date.now();
  readonly #readiness = new Readiness();
  readonly #tokens = new Tokens<Connection | StreamListener>();
  readonly #port: number;
  readonly #t: TestContext;

  constructor(t: TestContext, wish: StreamWish = {}) {
    const root = useFolder(t);
    this.root = root;
    this.file = join(root, 'all.log');
    const whole = config(root, wish.rules?.(root) ?? [{ file: target('all.log', root) }]);
    const syslog = { ...whole.syslog, ...wish.syslog };
    const own = makeLaneParts({ streamBytes: HEADROOM + READ_MAX + 64 });
    const table = makeCountTable();
    const counts = new Float64Array(table);
    this.counts = new CountReader([table]);
    const senders = new SenderRows(makeSenderTable(), () => undefined);
    this.pipeline = new Pipeline(whole, { arena: own.arena, counts, senders, files: own.parts });
    this.streams = new StreamIntake(syslog, {
      arena: own.arena,
      readAt: own.streamAt + HEADROOM,
      readiness: this.#readiness,
      pipeline: this.pipeline,
      peers: new Peers(syslog),
      counts,
      tokens: this.#tokens,
      accepting: () => undefined,
    });
    const { fd, port } = openLoopback();
    this.#port = port;
    const { speaks = 'syslog' } = wish;
    const socket = { fd, kind: 'tcp', speaks, listener: 0, receiveBufferBytes: 0 } as const;
    const listener = this.#tokens.give<StreamListener>((token) => ({ socket, token }));
    this.#readiness.watch(fd, listener.token);
    this.#t = t;
    t.after(() => {
      this.streams.abandon();
      this.pipeline.files.reopen();
      closeSocket(fd);
      this.#readiness.close();
    });
  }

  async dial(port = this.#port): Promise<Socket> {
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    client.on('error', () => undefined);
    this.#t.after(() => client.destroy());
    await once(client, 'connect');
    await this.turn();
    return client;
  }

  /** A connection that was accepted elsewhere and is handed to the lane. */
  async handOver(order: Omit<Extract<LaneOrder, { kind: 'adopt' }>, 'kind' | 'fd'>): Promise<Socket> {
    const elsewhere = openLoopback();
    const client = await this.dial(elsewhere.port);
    const accepted = acceptStream(elsewhere.fd);
    closeSocket(elsewhere.fd);
    assert.ok(accepted.ok);
    this.streams.adopt({ kind: 'adopt', fd: accepted.fd, ...order }, this.nowMs);
    return client;
  }

  /** What the loop of a lane does, until nothing is ready any more. */
  async turn(): Promise<void> {
    await sleep(10);
    this.pipeline.setTime(this.nowMs);
    for (let quiet = 0; quiet < 2; ) {
      const ready = this.#readiness.wait(5);
      for (let at = 0; at < ready; at += 1) {
        const found = this.#tokens.get(this.#readiness.token(at));
        if (found === undefined) continue;
        if (!('framer' in found)) this.streams.acceptor.accept(found, this.nowMs);
        else this.streams.ready(found, this.nowMs, at);
      }
      this.streams.answer(this.nowMs, false);
      if (ready === 0) quiet += 1;
      await sleep(1);
    }
  }

  later(ms = 2000): void {
    this.nowMs += ms;
    this.pipeline.setTime(this.nowMs);
    this.pipeline.flush();
    if (this.streams.heldCount > 0) this.streams.resume();
    this.streams.tick(this.nowMs);
    this.flush();
  }

  /** Writes what waits, and answers who waits for it. */
  flush(): void {
    this.pipeline.flush();
    this.streams.answer(this.nowMs, true);
  }

  counted(...names: LaneCount[]): number[] {
    return names.map((name) => this.counts.lane(name));
  }
}
