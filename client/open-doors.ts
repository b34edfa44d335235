// The real inputs and transports of the agent, each by what the configuration names.

import type { Readable } from 'node:stream';
import type { Log } from '../base/log.ts';
import type { InputConfig } from '../config/agent.ts';
import { openTransport } from '../delivery/transport/open.ts';
import type { AgentDoors, InputContext } from './doors.ts';
import type { Input, InputSink } from './inputs/input.ts';

export interface DoorParts {
  readonly log: Log;
  readonly stdin: Readable;
}

export function openDoors({ log }: DoorParts): AgentDoors {
  return {
    openTransport: (config, reader) => openTransport(config, { reader, log }),
    openInput: (config, sink, context) => openInput(config, sink, context),
    stop: () => Promise.resolve(),
  };
}

function openInput({ type }: InputConfig, _sink: InputSink, _context: InputContext): Input {
  throw new Error(`not yet: ${type}`);
}
