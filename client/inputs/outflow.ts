// Where an input gives its messages on: a batch that fills, and the sink behind it. What the sink does not take
// stays in the batch, in order, until there is room again; so an input holds one batch at most.
// Refuses: to drop. Whoever may not wait counts what it leaves behind.

import type { InputSink } from './input.ts';
import { MessageBatch, type MessageSettings } from './message.ts';

export class Outflow {
  readonly batch: MessageBatch;
  readonly sink: InputSink;
  /** Given on so far, and their bytes. */
  messages = 0;
  bytes = 0;
  /** The sink did not take all. */
  isHeld = false;

  constructor(sink: InputSink, settings: MessageSettings, recordsMax?: number) {
    this.sink = sink;
    this.batch = new MessageBatch(settings, recordsMax);
  }

  /** Room for one message more, made by giving on what is there if need be. */
  makeRoom(): boolean {
    return !this.isHeld && (this.batch.hasRoom || this.flush());
  }

  /** Gives on what is there. False: some is left, and the sink wants no more. */
  flush(): boolean {
    const { batch } = this;
    if (batch.count > 0) {
      const taken = this.sink.put(batch);
      for (let i = 0; i < taken; i += 1) {
        this.bytes += (batch.ends[i] as number) - (batch.starts[i] as number);
      }
      this.messages += taken;
      batch.release(taken);
    }
    this.isHeld = batch.count > 0;
    return !this.isHeld;
  }
}
