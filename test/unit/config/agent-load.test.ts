// What comes out of loading agent.json: defaults, values instead of text, names where none were given, and what is
// worth a look on this host.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { printRange } from '../../../base/ip.ts';
import { loadAgentConfig } from '../../../config/agent-load.ts';
import type { AgentConfig, InputConfig } from '../../../config/agent.ts';
import { FACILITY_NAMES, SEVERITY_NAMES } from '../../../config/input.schema.ts';
import { FileGlobs } from '../../../client/inputs/file/globs.ts';
import { FACILITIES, SEVERITIES } from '../../../syslog/names.ts';
import { compileSelector } from '../../../syslog/selector.ts';
import { checkFilter } from '../../../traffic/filter/parse.ts';
import { EVENT_NAMES } from '../../../traffic/events/names.ts';
import { RATE_LIMITS } from '../../../traffic/events/rate.ts';
import { RECORD_FIELDS, VERSION_2_FIELDS } from '../../../traffic/events/record.ts';
import { FLOW_LIMITS } from '../../../traffic/flow/limits.ts';
import { TRAFFIC_EVENTS, TRAFFIC_RECORD_FIELDS } from '../../../config/traffic.schema.ts';
import { loadAgent, loadAgentText, loadAny, makeFiles } from './marked.ts';
import { makeCertificate, makeKeys, pemOfKey } from './make-certificate.ts';

function good(t: TestContext, text: string): AgentConfig {
  const { config, faults } = loadAgentText(t, text);
  assert.deepEqual(
    faults.map((fault) => fault.text),
    [],
  );
  assert.ok(config);
  return config;
}

/** Without what is the same for all. */
function plain(input: InputConfig): object {
  const { place: _, ...own } = input;
  return own;
}

function inputOf<T extends InputConfig['type']>(config: AgentConfig, type: T) {
  const found = config.inputs.find((input) => input.type === type);
  assert.ok(found);
  return found as Extract<InputConfig, { type: T }>;
}

const TO = '"destinations": [{ "to": "relp://10.0.0.1" }]';

test('everything but the ways has a default', (t) => {
  const config = good(
    t,
    `{ "inputs": [{ "type": "journald" }, { "type": "file", "path": "/a/*.log" }, { "type": "devlog" },
       { "type": "listen", "listen": "udp://127.0.0.1" }, { "type": "stdin" }, { "type": "file", "path": "/b" }],
       ${TO} }`,
  );
  const lines = {
    format: 'plain',
    facility: 1,
    severity: 5,
    multiline: undefined,
    timeZone: 'local',
  } as const;
  const file = { type: 'file', exclude: [], from: 'beginning', program: undefined, ...lines } as const;
  const [journald, first, devlog, , stdin, second] = config.inputs.map(plain);
  assert.deepEqual(journald, {
    name: 'journald',
    type: 'journald',
    directory: undefined,
    matches: [],
    from: 'beginning',
  });
  assert.deepEqual(first, { name: 'file', paths: ['/a/*.log'], ...file });
  assert.deepEqual(second, { name: 'file2', paths: ['/b'], ...file });
  assert.deepEqual(stdin, { name: 'stdin', type: 'stdin', ...lines, program: 'stdin' });
  const receiveBufferBytes = 8 * 1024 ** 2;
  assert.deepEqual(devlog, {
    name: 'devlog',
    type: 'devlog',
    path: '/dev/log',
    mode: 0o666,
    receiveBufferBytes,
  });
  const listen = inputOf(config, 'listen');
  assert.deepEqual(listen.allow.map(printRange), ['127.0.0.0/8', '::1']);
  assert.deepEqual(listen.listen, [
    { transport: 'udp', host: '127.0.0.1', family: 4, port: 514, text: 'udp://127.0.0.1' },
  ]);
  const { place, ...destination } = config.destinations[0] ?? assert.fail();
  assert.deepEqual([place.line, place.key], [3, 'destinations[0]']);
  assert.deepEqual(destination, {
    name: 'destination1',
    to: [{ scheme: 'relp', host: '10.0.0.1', port: 2514, text: 'relp://10.0.0.1' }],
    select: undefined,
    program: undefined,
    framing: 'octet-counted',
    window: 2048,
    tls: { ca: undefined, cert: undefined, key: undefined, serverName: undefined },
    queue: {
      directory: '/var/lib/belfry/queue/destination1',
      maxDiskSpaceBytes: 1024 ** 3,
      onFull: 'block',
      sync: '1s',
    },
    retry: { minMs: 100, maxMs: 30_000 },
    timeoutMs: 10_000,
  });
  assert.deepEqual([config.host, config.maxMessageBytes], [hostname(), 65_536]);
  assert.deepEqual(config.control, { socket: '/run/belfry/agent.sock', mode: 0o660 });
  assert.deepEqual(config.log, { level: 'info', format: 'auto' });
  assert.deepEqual(structuredClone(config), config);
});

