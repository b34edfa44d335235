// Who may ask for the time: ranges that are allowed and ranges that are denied. The narrowest range that holds
// an address decides; of two alike, the denial. Nobody may ask but this host itself, unless a range says so.

import { type Address, inRange, parseRange, printRange, type Range } from '../base/ip.ts';
import { assert } from '../base/assert.ts';

interface AccessRule {
  readonly range: Range;
  readonly allowed: boolean;
  /** As the operator would write it; undefined for what holds by itself. */
  readonly text: string | undefined;
}

export interface AccessVerdict {
  readonly allowed: boolean;
  /** The range that decided; undefined when none did. */
  readonly by: string | undefined;
}

function builtIn(text: string): AccessRule {
  const range = parseRange(text);
  assert(range !== undefined, `${text} is a range`);
  return { range, allowed: true, text: undefined };
}

const LOOPBACK: readonly AccessRule[] = [builtIn('127.0.0.0/8'), builtIn('::1')];

export class Access {
  /** The narrowest first; among equals what the operator wrote, and of that the denials. */
  readonly #rules: readonly AccessRule[];

  constructor(allow: readonly Range[], deny: readonly Range[]) {
    const rule = (range: Range, allowed: boolean) => ({ range, allowed, text: printRange(range) });
    const rules = [
      ...deny.map((range) => rule(range, false)),
      ...allow.map((range) => rule(range, true)),
      ...LOOPBACK,
    ];
    this.#rules = rules.sort((a, b) => b.range.bits - a.range.bits);
  }

  isAllowed(address: Address): boolean {
    return this.#find(address)?.allowed ?? false;
  }

  explain(address: Address): AccessVerdict {
    const found = this.#find(address);
    return { allowed: found?.allowed ?? false, by: found?.text };
  }

  #find(address: Address): AccessRule | undefined {
    for (const rule of this.#rules) if (inRange(rule.range, address)) return rule;
    return undefined;
  }
}
