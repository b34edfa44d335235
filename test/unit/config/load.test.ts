// What comes out of loading: defaults, values instead of text, the order of included rules, and all faults of
// all files at once.

import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { printRange } from '../../../base/ip.ts';
import { loadServerConfig } from '../../../config/load.ts';
import type { ServerConfig } from '../../../config/server.ts';
import { makeCertificate, makeKeys, pemOfKey } from './make-certificate.ts';
import { load, loadFiles, loadText, makeFiles } from './marked.ts';

function good(t: TestContext, text: string): ServerConfig {
  const { config, faults } = loadText(t, text);
  assert.deepEqual(
    faults.map((fault) => fault.text),
    [],
  );
  assert.ok(config);
  return config;
}

test('every key but the rules has a default', (t) => {
  const config = good(t, '{ "rules": [{ "file": "{host}.log" }] }');
  assert.deepEqual(
    config.syslog.listen.map(({ text }) => text),
    ['udp://0.0.0.0:514', 'tcp://0.0.0.0:514'],
  );
  assert.deepEqual(config.syslog.allow.map(printRange), ['0.0.0.0/0', '::/0']);
  const { listen: _, allow: __, ...syslog } = config.syslog;
  assert.deepEqual(syslog, {
    maxMessageBytes: 65536,
    lanes: 1,
    receiveBufferBytes: 64 * 1024 ** 2,
    maxConnections: 5000,
    maxConnectionsPerSource: 0,
    idleTimeoutMs: 86_400_000,
    handshakeTimeoutMs: 10_000,
    proxyProtocol: [],
    tls: undefined,
    timeZone: { default: 'local', ranges: [] },
  });
  assert.deepEqual(config.files, {
    root: '/var/log/belfry',
    format: 'traditional',
    mode: 0o640,
    directoryMode: 0o750,
    uid: undefined,
    gid: undefined,
    sync: 'none',
    rotate: undefined,
    maxOpen: 1000,
  });
  assert.equal(config.http, undefined);
  assert.deepEqual(config.control, { socket: '/run/belfry/server.sock', mode: 0o660 });
  assert.deepEqual(config.senders, { silentAfterMs: 900_000 });
  assert.deepEqual(config.log, { level: 'info', format: 'auto' });
});

test('text becomes values', (t) => {
  const config = good(
    t,
    `{
      "syslog": {
        "listen": ["udp://[::1]:0", "tcp://127.0.0.1:5514"],
        "allow": ["172.31.96.0/20", "::1"],
        "maxMessageSize": "8KiB",
        "idleTimeout": "0s",
        "timeZone": { "default": "+02:00", "10.0.0.0/8": "Asia/Kolkata", "10.1.0.0/16": "local" }
      },
      "files": { "owner": "root", "group": 4, "rotate": { "size": "1MiB" } },
      "http": { "listen": "[::1]:8514" },
      "senders": { "silentAfter": "1h30min" },
      "rules": [
        {
          "name": "one",
          "match": { "fromHostIp": "10.0.0.0/8", "host": ["a*", "b?"], "regex": "(?i)f(o+)" },
          "file": { "path": "/var/log//x/{host}-{date}.log", "mode": "0604", "rotate": false, "owner": 7 },
          "stop": true
        },
        { "match": {}, "discard": true }
      ]
    }`,
  );
  assert.deepEqual(config.syslog.listen, [
    { transport: 'udp', host: '::1', family: 6, port: 0, text: 'udp://[::1]:0' },
    { transport: 'tcp', host: '127.0.0.1', family: 4, port: 5514, text: 'tcp://127.0.0.1:5514' },
  ]);
  assert.deepEqual(config.syslog.allow.map(printRange), ['172.31.96.0/20', '::1']);
  assert.equal(config.syslog.maxMessageBytes, 8192);
  assert.equal(config.syslog.idleTimeoutMs, 0);
  assert.equal(config.syslog.timeZone.default, '+02:00');
  const zones = config.syslog.timeZone.ranges.map(({ range, zone }) => [printRange(range), zone]);
  assert.deepEqual(zones, [
    ['10.1.0.0/16', 'local'],
    ['10.0.0.0/8', 'Asia/Kolkata'],
  ]);
  assert.deepEqual(config.http, { listen: { host: '::1', family: 6, port: 8514 } });
  assert.equal(config.senders.silentAfterMs, 5_400_000);
  assert.deepEqual(config.files.rotate, { sizeBytes: 1024 ** 2, keep: 14, compress: true });
  assert.deepEqual([config.files.uid, config.files.gid], [0, 4]);

  const [one, two] = config.rules;
  assert.deepEqual(one?.match?.fromHostIp?.map(printRange), ['10.0.0.0/8']);
  assert.deepEqual(one?.match?.host, ['a*', 'b?']);
  assert.deepEqual(one?.match?.regex, [{ source: 'f(o+)', flags: 'i' }]);
  assert.deepEqual(one?.file, {
    root: '/var/log/x',
    parts: [
      { kind: 'word', word: 'host' },
      { kind: 'text', text: '-' },
      { kind: 'word', word: 'date' },
      { kind: 'text', text: '.log' },
    ],
    template: '/var/log/x/{host}-{date}.log',
    format: 'traditional',
    mode: 0o604,
    directoryMode: 0o750,
    uid: 7,
    gid: 4,
    sync: 'none',
    rotate: undefined,
  });
  assert.deepEqual([two?.name, two?.match, two?.discard, two?.stop], ['rules[1]', undefined, true, true]);
  assert.deepEqual(two?.place && [two.place.line, two.place.column], [19, 9]);
});