test('text becomes values', (t) => {
  const folder = makeFiles(t, {
    'agent.json': `{
      "inputs": [
        { "name": "nginx", "type": "file", "path": ["log/*.log", "/srv/**/x?[0-9]"], "exclude": "log/no.log",
          "from": "end", "format": "bsd", "program": "nginx", "facility": "local0", "severity": "emerg",
          "multiline": "(?i)start$", "timeZone": "Europe/Berlin" },
        { "type": "journald", "directory": "journal", "matches": ["_PID=1", "+", "MESSAGE=a b"] },
        { "type": "devlog", "path": "dev/log", "mode": "0622", "receiveBuffer": "1MiB" },
        { "type": "listen", "listen": ["tcp://[::1]:0", "udp://127.0.0.1:0"], "allow": ["10.0.0.0/8"] }
      ],
      "destinations": [
        { "name": "one", "to": ["relps://logs.example.org", "relps://[fd00::1]:99"], "select": "*.*",
          "program": ["a*", "b"], "window": 7, "timeout": "1500ms",
          "tls": { "ca": "ca.pem", "cert": "tls/c.pem", "key": "/k.pem", "serverName": "logs" },
          "queue": { "directory": "queue/1", "maxDiskSpace": "1MiB", "onFull": "dropOldest", "sync": "each" },
          "retry": { "min": "1s", "max": "1min" } },
        { "to": "udp://a_b.local", "select": ["auth.*", "*.err"] },
        { "to": "tcp://a:1", "framing": "lf" }, { "to": "tls://a" }
      ],
      "host": "web-1", "maxMessageSize": "8KiB",
      "control": { "socket": "run/x.sock", "mode": "0600" }, "log": { "level": "debug", "format": "json" }
    }`,
  });
  const { config, faults } = loadAgent(join(folder, 'agent.json'));
  assert.deepEqual(faults, []);
  assert.ok(config);
  const [nginx, , devlog] = config.inputs.map(plain);
  assert.deepEqual(nginx, {
    name: 'nginx',
    type: 'file',
    paths: [join(folder, 'log/*.log'), '/srv/**/x?[0-9]'],
    exclude: [join(folder, 'log/no.log')],
    from: 'end',
    format: 'bsd',
    program: 'nginx',
    facility: 16,
    severity: 0,
    multiline: { source: 'start$', flags: 'i' },
    timeZone: 'Europe/Berlin',
  });
  const journald = inputOf(config, 'journald');
  assert.deepEqual(
    [journald.directory, journald.matches],
    [join(folder, 'journal'), ['_PID=1', '+', 'MESSAGE=a b']],
  );
  assert.deepEqual(devlog, {
    name: 'devlog',
    type: 'devlog',
    path: join(folder, 'dev/log'),
    mode: 0o622,
    receiveBufferBytes: 1024 ** 2,
  });
  assert.deepEqual(
    inputOf(config, 'listen').listen.map(({ transport, host, port }) => [transport, host, port]),
    [
      ['tcp', '::1', 0],
      ['udp', '127.0.0.1', 0],
    ],
  );
  const [one, two, three, four] = config.destinations;
  assert.deepEqual(one?.to, [
    { scheme: 'relps', host: 'logs.example.org', port: 2514, text: 'relps://logs.example.org' },
    { scheme: 'relps', host: 'fd00::1', port: 99, text: 'relps://[fd00::1]:99' },
  ]);
  assert.deepEqual([one?.select, one?.program, one?.window, one?.timeoutMs], [['*.*'], ['a*', 'b'], 7, 1500]);
  assert.deepEqual(one?.tls, {
    ca: join(folder, 'ca.pem'),
    cert: join(folder, 'tls/c.pem'),
    key: '/k.pem',
    serverName: 'logs',
  });
  assert.deepEqual(one?.queue, {
    directory: join(folder, 'queue/1'),
    maxDiskSpaceBytes: 1024 ** 2,
    onFull: 'dropOldest',
    sync: 'each',
  });
  assert.deepEqual(one?.retry, { minMs: 1000, maxMs: 60_000 });
  assert.deepEqual(
    [two, three, four].map((own) => [own?.name, own?.to[0]?.port, own?.framing]),
    [
      ['destination2', 514, 'octet-counted'],
      ['destination3', 1, 'lf'],
      ['destination4', 6514, 'octet-counted'],
    ],
  );
  assert.deepEqual(two?.select, ['auth.*', '*.err']);
  assert.deepEqual([config.host, config.maxMessageBytes], ['web-1', 8192]);
  assert.deepEqual(config.control, { socket: join(folder, 'run/x.sock'), mode: 0o600 });
  assert.deepEqual(config.log, { level: 'debug', format: 'json' });
});

