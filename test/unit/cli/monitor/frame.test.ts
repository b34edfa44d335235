// The screen as a function: what was seen, how a person looks at it, and a size give its lines.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeFrame } from '../../../../cli/monitor/frame.ts';
import { lineText, textWidth } from '../../../../cli/monitor/text.ts';
import type { Model, Size, ToldEvent, ViewState } from '../../../../cli/monitor/view.ts';
import { connection, model, NC, NOW_US, START_US, view } from './rows.ts';

const SSH: Size = { columns: 80, rows: 24 };

function screen(seen: Model, state: ViewState = view(), size: Size = SSH, isUnicode = true): string[] {
  return makeFrame(seen, state, { size, isUnicode }).lines.map(lineText);
}

function told(at: number, text: string): ToldEvent {
  return { timeUs: START_US + at * 1e6, flow: at, tone: 'plain', text };
}

const CONNECTIONS = [
  connection(1),
  connection(2, { isEnded: true, lastTurn: 'closed', flags: [27, 27], state: 'SF' }),
  connection(3, { flags: [2, 20], isEnded: true, lastTurn: 'refused', packets: [1, 1] }),
  connection(4, { protocol: 17, serverPort: 53, rttUs: -1, ackRttUs: -1, flags: [0, 0] }),
];

test('a connection has two lines: both ends, packets, bytes, flags, rate, round trip, process', () => {
  const [title, heading, client, server] = screen(model([connection(1)]));
  assert.match(title ?? '', /^ belfry monitor {2}eth0 .* by bytes {2}\d\d:\d\d:15 $/);
  assert.match(heading ?? '', /^ Source Host:Port +Packets Bytes Flag bit\/s RTT ms Process +$/);
  assert.match(client ?? '', /^┌10\.0\.0\.2:41001 += {4}12 {2}1\.2k SPA- {3}12k {3}0\.42 nc\[812\] +$/);
  assert.match(server ?? '', /^└10\.0\.0\.1:2525 += {4}10 {3}987 SPA- {2}8\.0k {2}0\.087 +$/);
});

test('every line is exactly as wide as the terminal, at every size, in every mode', () => {
  const long = connection(9, {
    clientAddress: '2001:db8:1234:5678:9abc:def0:1234:5678',
    serverAddress: '2001:db8:1234:5678:9abc:def0:1234:9999',
    packets: [123_456_789_012, 3],
    ipBytes: [1.2e15, 999_999],
    interfaceName: 'very-long-name-1',
  });
  const events = [told(1, 'x'.repeat(400)), told(2, '界'.repeat(90))];
  const seen = model([...CONNECTIONS, long], { events, eventsTotal: 2, log: '/var/log/a.log' });
  const modes: readonly ViewState['mode'][] = [
    { kind: 'browse' },
    { kind: 'sort' },
    { kind: 'help', top: 3 },
    { kind: 'detail', flow: 9, top: 0 },
    {
      kind: 'filter',
      text: 'port 25x'.repeat(20),
      cursor: 100,
      error: { at: 101, text: 'no port '.repeat(20) },
    },
  ];
  for (let columns = 1; columns < 150; columns += 3) {
    for (const rows of [1, 4, 5, 9, 14, 24, 43]) {
      for (const mode of modes) {
        for (const pivot of ['connections', 'hosts'] as const) {
          const lines = screen(seen, view({ mode, pivot, filter: 'port 2525' }), { columns, rows });
          assert.equal(lines.length, rows, `${columns}x${rows} ${mode.kind}`);
          for (const line of lines)
            assert.equal(textWidth(line), columns, `${columns}x${rows} ${mode.kind}: ${line}`);
        }
      }
    }
  }
});

