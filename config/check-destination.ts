// What is legal alone and foolish together within one destination of agent.json: addresses of two schemes, TLS on a
// way that has none, half of a certificate, waits that run backwards. Runs beside other faults, so it trusts no type.

import { parseSpan } from '../base/units.ts';
import type { Conflict, Part } from './agent-part.ts';
import { get, textList } from './rules.ts';
import { parseTarget } from './target.ts';

export function checkDestination(part: Part, conflict: Conflict): void {
  checkTargets(part, conflict);
  checkTrust(part, conflict);
  const min = parseSpan(String(get(get(part.value, 'retry'), 'min')));
  const max = parseSpan(String(get(get(part.value, 'retry'), 'max')));
  if (min !== undefined && max !== undefined && min > max) {
    const what = `The first wait ("min") is longer than the longest ("max").`;
    conflict([...part.path, 'retry'], what, 'Swap the two, or set both: { "min": "100ms", "max": "30s" }.');
  }
}

function checkTargets({ path, value }: Part, conflict: Conflict): void {
  const to = get(value, 'to');
  if (!Array.isArray(to)) return;
  const targets = to.map((text) => (typeof text === 'string' ? parseTarget(text) : undefined));
  const seen = new Set<string>();
  const scheme = targets.find((target) => target !== undefined)?.scheme;
  for (const [at, target] of targets.entries()) {
    if (target === undefined) continue;
    if (target.scheme !== scheme) {
      const what = `The addresses of one destination have different schemes: ${scheme}:// and ${target.scheme}://.`;
      const mend =
        'Write a destination of its own for each, or one scheme for all: the later ones stand in for the first.';
      conflict([...path, 'to', at], what, mend);
      return;
    }
    const key = `${target.host.toLowerCase()} ${target.port}`;
    if (seen.has(key))
      conflict([...path, 'to', at], `"${target.text}" stands twice.`, 'Remove one of the two.');
    seen.add(key);
  }
}

function checkTrust({ path, value }: Part, conflict: Conflict): void {
  const tls = get(value, 'tls');
  const [first] = textList(get(value, 'to'));
  const scheme = first === undefined ? undefined : parseTarget(first)?.scheme;
  const keys = ['ca', 'cert', 'key', 'serverName'].filter((key) => get(tls, key) !== undefined);
  if (scheme !== undefined && scheme !== 'tls' && scheme !== 'relps' && keys.length > 0) {
    const secure = scheme === 'relp' ? 'relps' : 'tls';
    const what = `The destination has "tls", but "${first}" goes without it, readable for everyone on the way.`;
    conflict([...path, 'tls'], what, `Write ${secure}:// in "to", or remove "tls".`);
  }
  for (const [own, other] of [
    ['cert', 'key'],
    ['key', 'cert'],
  ] as const) {
    if (get(tls, own) === undefined || get(tls, other) !== undefined) continue;
    const what = `"tls" has a "${own}" and no "${other}".`;
    conflict([...path, 'tls', own], what, `Add "${other}", or remove "${own}".`);
  }
}
