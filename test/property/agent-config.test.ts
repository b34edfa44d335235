// Whatever stands in agent.json: loading never throws, each fault has a place
// within the file, and what is taken means the same when it is written down again.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FileGlobs } from '../../client/inputs/file/globs.ts';
import { loadAgentConfig, type LoadedAgent } from '../../config/agent-load.ts';
import type { AgentConfig } from '../../config/agent.ts';
import { agentSchema } from '../../config/agent.schema.ts';
import {
  destinationSchema,
  queueSchema,
  retrySchema,
  tlsTrustSchema,
} from '../../config/destination.schema.ts';
import {
  devlogInput,
  FACILITY_NAMES,
  fileInput,
  journaldInput,
  listenInput,
  SEVERITY_NAMES,
  stdinInput,
} from '../../config/input.schema.ts';
import {
  timeoutsSchema,
  trafficRateSchema,
  trafficSchema,
  TRAFFIC_EVENTS,
} from '../../config/traffic.schema.ts';
import { loadAnyConfig } from '../../config/load-any.ts';
import { compileSelector } from '../../syslog/selector.ts';
import { checkFilter } from '../../traffic/filter/parse.ts';
import { fc } from './chance.ts';
import { printAgent } from './print-agent.ts';

const folder = mkdtempSync(join(tmpdir(), 'belfry-agent-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const EXAMPLE = readFileSync(join(import.meta.dirname, '../../../config/examples/agent.json'), 'utf8');
const OPTIONS = {
  checkFilter,
  checkSelector: compileSelector,
  // The whole check, but for searches below "/" that a pattern made by chance could mean.
  findFiles: (paths: readonly string[], exclude: readonly string[]) =>
    new FileGlobs(
      paths.filter((path) => path.startsWith(folder) && !path.includes('**')),
      exclude,
    ).scan(),
};

function loadText(text: string): LoadedAgent {
  const path = join(folder, 'agent.json');
  writeFileSync(path, text);
  return loadAgentConfig(path, OPTIONS);
}

function checkLoaded(text: string): LoadedAgent {
  const loaded = loadText(text);
  assert.equal(loaded.config === undefined, loaded.faults.length > 0);
  const lines = text.split('\n');
  for (const { code, text: said } of [...loaded.faults, ...loaded.notes]) {
    assert.ok(said.what.length > 0 && said.where !== undefined && said.mend !== undefined);
    // A file that cannot be read has no line.
    if (said.place === undefined) assert.equal(code, 'CONFIG_NOT_READABLE');
    if (said.place === undefined) continue;
    assert.ok(said.place.line >= 1 && said.place.line <= lines.length, said.where);
    assert.ok(said.place.column <= (lines[said.place.line - 1]?.length ?? 0) + 1, said.where);
  }
  if (loaded.config !== undefined)
    assert.deepEqual(loadText(printAgent(loaded.config)).config, replaced(loaded.config));
  return loaded;
}

/** With the places that it has in the text of printAgent, which is one line. */
function replaced(config: AgentConfig): AgentConfig {
  const text = printAgent(config);
  const again = loadText(text).config;
  const placeOf = (list: 'inputs' | 'destinations', at: number) =>
    again?.[list][at]?.place ?? assert.fail(text);
  return {
    ...config,
    inputs: config.inputs.map((input, at) => ({ ...input, place: placeOf('inputs', at) })),
    destinations: config.destinations.map((own, at) => ({ ...own, place: placeOf('destinations', at) })),
    traffic: config.traffic && { ...config.traffic, place: again?.traffic?.place ?? assert.fail(text) },
  };
}

const SCHEMAS = [
  ...[agentSchema, destinationSchema, queueSchema, retrySchema, tlsTrustSchema],
  ...[journaldInput, fileInput, devlogInput, listenInput, stdinInput],
  ...[trafficSchema, timeoutsSchema, trafficRateSchema],
];
const KEYS = SCHEMAS.flatMap((schema) => Object.keys(schema.properties));

const WORDS = [
  ...[
    'journald',
    'file',
    'devlog',
    'listen',
    'stdin',
    'udp://127.0.0.1:514',
    'tcp://[::1]:1',
    'relp://a',
    'tls://b',
  ],
  ...[
    'relps://10.0.0.1:1',
    '10.0.0.0/8',
    '/a/*.log',
    'a/**',
    '*.*',
    '(?i)a+',
    '[b-a]',
    '64KiB',
    '30s',
    '0640',
    'local',
  ],
  ...['..', '', 'block', 'lf', '_PID=1', 'end', 'local0', 'err', 'name', 'beginning', 'bsd', 'each'],
  ...['any', 'eth0', 'port 80', 'port 80 or', 'reset', 'srcaddr', '1min'],
];

/** JSON that looks like a configuration: known keys and values in wrong places. */
const { likely } = fc.letrec((tie) => ({
  likely: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.constantFrom(...WORDS), fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
    fc.array(tie('likely'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.constantFrom(...KEYS), fc.string()), tie('likely'), { maxKeys: 6 }),
  ),
}));

test('any JSON is taken or refused with faults, never with a throw', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      checkLoaded(text);
    }),
    { numRuns: 150 },
  );
});

