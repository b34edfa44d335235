// The real inputs and transports of the agent, each by what the configuration names, and what inputs share: the
// thread that receives datagrams, and the account of how good this host's clock is.

import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { assert } from '../base/assert.ts';
import type { Log } from '../base/log.ts';
import type { InputConfig, SourceConfig, TrafficConfig } from '../config/agent.ts';
import { openTransport } from '../delivery/transport/open.ts';
import { readKernelClock } from '../kernel/clock.ts';
import { zoneFor } from '../syslog/time.ts';
import { type Checkpoint, openCheckpoints } from './checkpoints.ts';
import type { AgentDoors, InputContext } from './doors.ts';
import { CHECKPOINTS } from './forwarder.ts';
import { Datagrams } from './inputs/datagrams/datagrams.ts';
import { openDevlog } from './inputs/devlog/devlog.ts';
import { openFileInput } from './inputs/file/file-input.ts';
import type { Input, InputSink } from './inputs/input.ts';
import { openJournald } from './inputs/journald/journald.ts';
import { openListen } from './inputs/listen/listen.ts';
import type { MessageSettings } from './inputs/message.ts';
import { openStdin } from './inputs/stdin/stdin.ts';
import { TimeQuality } from './inputs/time-quality.ts';
import { TrafficInput } from './monitor/traffic-input.ts';

export interface DoorParts {
  readonly log: Log;
  readonly stdin: Readable;
  /** Something that cannot be survived: the thread that receives died. The process must end. */
  died(error: Error): void;
}

export function openDoors(parts: DoorParts): AgentDoors {
  const inputs = new Inputs(parts);
  return {
    openTransport: (config, reader, log) => openTransport(config, { reader, log }),
    openInput: (config, sink, context) => inputs.open(config, sink, context),
    stop: () => inputs.stop(),
  };
}

class Inputs {
  readonly #parts: DoorParts;
  readonly #quality = new TimeQuality(readKernelClock, Date.now);
  readonly #zone = zoneFor('local');
  /** Started with the first socket; another one when a reload changes what a message may hold. */
  #datagrams: { readonly maxMessageBytes: number; readonly thread: Datagrams } | undefined;
  readonly #ending: (Promise<void> | undefined)[] = [];

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  open(config: SourceConfig, sink: InputSink, context: InputContext): Input {
    const { log } = this.#parts;
    const settings = this.#settings(context);
    switch (config.type) {
      case 'devlog':
        return openDevlog(config, { sink, settings, log, datagrams: this.#thread(settings) });
      case 'listen':
        return openListen(config, { sink, settings, log, datagrams: this.#thread(settings) });
      case 'journald':
        return openJournald(config, { ...this.#replay(config, context), sink, settings, log });
      case 'file':
        return openFileInput(config, { ...this.#replay(config, context), sink, messages: settings, log });
      case 'traffic':
        return this.#watch(config, sink, settings, context);
      default:
        return openStdin(config, { sink, settings, stream: this.#parts.stdin });
    }
  }

  #watch(config: TrafficConfig, sink: InputSink, settings: MessageSettings, { agent }: InputContext): Input {
    const { log, died } = this.#parts;
    const { destinations } = agent;
    const parts = { sink, settings, destinations, log, died: (error: Error) => died(error) };
    return new TrafficInput(config, parts);
  }

  #settings({ agent }: InputContext): MessageSettings {
    const { host, maxMessageBytes } = agent;
    return { host, maxMessageBytes, zone: this.#zone, quality: this.#quality };
  }

  #thread({ maxMessageBytes }: MessageSettings): Datagrams {
    if (this.#datagrams?.maxMessageBytes !== maxMessageBytes) {
      this.#ending.push(this.#datagrams?.thread.stop());
      const thread = new Datagrams(maxMessageBytes, (error) => this.#parts.died(error));
      this.#datagrams = { maxMessageBytes, thread };
    }
    return this.#datagrams.thread;
  }

  /** For an input that goes on where it was: one directory of checkpoints for each destination. */
  #replay(
    { name }: InputConfig,
    { destination }: InputContext,
  ): { checkpoint: Checkpoint; now: () => number } {
    assert(destination !== undefined, 'an input that can read again reads for one destination');
    const { directory, sync } = destination.queue;
    const now = Date.now;
    const checkpoints = openCheckpoints(join(directory, CHECKPOINTS), sync, { log: this.#parts.log, now });
    return { checkpoint: checkpoints.of(name), now };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#ending, this.#datagrams?.thread.stop()]);
  }
}
