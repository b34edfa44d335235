// `belfry disconnects` over files: plain, packed, cut, in folders and in every format; what it chooses, what it shows, how it
// ends; what the hosts said around it; and that it refuses what it cannot read twice.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { disconnectsCommand } from '../../../cli/commands/disconnects.ts';
import { parseMoment } from '../../../cli/disconnects/select.ts';
import { findLogFiles } from '../../../cli/disconnects/files.ts';
import { eachMarkedLine, type FindLimits, findConnections } from '../../../cli/disconnects/find.ts';
import { FILE_FORMATS, type FileFormat } from '../../../syslog/print.ts';
import { readHeader } from '../../../cli/disconnects/header.ts';
import { UTC, zoneFor } from '../../../syslog/time.ts';
import { BEGIN_US, DB, eventLine, type Host, lineOf, type Told, WEB } from '../traffic/two-views.ts';
import { type Ran, runCommand } from './run-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'belfry-disconnects-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

/** A folder of its own with these files. */
function filesOf(files: Readonly<Record<string, string | Buffer>>): string {
  const path = join(folder, String((count += 1)));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(path, name, '..'), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return path;
}

const run = (...args: string[]): Promise<Ran> =>
  runCommand(disconnectsCommand, ['--zone', 'Europe/Berlin', ...args]);

const SENT: Told = { turn: 'reset', by: 'server', atMs: 12_300, startMs: 0.2, isEndOwn: true };
const GOT: Told = { turn: 'reset', by: 'server', atMs: 12_300.4, isEndOwn: false };
const NGINX: Host = { ...DB, owners: { server: { how: 'exact', process: 'nginx', pid: 77, user: 'www' } } };

/** Any message of another program, at a time that is not its host's clock's but right. */
function said(host: string, atMs: number, text: string, format: FileFormat): string {
  const time = new Date(Date.UTC(2026, 10, 20, 20, 53, 3, 123) + atMs).toISOString();
  return lineOf(Buffer.from(`<13>1 ${time} ${host} ${text}`), format);
}

function hosts(format: FileFormat): Record<string, string> {
  return {
    'web1.log': [
      said('web1', -60_000, 'app 5 - - long ago', format),
      said('web1', 11_000, 'app 5 - - asks for the list', format),
      eventLine(WEB, GOT, format),
      said('web1', 12_900, 'app 5 - - upstream is gone', format),
      said('web1', 60_000, 'app 5 - - much later', format),
    ].join(''),
    'db1.log': [
      said('db1', 12_100, 'nginx 77 - - worker 78 exited on signal 11', format),
      eventLine(NGINX, SENT, format),
      said('other', 12_200, 'app 5 - - a host that has nothing to do with it', format),
    ].join(''),
  };
}

test('one reset of which both hosts tell', async () => {
  const { code, stdout, stderr } = await run(filesOf(hosts('iso')));
  assert.equal(stderr, '');
  assert.equal(
    stdout,
    [
      '2026-11-20 21:53:15.423456  TCP 10.0.0.2:41234 (web1) -> 10.0.0.1:2525 (db1)  after 12.3 s',
      '  The server (nginx[77] of www) sent RST after 14 packets; the client saw it 0.4 ms later (the',
      '  clocks agree within 0.05 ms).',
      '    client  web1  21:53:15.423856  reset by the server, received',
      '      8 packets, 500 bytes to the server; 6 packets, 400 bytes back',
      '    server  db1   21:53:15.423456  reset by the server, sent here',
      '      8 packets, 500 bytes to the server; 6 packets, 400 bytes back; server nginx[77] of www',
      '',
      '1 disconnect at 2026-11-20 21:53:15.423456:',
      '  1  the server sent RST',
      '',
    ].join('\n'),
  );
  assert.equal(code, 0);
});

test('the same from every format, from packed files, and from a mixture', async () => {
  const sentences = async (path: string) => {
    const { disconnects } = JSON.parse((await run('--json', path)).stdout) as {
      disconnects: { sentence: string }[];
    };
    return disconnects.map(({ sentence }) => sentence);
  };
  const wanted = await sentences(filesOf(hosts('iso')));
  assert.equal(wanted.length, 1);
  for (const format of FILE_FORMATS)
    assert.deepEqual(await sentences(filesOf(hosts(format))), wanted, format);
  const mixture = {
    'a/b/web1.log': hosts('json')['web1.log'] as string,
    'db1-20261120.gz': gzipSync(hosts('traditional')['db1.log'] as string),
    'noise.bin': Buffer.from([0, 255, 10, 91, 102, 108, 111, 119, 32, 0, 200]),
    'empty.log': '',
  };
  const path = filesOf(mixture);
  symlinkSync('nowhere', join(path, 'dangling'));
  symlinkSync(join(path, 'a/b/web1.log'), join(path, 'again.log'));
  assert.deepEqual(await sentences(path), wanted);
});