test('a configuration can be handed to a thread', (t) => {
  const config = good(
    t,
    '{ "rules": [{ "match": { "regex": "a", "fromHostIp": "::1" }, "file": "{host}.log" }] }',
  );
  assert.deepEqual(structuredClone(config), config);
});

test('relative paths are taken from the folder of the file', (t) => {
  const folder = makeFiles(t, {
    'etc/server.json':
      '{ "files": { "root": "../log" }, "control": { "socket": "run/x.sock" }, "rules": [{ "file": "a/{host}" }] }',
  });
  const { config } = load(join(folder, 'etc/server.json'));
  assert.equal(config?.files.root, join(folder, 'log'));
  assert.equal(config?.control.socket, join(folder, 'etc/run/x.sock'));
  assert.equal(config?.rules[0]?.file?.root, join(folder, 'log'));
  assert.equal(config?.rules[0]?.file?.template, join(folder, 'log/a/{host}'));
});

test('comments, commas at the end, a byte order mark and CR LF are taken', (t) => {
  good(t, '\ufeff// one\r\n{\r\n  /* two */ "rules": [{ "file": "a.log", },],\r\n}\r\n');
});

test('the column counts characters', (t) => {
  const { faults } = loadText(t, '{ "rules": [{ "file": "é😀.log" }], "x": 1 }');
  assert.deepEqual(faults[0]?.text.place?.column, 36);
});

test('a file that is not UTF-8 is a syntax fault at the byte', (t) => {
  const bytes = Buffer.concat([
    Buffer.from('{\n // caf'),
    Buffer.from([0xe9]),
    Buffer.from('\n "rules": [{ "file": "a" }] }'),
  ]);
  const { faults } = loadFiles(t, { 'server.json': bytes });
  assert.deepEqual(
    [faults.length, faults[0]?.code, faults[0]?.text.place?.line, faults[0]?.text.place?.column],
    [1, 'CONFIG_SYNTAX', 2, 8],
  );
});

test('included rules come first, in name order, each file once', (t) => {
  const named = (name: string) => `{ "rules": [{ "name": "${name}", "file": "${name}.log" }] }`;
  const { config, sources } = loadFiles(t, {
    'server.json': `{
      "include": ["conf.d/*.json", "late/9.json", "conf.d/1?-*.json", "absent/*.json"],
      "rules": [{ "name": "main", "file": "main.log" }]
    }`,
    'conf.d/20-b.json': named('b'),
    'conf.d/10-a.json': named('a'),
    'conf.d/100-c.json': '{ "rules": [{ "file": "c.log" }] }',
    'conf.d/.hidden.json': 'not read',
    'conf.d/30-d.json~': 'not read',
    'late/9.json': named('late'),
  });
  assert.deepEqual(
    config?.rules.map((rule) => rule.name),
    ['a', 'conf.d/100-c.json: rules[0]', 'b', 'late', 'main'],
  );
  assert.deepEqual(
    sources.map((path) => path.split('/').at(-1)),
    ['server.json', '10-a.json', '100-c.json', '20-b.json', '9.json'],
  );
});

test('rules may come from included files alone', (t) => {
  const { config } = loadFiles(t, {
    'server.json': '{ "include": ["a.json"] }',
    'a.json': '{ "rules": [{ "file": "a" }] }',
  });
  assert.equal(config?.rules.length, 1);
});

