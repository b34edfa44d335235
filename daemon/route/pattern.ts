// Regular expressions over text that strangers send. V8 walks back and forth through a text, and a pattern
// such as `(a+)+$` can take years over one that was made for it. V8 also has an engine whose time grows only
// with the length of the text, and can change over to it when the walking gets out of hand; it knows neither
// look-around, nor back references, nor the flag i. The flag is therefore written out ("[aA]").

import { setFlagsFromString } from 'node:v8';
import type { Pattern } from '../../config/server.ts';

setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

const LETTER = /[a-z]/i;

/** Both cases of each letter, within a set and outside; names and escapes stay as they are. */
function writeOutCases(source: string): string {
  let out = '';
  let inSet = false;
  let at = 0;
  while (at < source.length) {
    const rest = source.slice(at);
    const kept =
      /^(?:\\(?:u\{[^}]*\}|u[0-9a-f]{4}|x[0-9a-f]{2}|c[a-z]|k<[^>]*>|[pP]\{[^}]*\}|.)|\(\?<[^=!][^>]*>|\(\?[:=!<])/is.exec(
        rest,
      );
    const range = inSet ? /^([a-z])-([a-z])/i.exec(rest) : null;
    const char = source.charAt(at);
    if (kept && !(inSet && char === '(')) {
      out += kept[0];
      at += kept[0].length;
      continue;
    }
    if (range) {
      out += bothRanges(range[0]);
      at += 3;
      continue;
    }
    if (char === '[') inSet = true;
    if (char === ']') inSet = false;
    if (LETTER.test(char)) out += inSet ? bothCases(char) : `[${bothCases(char)}]`;
    else out += char;
    at += 1;
  }
  return out;
}

const bothCases = (letter: string) => letter.toLowerCase() + letter.toUpperCase();

/** A range from one case to the other (A-z) holds signs too, and is left alone. */
function bothRanges(range: string): string {
  const [from = '', , to = ''] = range;
  const oneCase = (from === from.toLowerCase()) === (to === to.toLowerCase());
  return oneCase ? range.toLowerCase() + range.toUpperCase() : range;
}

export function compilePattern(pattern: Pattern): RegExp {
  if (!pattern.flags.includes('i')) return new RegExp(pattern.source, pattern.flags);
  const flags = pattern.flags.replace('i', '');
  try {
    return new RegExp(writeOutCases(pattern.source), flags);
  } catch {
    // Written out it is no pattern any more (an odd range): then as the operator wrote it.
    return new RegExp(pattern.source, pattern.flags);
  }
}