test('what both hosts said around it, on one timeline', async () => {
  for (const format of FILE_FORMATS) {
    const { stdout } = await run('--context', '2s', filesOf(hosts(format)));
    const [, around = ''] = stdout.split('  What they said 2 s before and after it:\n');
    // Whole seconds are written without a fraction, and stand before what happened within them.
    const lines = around
      .split('\n\n')[0]
      ?.split('\n')
      .map((line) =>
        line
          .trim()
          .replace(/^(\d\d:\d\d:\d\d)(?:\.\d+)?\s+/, '$1 ')
          .replace(/\s+/g, ' '),
      );
    assert.deepEqual(
      new Set(lines),
      new Set([
        '21:53:14 web1 app[5]: asks for the list',
        '21:53:15 db1 nginx[77]: worker 78 exited on signal 11',
        '21:53:15 ==== the server sent RST',
        '21:53:16 web1 app[5]: upstream is gone',
      ]),
      format,
    );
    if (format !== 'traditional') assert.equal(lines?.[2], '21:53:15 ==== the server sent RST', format);
  }
});

test('what stands in two files is shown once, and what is far away is passed over', async () => {
  const files = hosts('iso');
  const path = filesOf({
    ...files,
    'all.log': files['web1.log'] as string,
    '0.log': said('web1', -9e6, 'app 5 - - far', 'iso'),
  });
  const { stdout } = await run('--context', '2s', path);
  assert.equal(stdout.match(/asks for the list/g)?.length, 1);
  assert.doesNotMatch(stdout, /long ago|much later|far/);
});

test('headers of every format, with zones and without', () => {
  const zone = zoneFor('Europe/Berlin');
  const read = (line: string) => {
    const header = readHeader(line, zone, BEGIN_US);
    return (
      header && [new Date(header.timeUs / 1000).toISOString(), header.isCoarse, header.host, header.text]
    );
  };
  const at = '2026-11-20T20:53:03.500Z';
  assert.deepEqual(read('2026-11-20T15:23:03.5-05:30 h p: x'), [at, false, 'h', 'p: x']);
  assert.deepEqual(read('2026-11-20T21:53:03.500000+01:00 h p: x'), [at, false, 'h', 'p: x']);
  assert.deepEqual(read('Nov 20 21:53:03 h p[1]: x'), ['2026-11-20T20:53:03.000Z', true, 'h', 'p[1]: x']);
  assert.deepEqual(read('<13>Nov 20 21:53:03 h p[1]: x'), ['2026-11-20T20:53:03.000Z', true, 'h', 'p[1]: x']);
  assert.deepEqual(read('<13>1 2026-11-20T20:53:03.5Z h p 7 id [a b="\\]"] x'), [at, false, 'h', 'p[7]: x']);
  assert.deepEqual(read('<13>1 2026-11-20T20:53:03.5Z h p - id [a b="c"]'), [
    at,
    false,
    'h',
    'p: id [a b="c"]',
  ]);
  assert.deepEqual(read('{"timestamp":"2026-11-20T20:53:03.5Z","host":"h","program":"p","message":"x"}'), [
    at,
    false,
    'h',
    'p: x',
  ]);
  for (const line of ['', 'x', '{', '{"host":"h"}', '<13>', '<13>1 - h p - - - x', 'Foo 20 21:53:03 h p: x'])
    assert.equal(read(line), undefined, line);
  assert.equal(read('Dec 31 23:00:00 h p: x')?.[0], '2026-12-31T22:00:00.000Z');
  assert.equal(read('Jan  1 01:00:00 h p: x')?.[0], '2027-01-01T00:00:00.000Z');
});

test('a traditional file tells its zone by its own events, whatever zone is asked for', async () => {
  const path = filesOf(hosts('traditional'));
  const { stdout } = await runCommand(disconnectsCommand, ['--zone', '-07:00', '--context', '2s', path]);
  assert.match(stdout, /^2026-11-20 13:53:15\.423456 /);
  assert.match(stdout, /\n {4}13:53:15 +db1 +nginx\[77\]: worker 78/);
  assert.match(stdout, /\n {4}13:53:16 +web1 +app\[5\]: upstream is gone\n/);
});

