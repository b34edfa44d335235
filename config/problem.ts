// What is wrong with a value that the operator wrote as text: which fault, what, and how to mend it. Where it
// stands is known to whoever asked.

import type { FaultCode } from '../base/fault.ts';

export interface Problem {
  readonly what: string;
  readonly mend: string;
}

export interface FormatProblem extends Problem {
  readonly code: FaultCode;
  /** Where in the text it is wrong, from 0; absent: all of it. */
  readonly at?: number;
}

export const NO_PROBLEM: readonly FormatProblem[] = [];

export function problem(code: FaultCode, what: string, mend: string): readonly FormatProblem[] {
  return [{ code, what, mend }];
}