test('all faults of all files are shown at once, in the order in which they stand', (t) => {
  const { config, faults, sources } = loadFiles(t, {
    'server.json': `{
      "syslog": { "lanes": "two", "allow": ["10.0.0.0/40"] },
      "include": ["conf.d/*.json"],
      "rules": [
        { "name": "a", "file": "{hots}.log" },
        { "match": { "regex": "(" }, "flie": "a.log" },
        { "name": "a", "match": { "host": "x" } }
      ]
    }`,
    'conf.d/1.json': '{ "rules": [{ "file": "a.log", "colour": 1 }], "include": [] }',
    'conf.d/2.json': '{ "rules": [',
    'conf.d/3.json': '{ "rules": [{ "name": "a", "file": "/{x}" }] }',
  });
  assert.equal(config, undefined);
  const shown = faults.map(
    ({ code, text }) => `${text.place?.file.split('/').at(-1)} ${code} ${text.place?.key}`,
  );
  assert.deepEqual(shown, [
    'server.json CONFIG_WRONG_TYPE syslog.lanes',
    'server.json CONFIG_BAD_ADDRESS syslog.allow[0]',
    'server.json CONFIG_CONFLICT rules[0].name',
    'server.json CONFIG_BAD_TEMPLATE rules[0].file',
    'server.json CONFIG_BAD_REGEX rules[1].match.regex',
    'server.json CONFIG_UNKNOWN_KEY rules[1].flie',
    'server.json CONFIG_IDLE_RULE rules[2]',
    'server.json CONFIG_CONFLICT rules[2].name',
    '1.json CONFIG_UNKNOWN_KEY rules[0].colour',
    '1.json CONFIG_UNKNOWN_KEY include',
    '2.json CONFIG_SYNTAX ',
    '3.json CONFIG_BAD_TEMPLATE rules[0].file',
  ]);
  assert.equal(sources.length, 4);
});

test('a misspelt match does not make a rule one for every message', (t) => {
  const { faults } = loadText(
    t,
    '{ "rules": [{ "mtach": {}, "file": "a", "stop": true }, { "file": "b" }] }',
  );
  assert.deepEqual(
    faults.map(({ code }) => code),
    ['CONFIG_UNKNOWN_KEY'],
  );
});

test('a rule for senders that are refused is worth a note, not a fault', (t) => {
  const text = (allow: string) =>
    `{ "syslog": { "allow": ["${allow}"] }, "rules": [{ "match": { "fromHostIp": ["172.31.101.79", "fd00::/8"] }, "file": "a" }] }`;
  const { config, notes } = loadText(t, text('10.0.0.0/8'));
  assert.ok(config);
  assert.deepEqual(
    [notes.length, notes[0]?.code, notes[0]?.text.place?.key],
    [1, 'CONFIG_UNREACHABLE_RULE', 'rules[0].match.fromHostIp'],
  );
  assert.match(notes[0]?.text.what ?? '', /refuses everything from 172\.31\.101\.79, fd00::\/8/);
  for (const allow of ['172.31.101.79', '172.31.0.0/16', '0.0.0.0/0', 'fd00::1', '::/0']) {
    assert.deepEqual(loadText(t, text(allow)).notes, [], allow);
  }
});

test('two rules may write one file in one manner, however it is written', (t) => {
  good(
    t,
    `{
      "files": { "root": "/var/log/belfry", "rotate": { "size": "1MiB", "keep": 3 } },
      "rules": [
        { "file": "a.log" },
        { "file": { "path": "/var/log/belfry//./a.log", "mode": "640", "rotate": { "keep": 3, "size": "1024KiB" } } }
      ]
    }`,
  );
});

test('the main file that is not there says how to get one', (t) => {
  const folder = makeFiles(t, {});
  const { faults } = load(join(folder, 'server.json'));
  assert.deepEqual([faults.length, faults[0]?.code, faults[0]?.exit], [1, 'CONFIG_NOT_FOUND', 78]);
  assert.equal(faults[0]?.text.where, join(folder, 'server.json'));
  assert.match(faults[0]?.text.mend ?? '', /config\/examples\/server\.json .* -c FILE/);
});

test('a directory in the place of the file is said so', (t) => {
  const { faults } = load(makeFiles(t, {}));
  assert.equal(faults[0]?.code, 'CONFIG_NOT_READABLE');
  assert.match(faults[0]?.text.what ?? '', /directory/);
});

test('thousands of rules load in reasonable time', (t) => {
  const rules = Array.from({ length: 5000 }, (_, at) => ({
    name: `host ${at}`,
    match: { fromHostIp: `10.0.${at >> 8}.${at & 255}` },
    file: `h${at}.log`,
  }));
  const started = performance.now();
  assert.equal(good(t, JSON.stringify({ rules }, undefined, 2)).rules.length, 5000);
  const tookMs = performance.now() - started;
  t.diagnostic(`5000 rules in ${tookMs.toFixed(0)} ms`);
  assert.ok(tookMs < 10_000, `took ${tookMs} ms: something grows with the square of the rules`);
});