test('facilities and severities have the numbers that the rest of Belfry gives them', () => {
  assert.deepEqual([...FACILITY_NAMES], FACILITIES);
  assert.deepEqual([...SEVERITY_NAMES], SEVERITIES);
});

test('any section may be absent', (t) => {
  const nothing = loadAgentText(t, '{}');
  assert.deepEqual(nothing.faults, []);
  assert.match(nothing.notes[0]?.text.what ?? '', /nothing to do/);
  const drain = loadAgentText(t, `{ ${TO} }`);
  assert.deepEqual(drain.faults, []);
  assert.match(drain.notes[0]?.text.what ?? '', /only delivers what still lies/);
  assert.deepEqual(good(t, '{ "inputs": [], "destinations": [] }').inputs, []);
});

test('keys that have no effect are worth a note', (t) => {
  const { notes } = loadAgentText(
    t,
    `{ "inputs": [{ "type": "stdin" }], "destinations": [
       { "to": "relp://a", "framing": "lf", "window": 1 }, { "to": "tcp://a", "framing": "lf", "window": 1 }] }`,
  );
  assert.deepEqual(
    notes.map(({ code, text }) => [code, text.place?.key]),
    [
      ['CONFIG_NOTE', 'destinations[0].framing'],
      ['CONFIG_NOTE', 'destinations[1].window'],
    ],
  );
});