test('columns stand where they stood, whatever is in them', () => {
  const small = screen(model([connection(1)]));
  const large = screen(
    model([
      connection(1, {
        packets: [9e9, 9e9],
        ipBytes: [9e12, 9e12],
        bitsPerSecond: [1e11, 1e11],
        rttUs: 9e6,
      }),
    ]),
  );
  const processAt = (small[1] ?? '').indexOf('Process');
  for (const line of [small[2], large[2]]) assert.equal((line ?? '').slice(processAt).trim(), 'nc[812]');
});

test('flags say what was seen, and how it ended', () => {
  const lines = screen(model(CONNECTIONS, {}), view({ sort: 'start' }));
  const flags = lines.slice(2, 10).map((line) => line.slice(44, 48));
  assert.deepEqual(flags, ['SPA-', 'SPA-', 'CLOS', 'CLOS', 'S---', 'RSET', 'udp ', 'udp ']);
});

test('a connection that was open before is marked, and so is a FIN of one side', () => {
  const lines = screen(model([connection(1, { isMidstream: true, flags: [17, 24] })]));
  assert.match(lines[2] ?? '', /> {4}12 {2}1\.2k DONE/);
  assert.match(lines[3] ?? '', /> {4}10 {3}987 -PA-/);
});

test('what goes silent or is never answered has a word of its own', () => {
  const silent = screen(model([connection(1, { lastTurn: 'timeout' })]));
  assert.match(silent[2] ?? '', / TMOU /);
  const alone = screen(model([connection(1, { lastTurn: 'noAnswer', flags: [2, 0] })]));
  assert.match(alone[2] ?? '', / NOAN /);
  assert.match(alone[3] ?? '', / ---- /);
  const gone = screen(model([connection(1, { unreachable: [3, 1], isEnded: true, flags: [2, 0] })]));
  assert.match(gone[2] ?? '', / REFU /);
});

test('the owner of each end stands in its line; who is not known says why', () => {
  const both = connection(1, {}, { ...NC, server: { how: 'unknown:no-permission' } });
  const lines = screen(model([both]));
  assert.match(lines[2] ?? '', /nc\[812\] +$/);
  assert.match(lines[3] ?? '', /\(no-permission\) +$/);
});

test('of a process that has too little room the number stays', () => {
  const long = { how: 'exact', process: 'systemd-resolve', pid: 123456 } as const;
  const lines = screen(model([connection(1, {}, { client: long })]));
  assert.match(lines[2] ?? '', / systemd-r~\[123456\] *$/);
});