test('listeners with TLS, limits and balancers become values', (t) => {
  const config = good(
    t,
    `{
      "syslog": {
        "listen": ["udp://0.0.0.0", "tcp://[::]", "relp://0.0.0.0", "tls://0.0.0.0", "relps://0.0.0.0:2515"],
        "tls": { "cert": "server.pem", "key": "/etc/server.key", "ca": "ca.pem", "requireClientCert": true, "minVersion": "TLSv1.3" },
        "maxConnectionsPerSource": 7, "handshakeTimeout": "1s", "proxyProtocol": ["10.0.0.10", "fd00::/8"]
      },
      "rules": [{ "match": { "certName": ["a*", "b"] }, "file": "a.log" }]
    }`,
  );
  const { syslog } = config;
  assert.deepEqual(
    syslog.listen.map(({ transport, port }) => `${transport} ${port}`),
    ['udp 514', 'tcp 514', 'relp 2514', 'tls 6514', 'relps 2515'],
  );
  const { tls } = syslog;
  assert.deepEqual(tls, {
    cert: join(dirname(config.path), 'server.pem'),
    key: '/etc/server.key',
    ca: join(dirname(config.path), 'ca.pem'),
    requireClientCert: true,
    minVersion: 'TLSv1.3',
  });
  assert.deepEqual([syslog.maxConnectionsPerSource, syslog.handshakeTimeoutMs], [7, 1000]);
  assert.deepEqual(syslog.proxyProtocol.map(printRange), ['10.0.0.10', 'fd00::/8']);
  assert.deepEqual(config.rules[0]?.match, { certName: ['a*', 'b'] });
});

test('the defaults of TLS', (t) => {
  const config = good(
    t,
    '{ "syslog": { "listen": ["relps://[::1]"], "tls": { "cert": "/a", "key": "/b" } }, "rules": [{ "file": "a" }] }',
  );
  assert.deepEqual(config.syslog.tls, {
    cert: '/a',
    key: '/b',
    ca: undefined,
    requireClientCert: false,
    minVersion: 'TLSv1.2',
  });
});

test('TLS that leads nowhere, and balancers that may be anybody, are worth a note', (t) => {
  const notes = (syslog: string, match = '{}') =>
    loadText(t, `{ "syslog": { ${syslog} }, "rules": [{ "match": ${match}, "file": "a.log" }] }`).notes.map(
      ({ code, text: { place } }) => [code, place?.key],
    );
  const tls = '"tls": { "cert": "/a", "key": "/b" }';
  const withCa = '"tls": { "cert": "/a", "key": "/b", "ca": "/c" }';
  assert.deepEqual(notes(tls), [['CONFIG_NOTE', 'syslog.tls']]);
  assert.deepEqual(notes(`"listen": ["tls://[::]"], ${tls}`), []);
  const certName = '{ "certName": "a" }';
  const never = [['CONFIG_NOTE', 'rules[0].match.certName']];
  assert.deepEqual(notes('', certName), never);
  assert.deepEqual(notes(`"listen": ["relps://[::]"], ${tls}`, certName), never);
  assert.deepEqual(notes(`"listen": ["relps://[::]"], ${withCa}`, certName), []);
  assert.deepEqual(notes('"proxyProtocol": ["10.0.0.1", "0.0.0.0/0", "::/0", "0.0.0.0/1", "64::/96"]'), [
    ['CONFIG_NOTE', 'syslog.proxyProtocol[1]'],
    ['CONFIG_NOTE', 'syslog.proxyProtocol[2]'],
  ]);
});

test('certificates are looked at by a check, and not by a start', (t) => {
  const keys = makeKeys();
  const folder = makeFiles(t, {
    'server.pem': makeCertificate({
      subject: 'logs',
      keys,
      from: new Date(0),
      to: new Date('2026-06-01T00:00:00Z'),
    }),
    'server.key': pemOfKey(keys),
    'server.json':
      '{ "syslog": { "listen": ["tls://127.0.0.1:1"], "tls": { "cert": "server.pem", "key": "server.key" } }, "rules": [{ "file": "/dev/null" }] }',
  });
  chmodSync(join(folder, 'server.key'), 0o600);
  const at = (text: string, checkFiles = true) =>
    loadServerConfig(join(folder, 'server.json'), {
      checkSelector: () => ({ ok: true }),
      checkFiles,
      nowMs: Date.parse(text),
    });
  assert.match(at('2026-06-02T00:00:00Z').faults[0]?.message ?? '', /ended on 2026-06-01/);
  assert.equal(at('2026-06-02T00:00:00Z').faults[0]?.text.place?.key, 'syslog.tls.cert');
  assert.deepEqual(at('2026-06-02T00:00:00Z', false).faults, []);
  const soon = at('2026-05-31T00:00:00Z');
  assert.deepEqual([soon.faults, soon.notes.map(({ code }) => code)], [[], ['CONFIG_NOTE']]);
});

test('ports that the kernel chooses are never taken twice', (t) => {
  const config = good(
    t,
    '{ "syslog": { "listen": ["tcp://127.0.0.1:0", "relp://127.0.0.1:0", "tcp://127.0.0.1:0"] }, "rules": [{ "file": "a" }] }',
  );
  assert.equal(config.syslog.listen.length, 3);
});
