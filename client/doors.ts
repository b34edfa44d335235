// What the agent opens to the world: inputs and transports. Handed in, so that a test of the agent can be both.

import type { Log } from '../base/log.ts';
import type { AgentConfig, DestinationConfig, SourceConfig } from '../config/agent.ts';
import type { SpoolReader } from '../delivery/spool/reader.ts';
import type { Transport } from '../delivery/transport/transport.ts';
import type { Input, InputSink } from './inputs/input.ts';

export interface InputContext {
  readonly agent: AgentConfig;
  /** For an input that reads for one destination alone; undefined: for all. */
  readonly destination: DestinationConfig | undefined;
}

export interface AgentDoors {
  /** Does nothing until `start`. */
  openTransport(config: DestinationConfig, reader: SpoolReader, log: Log): Transport;
  /** Does nothing until `start`, but may throw a Fault. */
  openInput(config: SourceConfig, sink: InputSink, context: InputContext): Input;
  /** Ends what inputs share. */
  stop(): Promise<void>;
}