test('a window keeps the nearest lines and counts the others', async () => {
  const files = hosts('iso');
  const flood = Array.from({ length: 300 }, (_, at) =>
    said('db1', 11_000 + at, `app 5 - - line ${at}`, 'iso'),
  );
  const path = filesOf({ ...files, 'flood.log': flood.join('') });
  const { stdout } = await run('--context', '2s', '--context-lines', '10', path);
  const shown = stdout.match(/^ {4}\d\d:.*app\[5\]: line (\d+)$/gm) ?? [];
  assert.ok(shown.length <= 10 && shown.length > 0);
  assert.match(shown.at(-1) ?? '', /line 299$/);
  const more = Number(/ (\d+) more lines, further away, not shown\./.exec(stdout)?.[1]);
  const kept = stdout.match(/^ {4}\d\d:\d\d:\d\d\.\d+ {2}(?!=)/gm)?.length ?? 0;
  // Without the two views, which are indented alike but begin with a word.
  assert.equal(more + kept, 300 + 3);
});

test('kinds, times, hosts and ports choose', async () => {
  const more = (told: Partial<Told>, id: string, port: number, host = WEB) =>
    eventLine(host, { turn: 'closed', atMs: 0, ...told, id, clientPort: port } as Told);
  const path = filesOf({
    'all.log': [
      eventLine(WEB, GOT),
      eventLine(DB, SENT),
      more({ turn: 'refused', atMs: 100_000, startMs: 99_999, serverPort: 80 }, 'w-1', 1),
      more({ turn: 'noAnswer', atMs: 200_000, startMs: 190_000, serverAddress: '10.0.0.9' }, 'w-2', 2),
      more({ turn: 'closed', atMs: 300_000, startMs: 290_000, by: 'client' }, 'w-3', 3),
      more({ turn: 'closed', atMs: 300_000, startMs: 290_000, protocol: 17 }, 'w-4', 4),
      more({ turn: 'opened', atMs: 400_000, startMs: 400_000 }, 'w-5', 5),
    ].join(''),
  });
  const kinds = async (...args: string[]) => {
    const { disconnects } = JSON.parse((await run('--json', ...args, path)).stdout) as {
      disconnects: { kind: string }[];
    };
    return disconnects.map(({ kind }) => kind).join(' ');
  };
  assert.equal(await kinds(), 'reset refused no-answer');
  assert.equal(await kinds('--all'), 'reset refused no-answer closed');
  assert.equal(await kinds('--kind', 'reset,closed'), 'reset closed');
  assert.equal(await kinds('--since', '2026-11-20T21:54:30'), 'refused no-answer');
  assert.equal(await kinds('--until', '2026-11-20T20:54:30Z'), 'reset');
  assert.equal(await kinds('--port', '80'), 'refused');
  assert.equal(await kinds('--port', '41234'), 'reset');
  assert.equal(await kinds('--host', '10.0.0.9'), 'no-answer');
  assert.equal(await kinds('--host', 'DB*'), 'reset refused');
  assert.equal(await kinds('--host', 'nobody'), '');
});

test('those that are alike are one, a scan is one, and --each takes them apart', async () => {
  const lines = [
    ...Array.from({ length: 3 }, (_, at) =>
      eventLine(WEB, {
        ...GOT,
        id: `a-${at}`,
        clientPort: 100 + at,
        atMs: at * 1000 + 500,
        startMs: at * 1000,
      }),
    ),
    ...Array.from({ length: 40 }, (_, at) =>
      eventLine(WEB, {
        turn: 'refused',
        id: `b-${at}`,
        clientPort: 500 + at,
        serverPort: 1 + at,
        atMs: 20_000 + at,
        startMs: 20_000 + at,
      }),
    ),
  ];
  const path = filesOf({ 'all.log': lines.join('') });
  const { stdout } = await run(path);
  assert.match(
    stdout,
    /The newest of 3 like it since 2026-11-20 21:53:03\.623456, client ports 100, 101, 102\./,
  );
  assert.match(stdout, /The newest of 40 like it since .*, 40 server ports 1 to 40\./);
  assert.equal(stdout.match(/ -> 10\.0\.0\.1:\d+  after/g)?.length, 2);
  assert.match(
    stdout,
    /43 disconnects between .*:\n  40  refused, reported by one host only\n   3  RST, reported by one host only\n/,
  );
  assert.equal((await run('--each', path)).stdout.match(/ -> 10\.0\.0\.1:\d+  after/g)?.length, 43);
});