test('names from the network and from processes cannot steer the terminal', () => {
  const evil = '\u001b[2J\u001b]0;x\u0007\u202e';
  const bad = connection(1, { interfaceName: evil }, { client: { how: 'exact', process: evil, pid: 1 } });
  const interfaces = [{ name: evil, state: 'absent', trouble: undefined }] as const;
  const seen = model([bad], { interfaces, events: [told(1, evil)], watched: evil, log: evil });
  const size = { columns: 132, rows: 30 };
  const modes = [{ kind: 'browse' }, { kind: 'detail', flow: 1, top: 0 }] as const;
  for (const mode of modes) {
    const text = screen(seen, view({ mode }), size).join('');
    assert.doesNotMatch(text, /[\p{C}]/u, mode.kind);
    assert.match(text, /\?\[2J/);
  }
});

test('one line for each where a person wants it, or two have no room', () => {
  const wide = screen(model([connection(1)]), view({ isOneLine: true }), { columns: 132, rows: 24 });
  assert.match(
    wide[2] ?? '',
    /^ 10\.0\.0\.2:41001 > 10\.0\.0\.1:2525 += {4}22 {2}2\.2k SPA- {3}20k .*nc\[812\]/,
  );
  const narrow = screen(model([connection(1), connection(2)]), view(), { columns: 50, rows: 14 });
  assert.match(narrow[2] ?? '', /^ 10\.0\.0\.2:41001 > 10\.0\.0\.1:2525 = {4}22 {2}2\.2k SPA-$/);
  assert.match(narrow[3] ?? '', /41002/);
});

test('the newest events stand in the lower window, oldest of them first', () => {
  const events = Array.from({ length: 20 }, (_, at) => told(at, `event ${at}`));
  const lines = screen(model([], { events, eventsTotal: 1020 }));
  const divider = lines.findIndex((line) => line.includes('Events: 1020'));
  assert.match(lines[divider] ?? '', /^─ Events: 1020 ─+$/);
  const window = lines.slice(divider + 1, -2).map((line) => /event (\d+)/.exec(line)?.[1]);
  assert.deepEqual(window, ['13', '14', '15', '16', '17', '18', '19']);
  const back = screen(model([], { events, eventsTotal: 1020 }), view({ eventsBack: 5, focus: 'events' }));
  assert.match(back.join('\n'), /5 newer below[^]*event 14[^]*Drops/);
  assert.doesNotMatch(back.join('\n'), /event 15/);
});

test('totals and drops are always there, whatever stands above them', () => {
  const seen = model(CONNECTIONS, {
    totals: { packets: 1_234_567, bytes: 5e9, bitsPerSecond: 2e6, dropped: 17, flows: 4, evicted: 3 },
  });
  for (const mode of [
    { kind: 'browse' },
    { kind: 'help', top: 0 },
    { kind: 'detail', flow: 1, top: 0 },
    { kind: 'filter', text: '', cursor: 0 },
  ] as const) {
    const line = screen(seen, view({ mode })).find((one) => one.includes('Drops:'));
    assert.match(
      line ?? '',
      /^ 2 open, 2 ended {2}1\.2M packets {2}5\.0G bytes {2}2\.0M bit\/s {2}3 forgotten +Drops: 17 $/,
      mode.kind,
    );
  }
  const part = screen(model(CONNECTIONS, { totals: { ...seen.totals, flows: 70_000 } }));
  assert.match(part.join('\n'), / 4 of 70000 connections /);
});

test('equal rows keep the order in which they began, and a sort turns round', () => {
  const order = (state: ViewState) =>
    screen(model([connection(3), connection(1), connection(2, { ipBytes: [9000, 0] })]), state)
      .filter((line) => line.startsWith('┌'))
      .map((line) => line.slice(14, 15));
  assert.deepEqual(order(view()), ['2', '1', '3']);
  assert.deepEqual(order(view({ isReversed: true })), ['1', '3', '2']);
  assert.deepEqual(order(view({ sort: 'packets' })), ['1', '2', '3']);
});

test('every sort has its measure', () => {
  const rows = [
    connection(1, { rttUs: 5, lastUs: 9, startUs: 1, bitsPerSecond: [1, 1], packets: [9, 9] }),
    connection(2, { rttUs: 7, lastUs: 5, startUs: 3, bitsPerSecond: [9, 9], packets: [1, 1] }),
    connection(
      3,
      { rttUs: -1, lastUs: 7, startUs: 2, bitsPerSecond: [5, 0], packets: [5, 5] },
      { client: { how: 'exact', process: 'aaa', pid: 1 } },
    ),
  ];
  const first = (sort: ViewState['sort']) =>
    screen(model(rows), view({ sort }))
      .filter((line) => line.startsWith('┌'))
      .map((line) => line.slice(14, 15))
      .join('');
  assert.equal(first('roundTrip'), '213');
  assert.equal(first('last'), '132');
  assert.equal(first('start'), '231');
  assert.equal(first('rate'), '231');
  assert.equal(first('packets'), '132');
  assert.equal(first('name'), '312');
});

test('the bar stays in sight, and on its row when others pass it', () => {
  const many = Array.from({ length: 30 }, (_, at) => connection(at + 1, { ipBytes: [100 - at, 0] }));
  const look = { size: SSH, isUnicode: true };
  const { state } = makeFrame(model(many), view({ selected: '20' }), look);
  assert.deepEqual([state.at, state.top], [19, 14]);
  const grown = many.map((one) => (one.row.flow === 20 ? connection(20, { ipBytes: [500, 0] }) : one));
  const after = makeFrame(model(grown), state, look).state;
  assert.deepEqual([after.at, after.top, after.selected], [0, 0, '20']);
  const gone = makeFrame(model(many.filter((one) => one.row.flow !== 20)), state, look).state;
  assert.deepEqual([gone.at, gone.selected], [19, '21']);
});

test('hosts, ports and processes add up what their connections had', () => {
  const seen = model([
    connection(1),
    connection(2, { serverPort: 443, isEnded: true }),
    connection(
      3,
      {},
      {
        client: { how: 'exact', process: 'curl', pid: 5 },
        server: { how: 'exact', process: 'nginx', pid: 7 },
      },
    ),
  ]);
  const hosts = screen(seen, view({ pivot: 'hosts' }));
  assert.match(hosts[1] ?? '', /^ Host +Conns +Open +Peers +Packets +Sent Recvd >bit\/s <bit\/s$/);
  assert.match(hosts[2] ?? '', /^ 10\.0\.0\.1 +3 +2 +1 +66 +3\.0k +3\.7k +24k +36k$/);
  assert.match(hosts[3] ?? '', /^ 10\.0\.0\.2 +3 +2 +1 +66 +3\.7k +3\.0k +36k +24k$/);
  const ports = screen(seen, view({ pivot: 'ports' }));
  assert.match(ports[1] ?? '', /^ Port +Conns +Open +Clients +Packets +To +Back/);
  assert.match(ports[2] ?? '', /^ tcp 2525 +2 +2 +1 +44 +2\.5k +2\.0k/);
  assert.match(ports[3] ?? '', /^ tcp 443 +1 +0 +1 +22 +1\.2k +987/);
  const processes = screen(seen, view({ pivot: 'processes', sort: 'name' }));
  assert.deepEqual(
    processes.slice(2, 5).map((line) => line.trim().split(/ +/).slice(0, 2)),
    [
      ['curl[5]', '1'],
      ['nc[812]', '2'],
      ['nginx[7]', '1'],
    ],
  );
});

test('a connection of a host or a process with itself counts once', () => {
  const nc = { how: 'exact', process: 'nc', pid: 7 } as const;
  const seen = model([connection(1, { serverAddress: '10.0.0.2' }, { client: nc, server: nc })]);
  for (const [pivot, row] of [
    ['hosts', /^ 10\.0\.0\.2 +1 +1 +1 +22 /],
    ['processes', /^ nc\[7\] +1 +1 +1 +22 /],
  ] as const) {
    const lines = screen(seen, view({ pivot }));
    assert.match(lines[2] ?? '', row);
    assert.match(lines[3] ?? '', /^ +$/);
  }
});

test('narrowed to a host, a port or a process, and cleared', () => {
  const seen = model([connection(1), connection(2, { serverAddress: '10.0.0.9', isEnded: true })]);
  const count = (state: ViewState) => screen(seen, state).filter((line) => line.startsWith('┌')).length;
  assert.equal(count(view({ narrowing: { pivot: 'hosts', key: '10.0.0.9' } })), 1);
  assert.equal(count(view({ narrowing: { pivot: 'hosts', key: '10.0.0.2' } })), 2);
  assert.equal(count(view({ narrowing: { pivot: 'ports', key: 'tcp 25' } })), 0);
  assert.equal(count(view({ narrowing: { pivot: 'processes', key: 'nc[812]' } })), 2);
  assert.equal(count(view({ clearedUs: NOW_US })), 1);
  assert.equal(count(view({ clearedUs: START_US })), 2);
});

test('the detail has everything, wrapped and scrolled, also of what is gone', () => {
  const whole = connection(1, {
    retransmitted: [3, 0],
    outstanding: [0, 77],
    unreachable: [3, 1],
    dirHow: 'port',
  });
  const events = [
    { ...told(1, 'opened'), flow: 1 },
    { ...told(2, 'of another'), flow: 2 },
  ];
  const mode = { kind: 'detail', flow: 1, top: 0 } as const;
  const size = { columns: 80, rows: 40 };
  const text = screen(model([whole], { events }), view({ mode }), size).join('\n');
  for (const part of [
    /TCP 10\.0\.0\.2:41001 -> 10\.0\.0\.1:2525/,
    /State +S1: established and open/,
    /Client +nc\[812\], user root \(by its socket's inode\)/,
    /Server +on another host/,
    /is the client: the other side's port is a service's/,
    /0\.42 ms SYN to SYN-ACK, 0\.087 ms SYN-ACK to ACK/,
    /ICMP +unreachable, type 3 code 1/,
    /Retransmitted +3 +0/,
    /Unacked bytes +0 +77/,
    /TCP flags +SYN PSH ACK +SYN PSH ACK/,
    /\d\d:\d\d:04 opened/,
  ])
    assert.match(text, part);
  assert.doesNotMatch(text, /of another/);
  const small = makeFrame(model([whole], { events }), view({ mode: { ...mode, top: 999 } }), {
    size: { columns: 60, rows: 12 },
    isUnicode: true,
  });
  assert.match(small.lines.map(lineText).join('\n'), /TCP flags/);
  assert.match(text, /opened[^]*Packets/);
  const story = Array.from({ length: 9 }, (_, at) => ({ ...told(at, `update ${at}`), flow: 1 }));
  const long = screen(model([whole], { events: story }), view({ mode }), size).join('\n');
  assert.match(long, /Packets[^]*update 8/);
  const gone = screen(model([], { remembered: whole }), view({ mode }), size).join('\n');
  assert.match(gone, /no longer remembered[^]*nc\[812\]/);
});

test('a filter that is wrong is shown with its place, the one in force stays in the title', () => {
  const mode = { kind: 'filter', text: 'port 25x', cursor: 5, error: { at: 5, text: 'no port' } } as const;
  const lines = screen(model([]), view({ mode, filter: 'port 80' }));
  assert.match(lines[0] ?? '', /filter: port 80/);
  const at = lines.findIndex((line) => line.startsWith(' Filter: port 25x'));
  assert.equal((lines[at + 1] ?? '').trimEnd(), `${' '.repeat(' Filter: port '.length)}^`);
  assert.equal((lines[at + 2] ?? '').trimEnd(), ' no port');
  const text = `${'not '.repeat(40)}port 25x`;
  const place = text.indexOf('25x');
  const long = { ...mode, text, cursor: place, error: { at: place, text: 'no port' } };
  const scrolled = screen(model([]), view({ mode: long }));
  const prompt = scrolled.findIndex((line) => line.startsWith(' Filter: '));
  assert.equal((scrolled[prompt] ?? '').indexOf('2'), (scrolled[prompt + 1] ?? '').indexOf('^'));
});

test('nothing to see says why, and what an interface lacks stands in the title', () => {
  assert.match(screen(model([], { snapshot: undefined })).join('\n'), /Waiting for the first look/);
  assert.match(screen(model([]), view({ filter: 'port 9' })).join('\n'), /passed the filter "port 9" yet/);
  const interfaces = [{ name: 'eth1', state: 'absent', trouble: 'no such device' }] as const;
  assert.match(screen(model([], { interfaces }))[0] ?? '', /eth1 absent/);
  assert.match(screen(model([]), view({ isPaused: true }))[0] ?? '', / PAUSED /);
});

test('a terminal without letters beyond ASCII gets none', () => {
  const text = screen(model(CONNECTIONS), view(), SSH, false).join('');
  assert.match(text, /^[\x20-\x7e]*$/);
  assert.match(text, /\/10\.0\.0\.2:41001/);
});
