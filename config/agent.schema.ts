// What an operator may write in agent.json: the one declaration, with config/input.schema.ts,
// config/destination.schema.ts and config/traffic.schema.ts. The TypeScript type, the check, the defaults, the editor's schema file and
// docs/config-agent.md all come from here.
//
// Refuses: unknown keys, everywhere. What a later version brings is listed in config/later.ts.

import type { FromExtendedSchema } from 'json-schema-to-ts';
import { destinationSchema } from './destination.schema.ts';
import {
  type devlogInput,
  type fileInput,
  inputSchema,
  type journaldInput,
  type listenInput,
  type stdinInput,
} from './input.schema.ts';
import type { Limits } from './rule.schema.ts';
import { controlSchema, logSchema, MESSAGE_SIZE_MIN, schemaKey } from './server.schema.ts';
import { trafficSchema } from './traffic.schema.ts';

/** Inputs and destinations of one agent; each destination reads each file for itself. */
const INPUTS_MAX = 200;
const DESTINATIONS_MAX = 16;

export const agentSchema = {
  title: 'Top level',
  type: 'object',
  additionalProperties: false,
  description: 'The configuration of `belfry agent`.',
  properties: {
    $schema: {
      ...schemaKey,
      examples: ['/usr/lib/node_modules/belfry/config/published/agent.schema.json'],
    },
    inputs: {
      type: 'array',
      maxItems: INPUTS_MAX,
      default: [],
      items: inputSchema,
      description: 'Where messages come from.',
      examples: [[{ type: 'journald' }]],
    },
    destinations: {
      type: 'array',
      maxItems: DESTINATIONS_MAX,
      default: [],
      items: destinationSchema,
      description: 'Where messages go.',
      examples: [[{ name: 'fwdRule1', to: 'relp://172.31.100.94:2514' }]],
    },
    traffic: trafficSchema,
    host: {
      type: 'string',
      format: 'host-name',
      description: 'HOSTNAME of messages that name no host. Absent: the name of this host.',
      examples: ['web-1.example.org'],
    },
    maxMessageSize: {
      type: 'string',
      format: 'size',
      atLeast: MESSAGE_SIZE_MIN,
      atMost: '1MiB',
      default: '64KiB',
      description: 'Longer messages are cut here, and counted. Let the server take as much.',
    },
    control: {
      ...controlSchema,
      properties: {
        ...controlSchema.properties,
        socket: { ...controlSchema.properties.socket, default: '/run/belfry/agent.sock' },
      },
    },
    log: logSchema,
  },
} as const;

/** The parts of agent.json after the check, with defaults in place: what the operator wrote, still as text. */
export type InputText =
  | FromExtendedSchema<Limits, typeof journaldInput>
  | FromExtendedSchema<Limits, typeof fileInput>
  | FromExtendedSchema<Limits, typeof devlogInput>
  | FromExtendedSchema<Limits, typeof listenInput>
  | FromExtendedSchema<Limits, typeof stdinInput>;
export type DestinationText = FromExtendedSchema<Limits, typeof destinationSchema>;

export type TrafficText = FromExtendedSchema<Limits, typeof trafficSchema>;

export interface AgentFile {
  readonly inputs: readonly InputText[];
  readonly destinations: readonly DestinationText[];
  readonly traffic?: TrafficText;
  readonly host?: string;
  readonly maxMessageSize: string;
  readonly control: FromExtendedSchema<Limits, typeof controlSchema>;
  readonly log: FromExtendedSchema<Limits, typeof logSchema>;
}
