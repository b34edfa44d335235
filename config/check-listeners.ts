// Addresses that are legal alone and foolish together: two listeners on one port, a range that is both allowed and
// denied, balancers that may be anybody. Runs beside other faults, so it trusts no type.

import { parseRange, type Range, V4_MAPPED } from '../base/ip.ts';
import { listenKey, parseListen } from './address-formats.ts';
import { type Document, type PlacedFault } from './document.ts';
import { get } from './rules.ts';
import { placeSaid } from './validate.ts';

export function checkListeners(document: Document, listen: unknown, add: (found: PlacedFault) => void): void {
  const seen = new Map<string, string>();
  for (const [at, text] of (Array.isArray(listen) ? listen : []).entries()) {
    const parsed = typeof text === 'string' ? parseListen(text) : undefined;
    if (parsed === undefined || parsed.port === 0) continue;
    const key = listenKey(parsed);
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, parsed.text);
      continue;
    }
    const isSame = first === parsed.text;
    const what = isSame ? `"${first}" stands twice.` : `"${first}" and "${parsed.text}" are both ${key}.`;
    const mend = isSame
      ? 'Remove one of the two; more threads for one address are "lanes".'
      : 'Give one of the two another port.';
    const path = ['syslog', 'listen', at];
    add(placeSaid(document, { code: 'CONFIG_CONFLICT', path, part: 'value', what, mend }));
  }
}

/** Whoever is in `proxyProtocol` may claim to be anyone. */
export function noteProxies(document: Document, proxies: unknown, add: (found: PlacedFault) => void): void {
  for (const [at, text] of (Array.isArray(proxies) ? proxies : []).entries()) {
    const range = typeof text === 'string' ? parseRange(text) : undefined;
    if (range === undefined || !isEveryone(range)) continue;
    add(
      placeSaid(document, {
        code: 'CONFIG_NOTE',
        path: ['syslog', 'proxyProtocol', at],
        part: 'value',
        what: `"${String(text)}" lets every host claim to be any other, and refuses those that do not.`,
        mend: 'Name the addresses of your load balancers.',
      }),
    );
  }
}

/** 0.0.0.0/0 has 96 bits in the 128-bit form. */
function isEveryone(range: Range): boolean {
  return range.bits === 0 || (range.bits === 96 && range.w2 === V4_MAPPED);
}

/** Texts of a list that stood before, with their place. */
function* doubles(list: unknown): Generator<readonly [number, string]> {
  const texts = Array.isArray(list) ? list : [];
  for (const [at, text] of texts.entries()) {
    if (typeof text === 'string' && texts.indexOf(text) !== at) yield [at, text];
  }
}

/** An address that is served twice, and a range that is both allowed and denied. */
export function checkNtp(document: Document, ntp: unknown, add: (found: PlacedFault) => void): void {
  const conflict = (path: (string | number)[], what: string, mend: string) =>
    add(placeSaid(document, { code: 'CONFIG_CONFLICT', path, part: 'value', what, mend }));
  for (const [at, text] of doubles(get(ntp, 'listen')))
    if (!text.endsWith(':0'))
      conflict(['ntp', 'listen', at], `"${text}" stands twice.`, 'Remove one of the two.');
  const allow = get(ntp, 'allow');
  const deny = get(ntp, 'deny');
  if (!Array.isArray(allow) || !Array.isArray(deny)) return;
  for (const [at, text] of deny.entries()) {
    if (typeof text !== 'string' || !allow.includes(text)) continue;
    const mend = 'Remove it from one of the two; of two ranges that are alike the denial counts.';
    conflict(['ntp', 'deny', at], `"${text}" is both allowed and denied.`, mend);
  }
}
