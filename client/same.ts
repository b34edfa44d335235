// What a reload leaves alone: parts whose configuration reads the same, wherever in the file it stands.

import { isDeepStrictEqual } from 'node:util';
import type { AgentConfig, DestinationConfig, InputConfig, SourceConfig } from '../config/agent.ts';

export function isSame(a: object, b: object): boolean {
  return isDeepStrictEqual({ ...a, place: undefined }, { ...b, place: undefined });
}

/** Its queue, its connection and its window of memory can go on as they are. */
export function keepsDestination(one: DestinationConfig, from: AgentConfig, to: AgentConfig): boolean {
  return from.maxMessageBytes === to.maxMessageBytes && to.destinations.some((other) => isSame(one, other));
}

/** It makes the same messages from the same source. */
export function keepsInput(one: SourceConfig, from: AgentConfig, to: AgentConfig): boolean {
  const isSameMessage = from.host === to.host && from.maxMessageBytes === to.maxMessageBytes;
  if (one.type === 'traffic') return isSameMessage && keepsTraffic(one, from, to);
  return isSameMessage && to.inputs.some((other) => isSame(one, other));
}

/** It must know which of the packets are the agent's own delivery. */
function keepsTraffic(one: SourceConfig, from: AgentConfig, to: AgentConfig): boolean {
  return (
    to.traffic !== undefined && isSame(one, to.traffic) && isSame(datagramTargets(from), datagramTargets(to))
  );
}

function datagramTargets({ destinations }: AgentConfig): readonly string[] {
  return destinations.flatMap(({ to }) =>
    to.filter(({ scheme }) => scheme === 'udp').map(({ text }) => text),
  );
}

/** Those that can be read again from a checkpoint, so that each destination has its own. */
export function isReplayable({ type }: InputConfig): boolean {
  return type === 'journald' || type === 'file';
}