test('a host that fell silent is found by its other logs', async () => {
  const waits: Told = {
    turn: 'timeout',
    atMs: 100_000,
    lastMs: 80_000,
    outstanding: [60, 0],
    retransmitted: [6, 0],
  };
  const alive = Array.from({ length: 30 }, (_, at) =>
    said('db1', at * 1000, `app 5 - - tick ${at}`, 'traditional'),
  );
  const opened: Told = { turn: 'opened', atMs: 0.65, startMs: 0.2, rttUs: 40 };
  const path = filesOf({
    'web1.log': eventLine(WEB, waits),
    'db1.log': [
      eventLine(DB, opened),
      ...alive,
      said('db1', 400_000, 'kernel - - - Linux version 6.1', 'traditional'),
    ].join(''),
  });
  const { stdout } = await run(path);
  assert.match(
    stdout.replace(/\s+/g, ' '),
    /The client waited in vain for the acknowledgement of 60 bytes; db1 had fallen silent: its last line in any log is of 2026-11-20T20:53:32\.000000Z, the next is of 2026-11-20T20:59:43\.000000Z\./,
  );
});

test('two views behind an address translation are said to be alike, and stay two', async () => {
  const behind = { clientAddress: '192.0.2.1', clientPort: 60_001 };
  const path = filesOf({ 'all.log': [eventLine(WEB, GOT), eventLine(DB, { ...SENT, ...behind })].join('') });
  const text = (await run(path)).stdout.replace(/\s+/g, ' ');
  assert.match(
    text,
    /Perhaps it is 192\.0\.2\.1:60001 -> 10\.0\.0\.1:2525, of which db1 alone reports: the same data at the same time\./,
  );
  assert.match(text, /Perhaps it is 10\.0\.0\.2:41234 -> 10\.0\.0\.1:2525, of which web1 alone reports/);
  assert.match(text, /2 disconnects/);
  const third = eventLine(DB, { ...SENT, ...behind, clientPort: 60_002, id: 'x-9' });
  const other = filesOf({
    'all.log': [eventLine(WEB, GOT), eventLine(DB, { ...SENT, ...behind }), third].join(''),
  });
  assert.doesNotMatch((await run(other)).stdout, /Perhaps/);
  const twin = eventLine(WEB, { ...GOT, clientPort: 41_235, id: 'w-9' });
  const twins = filesOf({
    'all.log': [eventLine(WEB, GOT), twin, eventLine(DB, { ...SENT, ...behind })].join(''),
  });
  assert.doesNotMatch((await run(twins)).stdout, /Perhaps/);
  const less = eventLine(DB, { ...SENT, ...behind, payloadBytes: [499, 400] });
  assert.doesNotMatch(
    (await run(filesOf({ 'all.log': [eventLine(WEB, GOT), less].join('') }))).stdout,
    /Perhaps/,
  );
});

test('nothing found is exit 1, and says what was looked at', async () => {
  const none = await run(filesOf({ 'a.log': said('web1', 0, 'app 5 - - text', 'iso') }));
  assert.equal(none.code, 1);
  assert.match(none.stdout, /^No event of a connection stands in 1 file \(\d+ B\)\. Agents report them /);
  const other = await run('--kind', 'timeout', filesOf(hosts('iso')));
  assert.equal(other.code, 1);
  assert.match(other.stdout, /^No such disconnect among the 2 events of db1, web1 in 2 files/);
});

test('words that are wrong are refused with a mend', async () => {
  const path = filesOf(hosts('iso'));
  const cases: readonly (readonly [args: string[], said: RegExp, code: number])[] = [
    [['--kind', 'rest', path], /"rest" is no way .*[\s\S]*Did you mean "reset"\?/, 64],
    [['--since', 'yesterday', path], /"yesterday" is no time\./, 64],
    [['--until', '2026-13-40', path], /is no time\./, 64],
    [['--port', '70000', path], /"70000" is no port\./, 64],
    [['--context', '5', path], /"5" is no span/, 64],
    [['--context', '2h', path], /at most an hour/, 64],
    [['--context', '1s', '--context-lines', '0', path], /is no number of lines/, 64],
    [['--zone', 'Nowhere/Else', path], /is no time zone/, 64],
    [[join(path, 'absent.log')], /LOG_NOT_READABLE {2}There is no such file/, 1],
    [['/dev/null'], /no regular file, and a pipe cannot be read twice/, 1],
  ];
  for (const [args, text, code] of cases) {
    const ran = await run(...args);
    assert.match(ran.stderr, text);
    assert.equal(ran.code, code, args.join(' '));
  }
});

