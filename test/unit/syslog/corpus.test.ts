// The corpus of parser cases from other programs' test suites, where it lies beside the repository: every core
// case must agree, nine in ten of the vendors', and where a dialect case disagrees it is because of a decision
// of docs/parsing.md. Prints the share that agrees, by source and tier. The stream tier is the framer's.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, type CorpusCase, differences, findCorpus, readCorpus } from './corpus.ts';

const TIERS = ['core', 'vendor', 'dialect'] as const;
const VENDOR_SHARE_MIN = 0.9;

const folder = findCorpus();
const skip = folder === undefined ? 'there is no ../shared/corpus beside the repository' : false;

interface Count {
  all: number;
  agree: number;
}

test('the corpus of other programs', { skip }, (t) => {
  const table = new Map<string, Map<string, Count>>();
  const totals = new Map<string, Count>(TIERS.map((tier) => [tier, { all: 0, agree: 0 }]));
  const failed: string[] = [];
  const decisions = new Map<string, number>();
  for (const [source, cases] of readCorpus(folder ?? '')) {
    for (const entry of cases) {
      const total = totals.get(entry.tier);
      if (total === undefined) continue;
      const wrong = differences(entry);
      const row = table.get(source) ?? new Map<string, Count>();
      const count = row.get(entry.tier) ?? { all: 0, agree: 0 };
      table.set(source, row.set(entry.tier, count));
      for (const one of [total, count]) {
        one.all++;
        if (wrong.length === 0) one.agree++;
      }
      if (wrong.length === 0) continue;
      if (entry.tier === 'core') failed.push(`${source} ${wrong.join(', ')}: ${JSON.stringify(entry.raw)}`);
      if (entry.tier === 'dialect') {
        const why = decisionOf(entry);
        decisions.set(why, (decisions.get(why) ?? 0) + 1);
      }
    }
  }
  for (const line of printTable(table, totals)) t.diagnostic(line);
  t.diagnostic('dialect cases that disagree, by the decision of docs/parsing.md:');
  for (const [why, count] of [...decisions].sort(([a], [b]) =>
    a.localeCompare(b, undefined, { numeric: true }),
  ))
    t.diagnostic(`  ${String(count).padStart(3)}  ${why}`);

  assert.deepEqual(failed, [], 'every core case agrees');
  const vendor = totals.get('vendor') ?? { all: 0, agree: 0 };
  assert.ok(vendor.agree >= vendor.all * VENDOR_SHARE_MIN, `vendor: ${vendor.agree} of ${vendor.all}`);
});

function printTable(table: Map<string, Map<string, Count>>, totals: Map<string, Count>): string[] {
  const cell = (count: Count | undefined): string =>
    (count === undefined ? '' : `${count.agree}/${count.all}`).padStart(10);
  const line = (name: string, row: Map<string, Count>): string =>
    name.padEnd(22) + TIERS.map((tier) => cell(row.get(tier))).join('');
  const head = 'agree/all'.padEnd(22) + TIERS.map((tier) => tier.padStart(10)).join('');
  return [
    head,
    ...[...table].filter(([, row]) => row.size > 0).map(([name, row]) => line(name, row)),
    line('all', totals),
  ];
}

/** The decision that explains a disagreement, by what stands in the case. */
function decisionOf(entry: CorpusCase): string {
  const { raw, expect = {} } = entry;
  const found = REASONS.find(([, applies]) => applies(raw, expect, entry));
  return found === undefined ? 'other' : found[0];
}

type Expectation = NonNullable<CorpusCase['expect']>;
type Applies = (raw: string, expect: Expectation, entry: CorpusCase) => boolean;

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const REASONS: readonly (readonly [string, Applies])[] = [
  [
    '10 invalid UTF-8 is kept',
    (_, expect, entry) => (expect.error === true || raw8Bit(entry)) && !isUtf8(entry),
  ],
  ['11 structured data', (raw, expect) => expect.error === true && raw.includes('\\')],
  ['4 PRI over 191', (raw) => Number(/^<(\d+)>/.exec(raw)?.[1] ?? 0) > 191],
  ['18 octet count is framing', (raw) => /^\d+ </.test(raw)],
  [
    '16 control characters are escaped in files only',
    (_, expect) => /#[0-3][0-7]{2}/.test(text(expect.message)),
  ],
  ['6 year behind the time', (raw) => /\d\d:\d\d:\d\d (19|20)\d\d /.test(raw)],
  ['vendor header: Cisco', (raw) => /CISE_|[%#][A-Z0-9_]+-\d-/.test(raw)],
  ['14 slash in the host name', (raw) => /:\d\d [\w.-]+\/[\w.-]+ /.test(raw)],
  ['vendor header: others', (raw) => /\d\d\/\d\d\/\d{4}:|MSWinEventLog|CEF:|devname=/.test(raw)],
  [
    '3 no PRI',
    (raw, expect) => !raw.startsWith('<') && expect.hostname !== undefined && !hasTagLess(raw, expect),
  ],
  ['1 first word without a colon is text', hasTagLess],
  ['5 no time', (raw) => !/\d\d:\d\d/.test(raw)],
  ['the source does not split off a tag at all', (raw, expect) => raw.endsWith(text(expect.message))],
];

/** The source made a tag of a word that neither a colon nor a process id marks. */
function hasTagLess(raw: string, expect: Expectation): boolean {
  const tag = text(expect.appname);
  return (tag !== '' && raw.includes(` ${tag}`) && !raw.includes(`${tag}:`)) || / TAG /.test(raw);
}

function raw8Bit(entry: CorpusCase): boolean {
  return entry.raw_b64 !== undefined;
}

function isUtf8(entry: CorpusCase): boolean {
  const bytes = bytesOf(entry);
  return Buffer.from(bytes.toString('utf8')).equals(bytes);
}
