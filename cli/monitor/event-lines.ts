// What `belfry monitor` prints where nobody looks at a screen: one JSON object an event, or one line of the traffic log
// an event. Interfaces that come and go, losses and interval records are told among them, as events of their own.
// Refuses: to leave anything out that has a name in the structured data of the messages; the keys are the same.

import type { InterfaceState, SeenFacts } from '../../client/monitor/capture.port.ts';
import type { Losses } from '../../client/monitor/monitor.ts';
import { describe } from '../../traffic/events/event.ts';
import { EVENT_NAMES } from '../../traffic/events/names.ts';
import type { Owners } from '../../traffic/events/owner.ts';
import { VERSION_2_FIELDS } from '../../traffic/events/record.ts';
import { printTime } from '../../traffic/events/view.ts';
import type { Turn } from '../../traffic/flow/turn.ts';
import { type LogZone, printLogInterface, printLogLine, printLogLosses } from '../../traffic/log/line.ts';

export interface LinePrinter {
  event(facts: SeenFacts, owners: Owners): string;
  interface(state: InterfaceState, timeUs: number): string;
  /** Undefined: nothing was lost. */
  losses(losses: Losses, unwritten?: number): string | undefined;
  record(line: string): string;
}

/** Keys whose values are words also when they look like numbers. */
const WORDS =
  /^(?:id|event|proto|src|dst|state|dirHow|by|view|sent|iface|icmp|reason|(?:procHow|proc|user|unit|container)(?:Server)?)$/;

function valueOf(name: string, value: string): string | number {
  return WORDS.test(name) || !/^\d{1,15}$/.test(value) ? value : Number(value);
}

function hasLosses({ dropped, evicted, heldBack }: Losses, unwritten: number): boolean {
  const held = Object.values(heldBack).some((count) => count > 0);
  return held || dropped + evicted + unwritten > 0;
}

function heldByName(heldBack: Losses['heldBack']): Record<string, number> {
  return Object.fromEntries(
    Object.entries(heldBack).map(([turn, count]) => [EVENT_NAMES[turn as Turn], count]),
  );
}

export const jsonPrinter: LinePrinter = {
  event(facts, owners) {
    const { params, sentence } = describe(facts, owners);
    const values = params.map(([name, value]) => [name, valueOf(name, value)]);
    return JSON.stringify({ time: printTime(facts.timeUs), ...Object.fromEntries(values), sentence });
  },
  interface({ name, state, trouble }, timeUs) {
    const why = trouble === undefined ? {} : { trouble };
    return JSON.stringify({ time: printTime(timeUs), event: 'interface', iface: name, state, ...why });
  },
  losses(losses, unwritten = 0) {
    if (!hasLosses(losses, unwritten)) return undefined;
    const { timeUs, dropped, evicted, heldBack } = losses;
    const counts = { dropped, evicted, unwritten, heldBack: heldByName(heldBack) };
    return JSON.stringify({ time: printTime(timeUs), event: 'losses', ...counts });
  },
  record(line) {
    const values = line.split(' ');
    const fields = VERSION_2_FIELDS.map((field, at) => [field, valueOf(field, values[at] ?? '-')]);
    return JSON.stringify({ event: 'record', ...Object.fromEntries(fields) });
  },
};

export function logPrinter(zone: LogZone): LinePrinter {
  return {
    event: (facts, owners) => printLogLine(facts, owners, zone),
    interface: ({ name, state, trouble }, timeUs) => printLogInterface(name, state, trouble, timeUs, zone),
    losses: (losses, unwritten = 0) => printLogLosses({ ...losses, unwritten }, losses.timeUs, zone),
    record: (line) => line,
  };
}
