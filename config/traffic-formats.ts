// Values below `traffic` that are written as text and mean something: names of interfaces, filters, a word of a
// record. A check says what is wrong and how it should look; it never repairs.

import type { FilterCheck } from './formats.ts';
import { type FormatProblem, NO_PROBLEM, problem } from './problem.ts';

/** What dev_valid_name() of the kernel takes: up to 15 bytes (IFNAMSIZ), no blank, no "/" and no ":". */
const INTERFACE_NAME = /^(?!\.{1,2}$)[!-9;-~]{1,15}$/;

export function checkInterface(text: string): readonly FormatProblem[] {
  if (INTERFACE_NAME.test(text) && !text.includes('/')) return NO_PROBLEM;
  const mend = 'Write a name as `ip link` shows it, such as "eth0", or "any" for all.';
  return problem('CONFIG_BAD_VALUE', `"${text}" is not the name of an interface.`, mend);
}

/** The place stands in the words as well, for whoever has only those. */
export function checkTrafficFilter(text: string, check: FilterCheck): readonly FormatProblem[] {
  if (text.trim() === '')
    return problem('CONFIG_BAD_FILTER', 'The filter is empty.', 'Leave out "filter" for all packets.');
  const found = check(text);
  if (found === undefined) return NO_PROBLEM;
  const { at, what, mend } = found;
  return [
    {
      code: 'CONFIG_BAD_FILTER',
      what: `The filter "${text}", at its character ${at + 1}: ${what}`,
      mend,
      at,
    },
  ];
}

/** A field of a record ends at a blank. */
export function checkRecordWord(text: string): readonly FormatProblem[] {
  if (/^[!-~]{1,64}$/.test(text)) return NO_PROBLEM;
  const mend = 'Write 1 to 64 letters, digits and signs of ASCII without blanks, such as "site-7".';
  return problem('CONFIG_BAD_VALUE', `"${text}" cannot be a field of a record.`, mend);
}