test('JSON made of known keys and values is taken or refused with faults, as agent, server or either', () => {
  const object = fc.dictionary(
    fc.constantFrom(...Object.keys(agentSchema.properties), 'time', 'rules'),
    likely,
    {
      maxKeys: 6,
    },
  );
  fc.assert(
    fc.property(object, (value) => {
      const { config } = checkLoaded(JSON.stringify(value, undefined, 1));
      const { kind, loaded } = loadAnyConfig(join(folder, 'agent.json'), OPTIONS);
      if (kind === 'agent') assert.equal(loaded.config === undefined, config === undefined);
    }),
    { numRuns: 200 },
  );
});

/** Inputs and destinations that are often good. */
const text = (...words: string[]) => fc.constantFrom(...words);
const some = <T>(one: fc.Arbitrary<T>) => fc.oneof(one, fc.array(one, { minLength: 1, maxLength: 3 }));
const lines = {
  format: text('plain', 'bsd', 'rfc5424'),
  program: text('a', 'nginx'),
  facility: text(...FACILITY_NAMES),
  severity: text(...SEVERITY_NAMES),
  multiline: text('^a', '(?i)b+', '(?sm)c'),
  timeZone: text('local', '+02:00', 'Europe/Berlin'),
};
const NAME = text('a', 'b', 'file', 'journald2', 'x y');
const inputs = fc.array(
  fc.oneof(
    fc.record(
      {
        type: fc.constant('journald'),
        name: NAME,
        matches: fc.array(text('A=1', '+', 'B=c d')),
        from: text('end'),
      },
      { requiredKeys: ['type'] },
    ),
    fc.record(
      {
        type: fc.constant('file'),
        name: NAME,
        path: some(text('/a/*.log', 'b.log', 'c/?')),
        exclude: some(text('/x')),
        ...lines,
      },
      { requiredKeys: ['type', 'path'] },
    ),
    fc.record(
      { type: fc.constant('devlog'), name: NAME, path: text('log', '/x/log') },
      { requiredKeys: ['type'] },
    ),
    fc.record(
      {
        type: fc.constant('listen'),
        name: NAME,
        listen: some(text('udp://127.0.0.1:514', 'tcp://[::1]', 'udp://10.0.0.1:0')),
        allow: fc.constantFrom(['10.0.0.0/8'], ['fd00::/8', '127.0.0.1']),
        receiveBuffer: text('1MiB', '4096B'),
      },
      { requiredKeys: ['type', 'listen'] },
    ),
    fc.record({ type: fc.constant('stdin'), name: NAME, ...lines }, { requiredKeys: ['type'] }),
  ),
  { maxLength: 4 },
);
const destinations = fc.array(
  fc.record(
    {
      name: text('a', 'b', 'c-d'),
      to: some(text('relp://a', 'relp://[::1]:5', 'udp://10.0.0.1', 'relp://b.c')),
      select: some(text('*.*', 'mail.err')),
      program: some(text('a*', 'b')),
      framing: text('lf', 'octet-counted'),
      window: fc.integer({ min: 1, max: 65_536 }),
      queue: fc.record(
        {
          directory: text('q', 'q/1', '/q2'),
          maxDiskSpace: text('1MiB', '3GiB'),
          onFull: text('dropNewest'),
        },
        { requiredKeys: [] },
      ),
      retry: fc.record({ min: text('10ms', '2s'), max: text('1min', '1s') }, { requiredKeys: [] }),
      timeout: text('1min', '200ms'),
    },
    { requiredKeys: ['to'] },
  ),
  { maxLength: 3 },
);

const traffic = fc.record(
  {
    interfaces: fc.constantFrom(['any'], ['eth0', 'lo', 'eth0']),
    filter: text('port 2525', 'host 10.0.0.1 and not port 22'),
    events: fc.array(text(...TRAFFIC_EVENTS), { maxLength: 8 }),
    updateInterval: text('1min', '2s'),
    flowInterval: text('60s', '1s'),
    recordFields: fc.constantFrom(['srcaddr', 'bytes'], ['version']),
    maxRecords: fc.integer({ min: 1, max: 9 }),
    account: text('-', 'a-7'),
    log: text('t.log', '/x/t.log'),
    logMode: text('0644', '0600'),
    owners: fc.boolean(),
    facility: text(...FACILITY_NAMES),
    timeouts: fc.record({ silent: text('5s'), tcpIdle: text('1d') }, { requiredKeys: [] }),
    rateLimit: fc.constantFrom(false, {}, { perSecond: 11 }),
    maxFlows: fc.integer({ min: 256, max: 70_000 }),
    promiscuous: fc.boolean(),
    snapLength: text('96B', '1KiB'),
    ringSize: text('1MiB', '2MiB'),
  },
  { requiredKeys: [] },
);

test('what is taken means the same when nothing is left to defaults', () => {
  let taken = 0;
  const one = fc.record(
    { inputs, destinations, traffic, host: text('h', 'a.b') },
    { requiredKeys: ['inputs', 'destinations'] },
  );
  fc.assert(
    fc.property(one, (value) => {
      if (checkLoaded(JSON.stringify(value)).config !== undefined) taken += 1;
    }),
    { numRuns: 300 },
  );
  assert.ok(taken >= 20, `only ${taken} of 300 were taken`);
});

test('an example with bytes changed, cut out or put in is taken or refused with faults', () => {
  const change = fc.tuple(fc.nat(EXAMPLE.length - 1), fc.nat(12), fc.string({ maxLength: 6 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      let changed = EXAMPLE;
      for (const [at, length, put] of changes)
        changed = changed.slice(0, at) + put + changed.slice(at + length);
      checkLoaded(changed);
    }),
    { numRuns: 150 },
  );
});