test('a packed file that was cut gives what it has, and says so', async () => {
  const noise = Array.from(
    { length: 20_000 },
    (_, at) => `Nov 20 21:53:03 h p: ${(at * 7919) % 10_007} ${at}\n`,
  ).join('');
  const whole = gzipSync(`${hosts('iso')['web1.log']}${noise}`);
  const path = filesOf({ 'web1.log.gz': whole.subarray(0, whole.length - 2000) });
  const { code, stdout, stderr } = await run(path);
  assert.equal(code, 0);
  assert.match(stdout, /RST, reported by one host only/);
  assert.match(stderr, /web1\.log\.gz could not be read to its end: /);
});

test('lines across blocks, overlong lines, and a last line without an end', async () => {
  const filler = `Nov 20 21:53:03 h p: ${'x'.repeat(1000)}\n`.repeat(4200);
  const path = filesOf({
    'a.log': Buffer.concat([
      Buffer.from(filler.slice(0, (4 << 20) - 100)),
      Buffer.from('\n'),
      Buffer.from(eventLine(WEB, GOT)),
      Buffer.alloc(12 << 20, 0x79),
      Buffer.from('\n'),
      Buffer.from(filler),
      Buffer.from(eventLine(DB, SENT).trimEnd()),
    ]),
  });
  const { stdout, stderr } = await run(path);
  assert.match(stdout, /1 {2}the server sent RST/);
  assert.match(stderr, /passed over, for their length: 1 line\./);
});

test('over the limits a connection is whole or left out, and what was left out is counted', async () => {
  const lines = [0, 1, 2, 3].flatMap((at) => [
    eventLine(WEB, { ...GOT, id: `w-${at}`, clientPort: 100 + at }),
    eventLine(DB, { ...SENT, id: `d-${at}`, clientPort: 100 + at }),
  ]);
  const files = findLogFiles([filesOf({ 'a.log': lines.join('') })]);
  const find = async (limits: FindLimits) => {
    const { connections, leftOut } = await findConnections(
      files,
      () => true,
      () => {},
      limits,
    );
    for (const { client, server } of connections) assert.ok(client && server, 'both views or none');
    return [connections.length, leftOut];
  };
  assert.deepEqual(await find({ keysMax: 9, reportsMax: 99 }), [4, 0]);
  assert.deepEqual(await find({ keysMax: 3, reportsMax: 99 }), [3, 2]);
  assert.deepEqual(await find({ keysMax: 9, reportsMax: 5 }), [2, 4]);
});

test('only lines with the mark are decoded', () => {
  const bytes = Buffer.from('a [flow 1]\nb\n[flow 2] [flow x]\nc [flo\n[flow 3]');
  const lines: string[] = [];
  eachMarkedLine(bytes, 0, bytes.length, (line) => lines.push(line));
  assert.deepEqual(lines, ['a [flow 1]', '[flow 2] [flow x]', '[flow 3]']);
  lines.length = 0;
  eachMarkedLine(bytes, 11, 33, (line) => lines.push(line));
  assert.deepEqual(lines, ['[flow 2] [flow x]'.slice(0, 20)]);
});

test('moments: dates, times of today, zones, and spans ago', () => {
  const nowMs = Date.UTC(2026, 6, 1, 12, 0, 0);
  const berlin = zoneFor('Europe/Berlin');
  const at = (text: string, zone = berlin) =>
    new Date(parseMoment(text, '--since', zone, nowMs) / 1000).toISOString();
  assert.equal(at('2h'), '2026-07-01T10:00:00.000Z');
  assert.equal(at('13:30'), '2026-07-01T11:30:00.000Z');
  assert.equal(at('2026-11-20'), '2026-11-19T23:00:00.000Z');
  assert.equal(at('2026-11-20 21:53:03.5'), '2026-11-20T20:53:03.500Z');
  assert.equal(at('2026-11-20T21:53:03Z'), '2026-11-20T21:53:03.000Z');
  assert.equal(at('2026-11-20T21:53:03-0530', UTC), '2026-11-21T03:23:03.000Z');
  for (const text of ['', 'T', '25', '2026-11-20T99:99', 'Z', '21'])
    assert.throws(() => at(text), /is no time/, text);
});

test('no host and no process steers the terminal', async () => {
  const evil: Host = { ...WEB, name: 'we\u009bb' };
  const line = eventLine(evil, GOT).replace('we', '\u001b[31mwe');
  const { stdout } = await run(filesOf({ 'a.log': line }));
  assert.doesNotMatch(stdout, /[\u001b\u009b]/);
});
