// Runs the compiled tests, tier by tier, with node:test's own reporter and one summary at the end.
//
//   node tools/test.mjs                    all tiers
//   node tools/test.mjs unit property      these tiers
//   node tools/test.mjs test/unit/base     the test files below a folder, or one file
//
// The list of files comes from the sources, so a test whose source is gone is not run from a stale dist/.
// Refuses: to succeed when nothing ran; to run two system tests at once (they time, and they use ports).

import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** In the order in which they run. A serial tier runs one file at a time. */
const TIERS = [
  { name: 'tidy', serial: false },
  { name: 'unit', serial: false },
  { name: 'property', serial: false },
  { name: 'model', serial: false },
  { name: 'sim', serial: false },
  { name: 'system', serial: true },
  { name: 'regress', serial: true },
];

/** One file may take this long, on a busy machine too: the million inputs of the property tier take a minute. */
const FILE_TIMEOUT_MS = 300_000;

/** The lines of node:test's summary; run() prints them once per call, we once for all calls. */
const SUMMARY = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/;

const root = join(import.meta.dirname, '..');

function sourceFiles(tier) {
  const folder = join(root, 'test', tier);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.test.ts'));
  return names.sort().map((name) => join(folder, name));
}

function compiled(source) {
  return join(root, 'dist', relative(root, source)).replace(/\.ts$/, '.js');
}

/** Does this file answer to one of the words of the command line? */
function isWanted(source, tier, words) {
  if (words.length === 0) return true;
  return words.some((word) => {
    if (word === tier) return true;
    const path = resolve(word);
    return path === source || source.startsWith(`${path}/`) || path === compiled(source);
  });
}

/** Neighbouring tiers of one kind run as one group, so that both cores stay busy. */
function groupsOf(words) {
  const groups = [];
  for (const tier of TIERS) {
    const files = sourceFiles(tier.name).filter((file) => isWanted(file, tier.name, words));
    if (files.length === 0) continue;
    const last = groups.at(-1);
    if (last?.serial === tier.serial) last.files.push(...files);
    else groups.push({ serial: tier.serial, files });
  }
  return groups;
}

/** Passes everything on but the summary lines, which are added up. Notes the files that hold no test. */
async function runGroup(group, report, sums, empty) {
  const concurrency = group.serial ? 1 : Math.max(2, availableParallelism());
  const events = run({ files: group.files.map(compiled), concurrency, timeout: FILE_TIMEOUT_MS });
  for await (const event of events) {
    // A file without tests is reported as one test that passed, under its own path.
    if (event.type === 'test:pass' && event.data.name.startsWith(join(root, 'dist')))
      empty.push(event.data.name);
    const line =
      event.type === 'test:diagnostic' && event.data.nesting === 0 && SUMMARY.exec(event.data.message);
    if (line) sums.set(line[1], (sums.get(line[1]) ?? 0) + Number(line[2]));
    else if (event.type !== 'test:summary') report.write(event);
  }
}

async function main(words) {
  const groups = groupsOf(words);
  const unbuilt = groups.flatMap((group) => group.files).filter((file) => !existsSync(compiled(file)));
  if (unbuilt.length > 0) {
    console.error(`not built: ${unbuilt.map((file) => relative(root, file)).join(', ')}. Run: npm test`);
    return 1;
  }
  const report = new PassThrough({ objectMode: true });
  const printed = report.pipe(new spec());
  printed.pipe(process.stdout);
  const sums = new Map();
  const empty = [];
  for (const group of groups) await runGroup(group, report, sums, empty);
  for (const [name, value] of sums) {
    const message = `${name} ${name === 'duration_ms' ? value.toFixed(3) : value}`;
    report.write({ type: 'test:diagnostic', data: { nesting: 0, message, level: 'info' } });
  }
  report.end();
  await new Promise((done) => printed.once('end', done));
  const ran = (sums.get('tests') ?? 0) - (sums.get('skipped') ?? 0);
  if (ran === 0) console.error(`no test ran${words.length > 0 ? ` for: ${words.join(' ')}` : ''}`);
  for (const file of empty) console.error(`no test in ${relative(root, file)}`);
  const failed = (sums.get('fail') ?? 0) + (sums.get('cancelled') ?? 0);
  return ran === 0 || failed > 0 || empty.length > 0 ? 1 : 0;
}

// Set, not forced: what was printed into a pipe still has to leave.
process.exitCode = await main(process.argv.slice(2));