test('watching connections has a default for everything', (t) => {
  const { traffic } = good(t, `{ "traffic": {}, ${TO} }`);
  assert.ok(traffic);
  const { place, ...own } = traffic;
  assert.equal(place.key, 'traffic');
  assert.deepEqual(own, {
    name: 'traffic',
    type: 'traffic',
    interfaces: ['any'],
    filter: undefined,
    events: ['opened', 'update', 'closed', 'reset', 'refused', 'no-answer', 'timeout', 'half-closed'],
    updateIntervalMs: 600_000,
    flowIntervalMs: undefined,
    recordFields: VERSION_2_FIELDS,
    maxRecords: 5000,
    account: '-',
    log: undefined,
    owners: true,
    facility: 3,
    timeouts: {
      noAnswerMs: FLOW_LIMITS.noAnswerUs / 1000,
      silentMs: FLOW_LIMITS.timeoutUs / 1000,
      halfClosedMs: FLOW_LIMITS.halfClosedUs / 1000,
      udpIdleMs: FLOW_LIMITS.otherIdleUs / 1000,
      tcpIdleMs: FLOW_LIMITS.tcpIdleUs / 1000,
    },
    rateLimit: RATE_LIMITS,
    maxFlows: FLOW_LIMITS.flowsMax,
    promiscuous: false,
    snapBytes: 256,
    ringBytes: 32 * 1024 ** 2,
  });
  assert.equal(good(t, `{ ${TO} }`).traffic, undefined);
});

test('what is written below traffic is taken as values', (t) => {
  const folder = makeFiles(t, {
    'agent.json': `{ "traffic": { "interfaces": ["eth0", "lo", "eth0"], "log": "t.log", "logMode": "0644",
      "events": ["reset", "closed", "reset"], "flowInterval": "60s", "rateLimit": false, "facility": "local7" } }`,
  });
  const { config } = loadAgent(join(folder, 'agent.json'));
  assert.deepEqual(config?.traffic?.interfaces, ['eth0', 'lo']);
  assert.deepEqual(config.traffic.events, ['closed', 'reset']);
  assert.deepEqual(config.traffic.log, { path: join(folder, 't.log'), mode: 0o644 });
  assert.deepEqual(
    [config.traffic.flowIntervalMs, config.traffic.rateLimit, config.traffic.facility],
    [60_000, undefined, 23],
  );
});

test('the words of events and records are those of the traffic room', () => {
  assert.deepEqual([...TRAFFIC_EVENTS], Object.values(EVENT_NAMES));
  assert.deepEqual(TRAFFIC_RECORD_FIELDS, RECORD_FIELDS);
});

test('watching that tells nobody anything is worth a look', (t) => {
  const notes = (text: string) =>
    loadAgentText(t, text).notes.map(({ code, text: { place } }) => [code, place?.key]);
  assert.deepEqual(notes('{ "traffic": { "log": "a", "flowInterval": "1s" } }'), [
    ['CONFIG_NOTE', 'traffic.flowInterval'],
  ]);
  assert.deepEqual(notes(`{ "traffic": { "events": [] }, ${TO} }`), [['CONFIG_NOTE', 'traffic.events']]);
  assert.deepEqual(notes(`{ "traffic": { "events": [], "flowInterval": "1s" }, ${TO} }`), []);
  assert.deepEqual(notes('{ "traffic": { "log": "a" } }'), []);
});

test('what this host says to watching is worth a look', (t) => {
  const folder = makeFiles(t, {});
  const notes = (traffic: string, input = '') =>
    notesOf(
      folder,
      `{ "traffic": ${traffic}, "inputs": [${input}], "control": { "socket": "a.sock" },
        "destinations": [{ "to": "relp://127.0.0.1", "queue": { "directory": "queue" } }] }`,
    );
  assert.deepEqual(notes('{ "interfaces": ["lo"], "log": "t.log" }'), []);
  const [[key, what] = assert.fail()] = notes('{ "interfaces": ["lo", "no-such0"] }');
  assert.equal(key, 'traffic.interfaces[1]');
  assert.match(what, /There is no interface no-such0/);
  const [[log, why] = assert.fail()] = notes('{ "log": "/proc/no/t.log" }');
  assert.equal(log, 'traffic.log');
  assert.match(why, /\/proc/);
  writeFileSync(join(folder, 't.log'), '');
  const twice = (input: string) =>
    notes('{ "log": "t.log" }', `{ "type": "file", "path": ${input} }`).map(([one]) => one);
  assert.deepEqual(twice('"*.log"'), ['traffic.log']);
  assert.deepEqual(twice('"t.log"'), ['traffic.log']);
  assert.deepEqual(twice('"*.log", "exclude": "t.*"'), ['inputs[0].path']);
  assert.deepEqual(twice('"t.lo*"'), ['traffic.log']);
  assert.deepEqual(twice('"u*.log"'), ['inputs[0].path']);
});

