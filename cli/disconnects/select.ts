// Which connections a person asks for: kinds of endings, a span of time, a host, a port. Words of the command line become
// values here, with a Fault that names the word where it is none.
// Refuses: to decide by one host's view alone. A connection is wanted if any view of it is, and then comes whole.

import { Fault } from '../../base/fault.ts';
import { globPattern } from '../../base/glob.ts';
import { type Address, parseAddress, sameAddress } from '../../base/ip.ts';
import { suggestion } from '../../base/nearest.ts';
import { parseSpan } from '../../base/units.ts';
import { findZone, type ZoneOffset } from '../../syslog/time.ts';
import { EVENT_NAMES, turnOf } from '../../traffic/events/names.ts';
import type { ToldEvent } from '../../traffic/events/read-sentence.ts';
import type { Turn } from '../../traffic/flow/turn.ts';
import type { Connection } from '../../traffic/pair/connection.ts';
import type { HostBook } from '../../traffic/pair/hosts.ts';
import type { Report } from '../../traffic/pair/line.ts';

export interface Wishes {
  readonly kind?: string;
  readonly all?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly host?: string;
  readonly port?: string;
}

export interface Selection {
  readonly turns: ReadonlySet<Turn>;
  readonly sinceUs: number;
  readonly untilUs: number;
  wants(report: Report): boolean;
  /** Asked when all views are there: the host that is meant may be the one that said least. */
  wantsHosts(connection: Connection, book: HostBook): boolean;
}

const ABNORMAL: readonly Turn[] = ['reset', 'refused', 'noAnswer', 'timeout', 'halfClosed'];
const KINDS: readonly Turn[] = [...ABNORMAL, 'closed'];
const PORT_MAX = 65_535;

function usage(what: string, where: string, mend: string): Fault {
  return new Fault('CLI_USAGE', { what, where, mend });
}

function turnsOf({ kind, all }: Wishes): ReadonlySet<Turn> {
  if (kind === undefined) return new Set(all ? KINDS : ABNORMAL);
  const names = KINDS.map((turn) => EVENT_NAMES[turn]);
  return new Set(
    kind.split(',').map((word) => {
      const turn = turnOf(word.trim());
      if (turn && KINDS.includes(turn)) return turn;
      throw usage(
        `"${word}" is no way for a connection to end.`,
        '--kind',
        `${suggestion(word, names)}There are: ${names.join(', ')}.`,
      );
    }),
  );
}

/** "2026-11-20T21:53:03", with a zone or in the given one; a time of today; or a span before now: "2h". */
export function parseMoment(text: string, option: string, zone: ZoneOffset, nowMs: number): number {
  const spanMs = parseSpan(text);
  if (spanMs !== undefined) return (nowMs - spanMs) * 1000;
  const parts =
    /^(?:(\d{4}-\d\d-\d\d)(?:[T ]|$))?(?:(\d\d:\d\d)(:\d\d(?:[.,]\d{1,6})?)?)?(Z|[+-]\d\d:?\d\d)?$/i.exec(
      text,
    );
  const [, day, minutes = '00:00', seconds = ':00', zoneText] = parts ?? [];
  const offset = zoneText === undefined ? undefined : findZone(zoneText.toUpperCase());
  if (text !== '' && parts && (day !== undefined || parts[2] !== undefined)) {
    const today = new Date(nowMs + zone.offsetMin(nowMs / 1000) * 60_000).toISOString().slice(0, 10);
    const localMs = Date.parse(`${day ?? today}T${minutes}${seconds.replace(',', '.')}Z`);
    if (!Number.isNaN(localMs)) return utcUs(localMs, offset ?? zone);
  }
  throw usage(
    `"${text}" is no time.`,
    option,
    'Write "2026-11-20T21:53:03" (with "Z" or "+01:00" for another zone), "21:53" for today, or "2h" for two hours ago.',
  );
}

function utcUs(localMs: number, zone: ZoneOffset): number {
  const guess = zone.offsetMin(localMs / 1000);
  return (localMs - zone.offsetMin(localMs / 1000 - guess * 60) * 60_000) * 1000;
}

function portOf({ port }: Wishes): number | undefined {
  if (port === undefined) return undefined;
  const value = Number(port);
  if (Number.isInteger(value) && value >= 0 && value <= PORT_MAX && port !== '') return value;
  throw usage(`"${port}" is no port.`, '--port', 'Write a number from 0 to 65535.');
}

/** An address of either end, or the name of a host at either end or on the way, `*` for any letters. */
function hostTest(text: string | undefined): Selection['wantsHosts'] {
  if (text === undefined) return () => true;
  const address = parseAddress(text);
  if (address)
    return ({ clientAddress, serverAddress }) => isIt(clientAddress, address) || isIt(serverAddress, address);
  const name = globPattern(text, true);
  return ({ client, server, others, clientAddress, serverAddress }, book) => {
    const views = [client, server, ...others].map((view) => view?.host);
    const owners = [clientAddress, serverAddress].map((one) => book.ownerOf(one)?.name);
    return [...views, ...owners].some((host) => host !== undefined && name.test(host));
  };
}

function isIt(text: string, address: Address): boolean {
  const parsed = parseAddress(text);
  return parsed !== undefined && sameAddress(parsed, address);
}

function isEnding({ protocol, turn }: ToldEvent): boolean {
  // What has no FIN ends by silence, which is no disconnect.
  return turn !== 'closed' || protocol === 'tcp';
}

export function selectionOf(wishes: Wishes, zone: ZoneOffset, nowMs: number): Selection {
  const turns = turnsOf(wishes);
  const moment = (text: string | undefined, option: string, without: number) =>
    text === undefined ? without : parseMoment(text, option, zone, nowMs);
  const sinceUs = moment(wishes.since, '--since', Number.NEGATIVE_INFINITY);
  const untilUs = moment(wishes.until, '--until', Number.POSITIVE_INFINITY);
  const port = portOf(wishes);
  return {
    turns,
    sinceUs,
    untilUs,
    wantsHosts: hostTest(wishes.host),
    wants: ({ event }) => {
      const isWhen = event.timeUs >= sinceUs && event.timeUs <= untilUs;
      const isPort = port === undefined || event.clientPort === port || event.serverPort === port;
      return turns.has(event.turn) && isWhen && isPort && isEnding(event);
    },
  };
}
