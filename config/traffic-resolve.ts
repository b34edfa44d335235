// Turns the section `traffic` without faults into values: sizes to bytes, spans to milliseconds, words to numbers, each
// event once. Everything here was checked before, so what cannot be resolved is our own mistake.

import { assert } from '../base/assert.ts';
import { parseSize, parseSpan } from '../base/units.ts';
import type { TrafficConfig } from './agent.ts';
import { pathBeside } from './agent-names.ts';
import type { TrafficText } from './agent.schema.ts';
import { type Document, placeInDocument } from './document.ts';
import { parseMode } from './formats.ts';
import { FACILITY_NAMES } from './input.schema.ts';
import { TRAFFIC_EVENTS } from './traffic.schema.ts';

/** What the log and the status call it; an agent watches in one way only. */
const NAME = 'traffic';

function sure<T>(value: T | undefined): T {
  assert(value !== undefined, 'what passed the check of the configuration can be resolved');
  return value;
}

function spanMs(text: string): number {
  return sure(parseSpan(text));
}

export function resolveTraffic(document: Document, text: TrafficText): TrafficConfig {
  const { timeouts, rateLimit } = text;
  return {
    name: NAME,
    type: 'traffic',
    place: placeInDocument(document, ['traffic'], 'value'),
    interfaces: [...new Set(text.interfaces)],
    filter: text.filter,
    events: TRAFFIC_EVENTS.filter((event) => text.events.includes(event)),
    updateIntervalMs: spanMs(text.updateInterval),
    flowIntervalMs: text.flowInterval === undefined ? undefined : spanMs(text.flowInterval),
    recordFields: text.recordFields,
    maxRecords: text.maxRecords,
    account: text.account,
    log:
      text.log === undefined
        ? undefined
        : { path: pathBeside(document, text.log), mode: sure(parseMode(text.logMode)) },
    owners: text.owners,
    facility: FACILITY_NAMES.indexOf(text.facility),
    timeouts: {
      noAnswerMs: spanMs(timeouts.noAnswer),
      silentMs: spanMs(timeouts.silent),
      halfClosedMs: spanMs(timeouts.halfClosed),
      udpIdleMs: spanMs(timeouts.udpIdle),
      tcpIdleMs: spanMs(timeouts.tcpIdle),
    },
    rateLimit: typeof rateLimit === 'boolean' ? undefined : rateLimit,
    maxFlows: text.maxFlows,
    promiscuous: text.promiscuous,
    snapBytes: sure(parseSize(text.snapLength)),
    ringBytes: sure(parseSize(text.ringSize)),
  };
}