test('a file is told apart by its keys', (t) => {
  const folder = makeFiles(t, {
    'a.json': `{ ${TO} }`,
    'b.json': '{ "traffic": {} }',
    'c.json': '{ "rules": [{ "file": "a.log" }] }',
    'd.json': '{}',
    'e.json': `{ "rules": [{ "file": "a" }], ${TO} }`,
    'f.json': '{ "control": {} }',
  });
  const kinds = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => loadAny(join(folder, `${name}.json`)).kind);
  assert.deepEqual(kinds, ['agent', 'agent', 'server', 'server', 'server', 'server']);
  const both = loadAny(join(folder, 'e.json')).loaded.faults;
  assert.deepEqual(
    both.map(({ code, text }) => [code, text.place?.key]),
    [['CONFIG_CONFLICT', 'destinations']],
  );
  assert.match(
    loadAny(join(folder, 'my-agent.json')).loaded.faults[0]?.text.mend ?? '',
    /examples\/agent\.json/,
  );
});

/** Notes of a check with everything that it looks at on this host. */
function notesOf(folder: string, text: string): readonly (readonly [string | undefined, string])[] {
  const path = join(folder, 'agent.json');
  writeFileSync(path, text);
  const { faults, notes } = loadAgentConfig(path, {
    checkFilter,
    checkSelector: compileSelector,
    findFiles: (paths, exclude) => new FileGlobs(paths, exclude).scan(),
  });
  assert.deepEqual(faults, []);
  return notes.map(({ code, text: { what, place } }) => {
    assert.equal(code, 'CONFIG_NOTE');
    return [place?.key, what] as const;
  });
}

/** A whole configuration that can be carried out in its folder. */
function whole(input: string, to = 'relp://127.0.0.1', more = ''): string {
  return `{ "inputs": [${input}], "control": { "socket": "a.sock" },
    "destinations": [{ "to": "${to}", "queue": { "directory": "queue" }${more} }] }`;
}

test('patterns that find nothing are worth a look', (t) => {
  const folder = makeFiles(t, { 'log/a.log': '', 'log/b.txt': '', 'log/.hidden.log': '' });
  const notes = (path: string) => notesOf(folder, whole(`{ "type": "file", "path": ${path} }`));
  assert.deepEqual(notes('"log/*.log"'), []);
  assert.deepEqual(notes('"*/*.txt"'), []);
  const [[key, what] = assert.fail(), ...more] = notes('["log/*", "log/*.gz"]');
  assert.deepEqual([key, more], ['inputs[0].path[1]', []]);
  assert.match(what, /\/log\/\*\.gz matches no file at the moment/);
  assert.equal(notes('"no/such.log"')[0]?.[0], 'inputs[0].path');
});

test('files and directories that cannot be read are worth a look', (t) => {
  const path = join(
    makeFiles(t, { 'agent.json': whole('{ "type": "file", "path": "/a/*" }') }),
    'agent.json',
  );
  const what = (files: string[], obstacles: [string, { code: string }][]) =>
    loadAgentConfig(path, {
      checkFilter,
      checkSelector: compileSelector,
      findFiles: (paths) => {
        assert.deepEqual(paths, ['/a/*']);
        return { files: new Map(files.map((file) => [file, {}])), obstacles: new Map(obstacles) };
      },
    }).notes.map(({ text }) => text.what);
  assert.deepEqual(what(['/dev/null'], [['/a/b', { code: 'EACCES' }]]), [
    '/a/b cannot be read by this user.',
  ]);
  assert.deepEqual(what(['/dev/null', '/no/such'], []), ['/no/such cannot be read by this user.']);
  assert.deepEqual(what(['/dev/null'], [['/a/b', { code: 'not a file' }]]), []);
});

