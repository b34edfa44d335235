// What is seen of connections as RFC 5424 messages: APP-NAME `belfry`, MSGID the name of what happened, the time that of
// the packet, structured data for programs, a sentence for people. Beside the events there are messages of the watching
// itself: that it began and ended, that an interface came or went, and what was lost or held back.
//
// Promises: what there is no room for is counted, and nothing waits for it. Refuses: to decide what is told.

import { SEVERITY_NAMES } from '../../config/input.schema.ts';
import type { Params } from '../../traffic/events/event.ts';
import { describe } from '../../traffic/events/event.ts';
import { EVENT_NAMES, FLOW_SD_ID } from '../../traffic/events/names.ts';
import type { Owners } from '../../traffic/events/owner.ts';
import { printStructured } from '../../traffic/events/print.ts';
import type { Turn } from '../../traffic/flow/turn.ts';
import { Draft } from '../inputs/draft.ts';
import type { Outflow } from '../inputs/outflow.ts';
import type { TimeQuality } from '../inputs/time-quality.ts';
import type { SeenFacts } from './capture.port.ts';

/** As FLOW_SD_ID; of the watching, not of a connection. */
export const TRAFFIC_SD_ID = 'traffic@32473';

type Severity = (typeof SEVERITY_NAMES)[number];

/** What an operator should look at stands out; what did not come about is worth a notice. */
export const EVENT_SEVERITIES: Readonly<Record<Turn, Severity>> = {
  opened: 'info',
  update: 'info',
  closed: 'info',
  reset: 'warning',
  timeout: 'warning',
  refused: 'notice',
  noAnswer: 'notice',
  halfClosed: 'notice',
};

export interface Notice {
  /** MSGID. */
  readonly name: string;
  readonly severity: Severity;
  readonly timeUs: number;
  readonly params: Params;
  readonly sentence: string;
}

export class TrafficMessages {
  /** Made, by name: events by EVENT_NAMES, `record`, and the names of notices. */
  readonly made = new Map<string, number>();
  /** There was no room in any queue. */
  unsent = 0;
  readonly #outflow: Outflow;
  readonly #quality: TimeQuality;
  readonly #facility: number;
  readonly #draft = new Draft();
  readonly #program = Buffer.from('belfry');
  readonly #procid: Buffer;

  constructor(outflow: Outflow, quality: TimeQuality, facility: number, pid: number) {
    this.#outflow = outflow;
    this.#quality = quality;
    this.#facility = facility;
    this.#procid = Buffer.from(String(pid));
  }

  event(facts: SeenFacts, owners: Owners): void {
    this.#quality.renew();
    const { name, params, sentence } = describe(facts, owners, this.#quality.trust);
    const severity = EVENT_SEVERITIES[facts.turn];
    this.#add(name, severity, facts.timeUs, printStructured(FLOW_SD_ID, params), sentence);
  }

  /** A line of traffic/events/record.ts is the whole text: what reads flow logs can read it. */
  record(line: string, endUs: number): void {
    const structured = printStructured(FLOW_SD_ID, [['event', 'record']]);
    this.#add('record', 'info', endUs, structured, line);
  }

  notice({ name, severity, timeUs, params, sentence }: Notice): void {
    this.#add(name, severity, timeUs, printStructured(TRAFFIC_SD_ID, params), sentence);
  }

  #add(name: string, severity: Severity, timeUs: number, structured: string, text: string): void {
    if (!this.#outflow.makeRoom()) {
      this.unsent += 1;
      return;
    }
    const draft = this.#draft;
    draft.clear();
    draft.pri = this.#facility * 8 + SEVERITY_NAMES.indexOf(severity);
    draft.sec = Math.floor(timeUs / 1e6);
    draft.nanos = Math.round(timeUs - draft.sec * 1e6) * 1000;
    draft.isOurTime = true;
    draft.program.setAll(this.#program);
    draft.procid.setAll(this.#procid);
    draft.msgid.setAll(Buffer.from(name));
    draft.structured.setAll(Buffer.from(structured));
    draft.text.setAll(Buffer.from(text));
    this.#outflow.batch.add(draft);
    this.made.set(name, (this.made.get(name) ?? 0) + 1);
  }

  /** How many of each event became messages. */
  get events(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      Object.values(EVENT_NAMES).map((name) => [name, this.made.get(name) ?? 0] as const),
    );
  }
}