test('ways that may lose messages are worth a look', (t) => {
  const folder = makeFiles(t, {});
  const input = '{ "type": "stdin" }';
  assert.deepEqual(notesOf(folder, whole(input)), []);
  assert.match(notesOf(folder, whole(input, 'udp://h'))[0]?.[1] ?? '', /goes by UDP: .*without a trace/);
  assert.match(notesOf(folder, whole(input, 'tcp://h'))[0]?.[1] ?? '', /plain TCP: nothing tells/);
  assert.deepEqual(notesOf(folder, whole(input, 'relps://h')), []);
});

test('directories that cannot be written are worth a look', (t) => {
  const folder = makeFiles(t, { file: 'x' });
  const text = whole('{ "type": "stdin" }')
    .replace('"queue" }', '"file/queue" }')
    .replace('a.sock', '/proc/x/a.sock');
  const notes = notesOf(folder, text);
  assert.deepEqual(
    notes.map(([key]) => key),
    ['destinations[0].queue.directory', 'control.socket'],
  );
  assert.match(notes[0]?.[1] ?? '', /is a file, so nothing can be made below it/);
  assert.match(notes[1]?.[1] ?? '', /\/proc/);
});

test('a /dev/log that somebody owns is worth a look', async (t) => {
  const folder = makeFiles(t, { plain: 'x' });
  const notes = (path: string) => notesOf(folder, whole(`{ "type": "devlog", "path": "${path}" }`));
  assert.deepEqual(notes('log'), []);
  assert.match(notes('plain')[0]?.[1] ?? '', /is there already, and is no socket/);
  const server = createServer();
  t.after(() => server.close());
  await new Promise<void>((done) => server.listen(join(folder, 'sock'), done));
  assert.match(notes('sock')[0]?.[1] ?? '', /Another program owns .*\/sock at the moment/);
});

test('a journal that is not there is worth a look', (t) => {
  const folder = makeFiles(t, { 'journal/user-1000.journal': 'x' });
  const notes = () => notesOf(folder, whole('{ "type": "journald", "directory": "journal" }'));
  const [[key, what] = assert.fail()] = notes();
  assert.equal(key, 'inputs[0].directory');
  assert.match(what, /There is no journal|no journalctl/);
  mkdirSync(join(folder, 'journal/0123'));
  writeFileSync(join(folder, 'journal/0123/system.journal'), 'x');
  assert.ok(notes().every(([, text]) => /no journalctl/.test(text)));
});

test('certificates of destinations are looked at', (t) => {
  const keys = makeKeys();
  const folder = makeFiles(t, {
    'host.pem': makeCertificate({ subject: 'host', keys, to: new Date(Date.now() + 86_400_000) }),
    'host.key': pemOfKey(keys),
    'other.key': pemOfKey(makeKeys()),
  });
  const text = (key: string) =>
    whole(
      '{ "type": "stdin" }',
      'relps://h',
      `, "tls": { "cert": "host.pem", "key": "${key}", "ca": "ca.pem" }`,
    );
  writeFileSync(join(folder, 'agent.json'), text('other.key'));
  const { faults, notes } = loadAgent(join(folder, 'agent.json'), true);
  assert.deepEqual(
    faults.map(({ code, text: { place } }) => [code, place?.key]),
    [
      ['CONFIG_BAD_CERTIFICATE', 'destinations[0].tls.key'],
      ['CONFIG_BAD_CERTIFICATE', 'destinations[0].tls.ca'],
    ],
  );
  assert.ok(notes.some(({ text: { what } }) => /ends on .* left/.test(what)));
  assert.deepEqual(loadAgent(join(folder, 'agent.json')).faults, []);
});
