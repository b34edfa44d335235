// Every verdict, from views made by hand: who sent the RST and who only saw it, where a SYN or its answer was lost, why bytes
// waited, who closed first; with clocks that agree, that are off, and that nobody keeps. Ten minutes pass at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectionsOf } from '../../../traffic/pair/connection.ts';
import { HostBook } from '../../../traffic/pair/hosts.ts';
import { type Report, readReport } from '../../../traffic/pair/line.ts';
import type { LifeSigns } from '../../../traffic/pair/ruling.ts';
import { judge, type Verdict } from '../../../traffic/pair/verdict.ts';
import { printGapMark, printWatch } from '../../../traffic/events/watch.ts';
import { BEGIN_US, DB, eventLine, type Host, KEPT, lineOf, type Told, WEB } from './two-views.ts';

type Lines = readonly (readonly [host: Host, told: Told])[];

function reportsOf(lines: Lines): Report[] {
  return lines.map(([host, told]) => {
    const line = eventLine(host, told).trimEnd();
    const report = readReport(line);
    assert.ok(report && 'event' in report, line);
    return report;
  });
}

interface Given {
  readonly life?: (host: string, aroundUs: number) => LifeSigns | undefined;
  /** Other events of the hosts, so that they are known to report. */
  readonly besides?: Lines;
}

function verdictOf(lines: Lines, { life, besides = [] }: Given = {}): Verdict {
  const reports = reportsOf(lines);
  const book = new HostBook();
  for (const { host, event } of [...reports, ...reportsOf(besides)]) book.add(host, event);
  const connections = connectionsOf(reports, book);
  assert.equal(connections.length, 1, 'one connection');
  const [connection] = connections;
  assert.ok(connection);
  return judge(connection, book, life);
}

const saying = (lines: Lines, given?: Given) => {
  const { code, sentence } = verdictOf(lines, given);
  return [code, sentence];
};

/** Both saw it begin: the SYN is under way for 0.2 ms, and so is its answer. */
const OPENED: Lines = [
  [WEB, { turn: 'opened', atMs: 0.45, rttUs: 440, packets: [2, 1] }],
  [DB, { turn: 'opened', atMs: 0.65, startMs: 0.2, rttUs: 40, packets: [2, 1] }],
];
const OTHER_PORT = { clientPort: 5, serverPort: 5 };
/** The server's host reports something else at the time. */
const DB_ELSEWHERE: Lines = [
  [DB, { turn: 'opened', atMs: -5000, startMs: -5000, ...OTHER_PORT }],
  [DB, { turn: 'update', atMs: 900_000, startMs: -5000, updates: 1, ...OTHER_PORT }],
];
const WEB_ELSEWHERE: Lines = [
  [WEB, { turn: 'opened', atMs: -5000, startMs: -5000, ...OTHER_PORT }],
  [WEB, { turn: 'update', atMs: 900_000, startMs: -5000, updates: 1, ...OTHER_PORT }],
];

const END = 12_300;
const RESET: Told = { turn: 'reset', atMs: END, by: 'server' };
const sentBy = (by: 'client' | 'server', atMs = END): Told => ({ ...RESET, by, atMs, isEndOwn: true });
const gotOf = (by: 'client' | 'server', atMs = END): Told => ({ ...RESET, by, atMs, isEndOwn: false });

test('the server sent RST, and the client saw it', () => {
  const lines: Lines = [
    [DB, { ...sentBy('server'), startMs: 0.2 }],
    [WEB, gotOf('server', END + 0.4)],
  ];
  assert.deepEqual(saying(lines), [
    'server-reset',
    'The server sent RST after 14 packets; the client saw it 0.4 ms later (the clocks agree within 0.05 ms).',
  ]);
  assert.equal(verdictOf(lines).timeUs, BEGIN_US + END * 1000);
});

test('the client sent RST, and its process is named', () => {
  const web: Host = {
    ...WEB,
    owners: { client: { how: 'exact', process: 'curl', pid: 812, user: 'alice' } },
  };
  const lines: Lines = [
    [web, sentBy('client')],
    [DB, gotOf('client', END + 0.2)],
  ];
  assert.deepEqual(saying(lines), [
    'client-reset',
    'The client (curl[812] of alice) sent RST after 14 packets; the server saw it 0.2 ms later (the clocks agree within 0.05 ms).',
  ]);
});

test('both sent RST at once', () => {
  assert.deepEqual(
    saying([
      [WEB, sentBy('client', END)],
      [DB, sentBy('server', END + 0.3)],
    ]),
    [
      'both-reset',
      'Both sides sent RST after 14 packets, the client first, the other 0.3 ms later (the clocks agree within 0.05 ms).',
    ],
  );
});

test('a RST that the server never sent', () => {
  assert.deepEqual(saying([[WEB, gotOf('server')], ...OPENED]), [
    'between-reset',
    'The client saw a RST after 14 packets that the server never sent: something between them did; for the server it was still open.',
  ]);
  assert.deepEqual(
    saying([
      [DB, gotOf('client')],
      [WEB, { turn: 'timeout', atMs: 90_000, outstanding: [60, 0] }],
    ]),
    [
      'between-reset',
      'The server saw a RST after 14 packets that the client never sent: something between them did; the client waited in vain.',
    ],
  );
});

test('something between sent RST to both, or to one whose host then answered the other', () => {
  assert.deepEqual(
    saying([
      [WEB, gotOf('server')],
      [DB, gotOf('client', END + 0.02)],
    ]),
    [
      'between-reset',
      'Both sides think that the other reset it after 14 packets: something between sent RST to both.',
    ],
  );
  const [code, sentence] = saying([
    [WEB, gotOf('server')],
    [DB, gotOf('client', END + 5000)],
  ]);
  assert.equal(code, 'between-reset');
  assert.match(
    sentence ?? '',
    /^The client saw a RST after 14 packets that the server never sent: something between them did; the server saw one 5 s later, /,
  );
});

test('a RST that got lost, one of a firewall, one that only one host tells of', () => {
  assert.deepEqual(
    saying([
      [DB, sentBy('server')],
      [WEB, { turn: 'timeout', atMs: 80_000, outstanding: [9, 0] }],
    ]),
    [
      'reset-lost',
      'The server sent RST after 14 packets, and it never reached the client: the client waited in vain.',
    ],
  );
  assert.deepEqual(saying([[WEB, { ...RESET, by: 'server', isEndOwn: true }]]), [
    'firewall-reset',
    "The client's own host made a RST in the server's name after 14 packets: a firewall rule on it that rejects.",
  ]);
  assert.deepEqual(saying([[WEB, gotOf('server')]]), [
    'reset-one-sided',
    "The client saw a RST in the server's name after 14 packets; whether the server sent it cannot be said: no report of 10.0.0.1 was found in these files.",
  ]);
  assert.deepEqual(saying([[WEB, sentBy('client')]]), [
    'client-reset',
    'The client sent RST after 14 packets; no report of 10.0.0.1 was found in these files.',
  ]);
});

test('a host whose reports end before, begin after, or do not speak of it', () => {
  const before: Lines = [[DB, { turn: 'opened', atMs: -60_000, startMs: -60_000, ...OTHER_PORT }]];
  const after: Lines = [[DB, { turn: 'opened', atMs: 60_000, startMs: 60_000, ...OTHER_PORT }]];
  const missing = (besides: Lines) => saying([[WEB, gotOf('server')]], { besides })[1]?.split(': ')[1];
  assert.equal(missing(before), 'the last report of db1 in these files is of 2026-11-20T20:52:03.123456Z.');
  assert.equal(missing(after), 'the first report of db1 in these files is of 2026-11-20T20:54:03.123456Z.');
  assert.equal(missing(DB_ELSEWHERE), 'db1 reports, but nothing of this connection.');
});

test('a router that is neither end is heard too', () => {
  const router: Host = { name: 'gw', end: 'neither', clock: KEPT };
  assert.deepEqual(saying([[router, gotOf('server')]]), [
    'reset-one-sided',
    "A host between them, gw, saw a RST in the server's name after 14 packets; neither end reports a RST.",
  ]);
  assert.equal(
    verdictOf([
      [router, gotOf('server')],
      [DB, sentBy('server')],
      [WEB, gotOf('server')],
    ]).code,
    'server-reset',
  );
});

test('clocks: the handshake tells how far they are apart, whatever they say of themselves', () => {
  const db: Host = { ...DB, aheadMs: 3200, clock: { isSynced: false } };
  const shifted = OPENED.map(([host, told]) => [host === DB ? db : host, told] as const);
  const verdict = verdictOf([
    ...shifted,
    [db, { ...sentBy('server'), startMs: 0.2 }],
    [WEB, gotOf('server', END + 4)],
  ]);
  assert.equal(
    verdict.sentence,
    'The server sent RST after 14 packets; the client saw it 4 ms later (by the handshake that both saw, to within 1.43 ms).',
  );
  assert.deepEqual(verdict.notes, []);
});

test('a handshake whose SYN went twice compares no clocks', () => {
  const lines: Lines = [
    [WEB, { turn: 'opened', atMs: 1000.45, rttUs: 440, packets: [3, 1] }],
    [DB, { turn: 'opened', atMs: 1000.65, startMs: 1000.2, rttUs: 40, packets: [2, 1] }],
    [DB, { ...sentBy('server'), startMs: 1000.2 }],
    [WEB, gotOf('server', END + 0.4)],
  ];
  assert.match(
    verdictOf(lines).sentence,
    /the client saw it 0\.4 ms later \(the clocks agree within 0\.05 ms\)\.$/,
  );
  assert.deepEqual(verdictOf(lines).notes, []);
});

test('a clock that is an hour off does not part two views of one connection', () => {
  const late: Host = { ...DB, aheadMs: -3_600_000, clock: { isSynced: false } };
  const lines: Lines = [
    [WEB, { ...gotOf('server', END + 0.4), rttUs: 440 }],
    [late, { ...sentBy('server'), startMs: 0.2, rttUs: 40 }],
  ];
  assert.match(
    verdictOf(lines).sentence,
    /^The server sent RST after 14 packets; the client saw it, by the handshake that both saw within 1\.43 ms of it\.$/,
  );
  const lying: Lines = [
    lines[0] as Lines[number],
    [{ ...late, clock: KEPT }, (lines[1] as Lines[number])[1]],
  ];
  assert.deepEqual(verdictOf(lying).notes, [
    'The clock of db1 was 1 h 0 min behind that of web1, more than they say of themselves.',
  ]);
  const longer: Told = { ...sentBy('server', END + 200), startMs: 0.2, rttUs: 40 };
  assert.equal(
    connectionsOf(reportsOf([lines[0] as Lines[number], [late, longer]]), new HostBook()).length,
    2,
  );
  const another = [WEB, { ...gotOf('server', 90_000), startMs: 80_000, id: 'w-9' }] as const;
  const kept = reportsOf([...lying, another]);
  assert.equal(
    connectionsOf(kept, new HostBook()).length,
    3,
    'clocks that are vouched for, and more than two views',
  );
});

test('clocks that break their word are told of', () => {
  const db: Host = { ...DB, aheadMs: -3200 };
  const shifted = OPENED.map(([host, told]) => [host === DB ? db : host, told] as const);
  const { notes, sentence } = verdictOf([
    ...shifted,
    [db, { ...sentBy('server'), startMs: 0.2 }],
    [WEB, gotOf('server', END + 4)],
  ]);
  assert.deepEqual(notes, [
    'The clock of db1 was 3.2 s behind that of web1, more than they say of themselves.',
  ]);
  assert.match(sentence, / 4 ms later \(by the handshake/);
});

test('clocks of which nothing is known, and an order that lies within the error', () => {
  const vague: ReadonlyArray<readonly [ClockWord: Host['clock'], ending: RegExp]> = [
    [undefined, /saw it 0\.4 ms later by their clocks; how good those are is not told\.$/],
    [{ isSynced: false }, /saw it 0\.4 ms later by their clocks; how good those are is not told\.$/],
    [
      { isSynced: true, accuracyUs: 15_000 },
      /saw it, when exactly cannot be told: the clocks may differ by up to 30 ms\.$/,
    ],
  ];
  for (const [clock, ending] of vague) {
    const [web, db] = [WEB, DB].map(({ name, end }) => ({ name, end, ...(clock && { clock }) })) as [
      Host,
      Host,
    ];
    assert.match(
      verdictOf([
        [db, sentBy('server')],
        [web, gotOf('server', END + 0.4)],
      ]).sentence,
      ending,
    );
  }
});

test('refused: by the host of the server, by a filter, by something between', () => {
  const refused: Told = { turn: 'refused', atMs: 0.4, packets: [1, 1], payloadBytes: [0, 0], by: 'server' };
  const atServer: Told = { ...refused, atMs: 0.2, startMs: 0.18, isEndOwn: true };
  assert.deepEqual(
    saying([
      [WEB, { ...refused, isEndOwn: false }],
      [DB, atServer],
    ]),
    [
      'refused-server',
      "The server's host refused the SYN with RST: nothing listens on port 2525; the client saw it 0.2 ms later (the clocks agree within 0.05 ms).",
    ],
  );
  assert.deepEqual(saying([[WEB, refused]], { besides: DB_ELSEWHERE }), [
    'refused-between',
    'The SYN was answered with RST; db1 reports, but nothing of this connection: something between them refused.',
  ]);
  assert.deepEqual(saying([[WEB, refused]]), [
    'refused-one-sided',
    'The SYN was answered with RST: nothing listens there, or something refused in its name; no report of 10.0.0.1 was found in these files.',
  ]);
  const icmp: Told = { ...refused, packets: [1, 0], by: undefined, unreachable: [3, 13] };
  assert.deepEqual(saying([[WEB, icmp]], { besides: DB_ELSEWHERE }), [
    'refused-filter',
    'It was refused with ICMP 3/13, prohibited by a filter; db1 reports, but nothing of this connection: something between them refused.',
  ]);
  assert.equal(saying([[DB, { ...icmp, unreachable: [3, 3] }]])[0], 'refused-server');
  assert.match(
    saying([
      [WEB, refused],
      [DB, { turn: 'noAnswer', atMs: 20_000, packets: [1, 0] }],
    ])[1] ?? '',
    /^The SYN was answered with RST, but the server's host got the SYN and did not answer it: something between them refused\.$/,
  );
});

test('no answer: the SYN was lost, its answer was, or the host gave none', () => {
  const none: Told = { turn: 'noAnswer', atMs: 35_000, lastMs: 15_000, synCount: 5, packets: [5, 0] };
  assert.deepEqual(saying([[WEB, none]], { besides: DB_ELSEWHERE }), [
    'no-answer-syn-lost',
    'The client sent 5 SYNs, and none arrived: db1 reports, but nothing of this connection; lost or dropped on the way.',
  ]);
  assert.deepEqual(
    saying([
      [WEB, none],
      [DB, { ...none, synCount: 3, packets: [3, 0] }],
    ]),
    [
      'no-answer-ignored',
      "Only 3 of the 5 SYNs arrived at the server's host, which gave no answer: its firewall drops them, or the queue of the server is full.",
    ],
  );
  const answered: Told = {
    turn: 'timeout',
    atMs: 60_000,
    lastMs: 31_000,
    synCount: 5,
    packets: [5, 9],
    payloadBytes: [0, 0],
  };
  assert.deepEqual(
    saying([
      [WEB, none],
      [DB, answered],
    ]),
    [
      'no-answer-lost',
      'The SYN arrived and 9 packets went back, but no answer reached the client: lost on the way back.',
    ],
  );
  assert.deepEqual(saying([[WEB, none]]), [
    'no-answer-one-sided',
    'The client sent 5 SYNs and got no answer; no report of 10.0.0.1 was found in these files.',
  ]);
  assert.deepEqual(
    saying([
      [WEB, none],
      [DB, { ...gotOf('client', 45_000), packets: [6, 9] }],
    ]),
    [
      'no-answer-lost',
      'The SYN arrived and 9 packets went back, but none reached the client in time; a late one it answered with RST.',
    ],
  );
  assert.match(
    saying([[DB, answered]])[1] ?? '',
    /^The server sent 9 SYN-ACKs, which nobody acknowledged: no report of 10\.0\.0\.2 /,
  );
});

const WAITS: Told = {
  turn: 'timeout',
  atMs: 80_000,
  lastMs: 70_000,
  outstanding: [60, 0],
  payloadBytes: [560, 400],
  retransmitted: [6, 0],
};

test('timed out: lost on the way, cut both ways, acknowledgements lost, the other host silent', () => {
  const less: Told = { turn: 'closed', by: 'server', atMs: 100_000, payloadBytes: [500, 400] };
  assert.deepEqual(
    saying([
      [WEB, WAITS],
      [DB, less],
    ]),
    [
      'timeout-lost',
      'The client waited in vain for the acknowledgement of 60 bytes: 60 bytes that it sent (6 packets sent again) never reached the server, lost on the way.',
    ],
  );
  assert.equal(
    saying([
      [WEB, WAITS],
      [DB, { ...less, payloadBytes: [560, 400] }],
    ])[0],
    'timeout-unanswered',
  );
  const both: Told = { ...WAITS, outstanding: [0, 30], payloadBytes: [500, 430] };
  assert.deepEqual(
    saying([
      [WEB, WAITS],
      [DB, both],
    ]),
    [
      'timeout-cut',
      'The client waited in vain for the acknowledgement of 60 bytes, and the server for its own: nothing came through in either direction.',
    ],
  );
  assert.equal(
    saying([
      [WEB, WAITS],
      [DB, { ...WAITS, outstanding: [60, 0] }],
    ])[0],
    'timeout-ack-lost',
  );
  const ended: LifeSigns = { lastUs: BEGIN_US + 13e6, nextUs: undefined, usualGapUs: 2e6 };
  assert.deepEqual(
    saying([[WEB, WAITS], ...OPENED], { life: (host) => (host === 'db1' ? ended : undefined) }),
    [
      'timeout-host-silent',
      'The client waited in vain for the acknowledgement of 60 bytes; db1 has not been heard since 2026-11-20T20:53:16.123456Z.',
    ],
  );
  const lately: LifeSigns = { lastUs: BEGIN_US + 75e6, nextUs: undefined, usualGapUs: 2e6 };
  assert.match(
    saying([[WEB, WAITS], ...OPENED], { life: () => lately })[1] ?? '',
    /db1 has not been heard since 2026-11-20T20:54:18/,
  );
  const between: LifeSigns = { ...lately, nextUs: BEGIN_US + 81e6 };
  assert.equal(saying([[WEB, WAITS], ...OPENED], { life: () => between })[0], 'timeout-lost');
  const quiet: LifeSigns = { ...ended, nextUs: BEGIN_US + 200e6, usualGapUs: 20e6 };
  assert.equal(saying([[WEB, WAITS], ...OPENED], { life: () => quiet })[0], 'timeout-lost');
  assert.deepEqual(saying([[WEB, WAITS]]), [
    'timeout-one-sided',
    'The client waited in vain for the acknowledgement of 60 bytes; no report of 10.0.0.1 was found in these files.',
  ]);
});

test('closed in good order: who was first, and whether both saw it', () => {
  const closed = (by: 'client' | 'server', atMs: number): Told => ({ turn: 'closed', by, atMs });
  assert.deepEqual(
    saying([
      [WEB, closed('client', 100)],
      [DB, closed('client', 100.2)],
    ]),
    [
      'closed-client',
      'The client closed it first (FIN); the server saw the end 0.2 ms later (the clocks agree within 0.05 ms).',
    ],
  );
  assert.equal(
    saying([
      [WEB, closed('server', 100)],
      [DB, closed('server', 100.2)],
    ])[0],
    'closed-server',
  );
  assert.deepEqual(
    saying([
      [WEB, closed('client', 100)],
      [DB, closed('server', 100)],
    ]),
    ['closed-both', 'Both sides sent FIN at once.'],
  );
  assert.deepEqual(saying([...OPENED, [WEB, closed('client', 100)]]), [
    'closed-one-side',
    'For the client it was closed with FIN, by the client first; the server reports no end of it.',
  ]);
  assert.match(
    saying([[WEB, closed('client', 100)]])[1] ?? '',
    /^The client closed it first \(FIN\); no report of 10\.0\.0\.1/,
  );
});

test('half closed, and a FIN that did not arrive', () => {
  const half: Told = { turn: 'halfClosed', by: 'client', atMs: 72_000 };
  assert.deepEqual(
    saying([
      [WEB, half],
      [DB, half],
    ]),
    ['half-closed', 'The client is done (FIN), and the server has not closed its side after 1 min 12 s.'],
  );
  assert.equal(saying([...OPENED, [WEB, half]])[0], 'half-closed-lost');
});

test('ten minutes and two updates later it is still one connection, and its data is counted once', () => {
  const updates: Lines = [600_000, 1_200_000].flatMap((atMs, at) => [
    [WEB, { turn: 'update', atMs, updates: at + 1 }] as const,
    [DB, { turn: 'update', atMs, startMs: 0.2, updates: at + 1 }] as const,
  ]);
  const verdict = verdictOf([
    ...OPENED,
    ...updates,
    [DB, { ...sentBy('server', 1_500_000), startMs: 0.2, payloadBytes: [480, 400], updates: 2 }],
    [WEB, { ...gotOf('server', 1_500_000.4), retransmitted: [1, 0], updates: 2 }],
  ]);
  assert.equal(verdict.code, 'server-reset');
  assert.deepEqual(verdict.notes, ["Of the client's data 20 bytes did not arrive, 1 packet sent again."]);
});

test('two connections with the same ends, one after the other, are two', () => {
  const reports = reportsOf([
    [WEB, gotOf('server', 1000)],
    [DB, sentBy('server', 1000)],
    [WEB, { ...gotOf('server', 9000), startMs: 5000, id: 'w-1' }],
    [DB, { ...sentBy('server', 9000), startMs: 5000, id: 'd-1' }],
  ]);
  const book = new HostBook();
  const connections = connectionsOf(reports, book);
  assert.equal(connections.length, 2);
  for (const { client, server } of connections) assert.equal(client?.endUs, server?.endUs);
});

test('an agent that was started anew goes on with the same view, and a host that took the ends the wrong way is turned', () => {
  const restarted: Lines = [
    ...OPENED,
    [DB, { turn: 'opened', isMidstream: true, atMs: 5000, startMs: 5000, id: 'new-0' }],
    [
      DB,
      {
        ...sentBy('client'),
        startMs: 5000,
        id: 'new-0',
        clientAddress: '10.0.0.1',
        clientPort: 2525,
        serverAddress: '10.0.0.2',
        serverPort: 41_234,
        isClientOwn: true,
        isServerOwn: false,
        packets: [6, 8],
      },
    ],
    [WEB, gotOf('server', END + 0.4)],
  ];
  const { code, sentence } = verdictOf(restarted);
  assert.equal(code, 'server-reset');
  assert.match(sentence, /^The server sent RST after 14 packets; the client saw it 0\.4 ms later/);
});

test('a view that was turned counts its data the right way round', () => {
  const swapped = {
    clientAddress: '10.0.0.1',
    clientPort: 2525,
    serverAddress: '10.0.0.2',
    serverPort: 41_234,
    isClientOwn: true,
    isServerOwn: false,
  };
  const lines: Lines = [
    [DB, { ...sentBy('client'), ...swapped, packets: [6, 8], payloadBytes: [400, 480] }],
    [WEB, { ...gotOf('server', END + 0.4), rttUs: 440 }],
  ];
  assert.deepEqual(verdictOf(lines).notes, ["Of the client's data 20 bytes did not arrive."]);
  const waits: Lines = [
    [WEB, { ...WAITS, rttUs: 440 }],
    [DB, { ...WAITS, ...swapped, rttUs: -1, outstanding: [30, 0], payloadBytes: [430, 500] }],
  ];
  assert.equal(verdictOf(waits).code, 'timeout-cut');
});

test('a connection that began minutes later is another one, also where the first never ended', () => {
  const reports = reportsOf([
    [WEB, WAITS],
    [DB, { ...sentBy('server', 910_000), startMs: 900_000 }],
  ]);
  assert.equal(connectionsOf(reports, new HostBook()).length, 2);
});

test('nobody owns the addresses that every host has', () => {
  const book = new HostBook();
  const ends = { clientAddress: '127.0.0.1', serverAddress: '127.0.0.1' };
  for (const { host, event } of reportsOf([
    [
      { ...WEB, end: 'both' },
      { ...RESET, ...ends },
    ],
  ]))
    book.add(host, event);
  assert.equal(book.ownerOf('127.0.0.1'), undefined);
  assert.deepEqual(
    book.hosts.map(({ name }) => name),
    ['web1'],
  );
});

test('both ends on one host are one view', () => {
  const both: Host = { name: 'web1', end: 'both', clock: KEPT };
  const ends = { clientAddress: '127.0.0.1', serverAddress: '127.0.0.1' };
  assert.deepEqual(saying([[both, { ...RESET, ...ends }]]), [
    'server-reset',
    'The server sent RST after 14 packets; both ends are on web1.',
  ]);
});

test('addresses of a translation do not pair, and each view says what is missing', () => {
  const reports = reportsOf([
    [WEB, gotOf('server')],
    [DB, { ...sentBy('server'), clientAddress: '192.0.2.1', clientPort: 60_001 }],
  ]);
  const book = new HostBook();
  for (const { host, event } of reports) book.add(host, event);
  const keys = new Set(reports.map(({ event }) => event.clientAddress));
  assert.equal(keys.size, 2);
  assert.equal(connectionsOf([reports[0] as Report], book).length, 1);
});

test('a host that says that it watches is a witness, even of nothing, as long as it was alive', () => {
  const seen = reportsOf([[WEB, { turn: 'noAnswer', atMs: 35_000, synCount: 5, packets: [5, 0] }]]);
  const watch = (isOn: boolean, atMs: number) =>
    lineOf(
      Buffer.from(
        `<30>1 - db1 belfry 77 started - The connections are watched. ${printWatch({ isOn, addresses: ['127.0.0.1', 'fe80::1', '10.0.0.1', 'fd00::1'], timeUs: BEGIN_US + atMs * 1000 })}`,
      ),
      'traditional',
    );
  const codeOf = (lines: readonly string[], life: LifeSigns | undefined) => {
    const book = new HostBook();
    for (const { host, event } of seen) book.add(host, event);
    for (const line of lines) {
      const report = readReport(line.trimEnd());
      assert.ok(report && 'watch' in report, line);
      assert.deepEqual(report.watch.addresses, ['10.0.0.1', 'fd00::1']);
      book.addWatch(report.host, report.watch);
    }
    const [connection] = connectionsOf(seen, book);
    assert.ok(connection);
    return judge(connection, book, () => life).code;
  };
  const alive: LifeSigns = { lastUs: undefined, nextUs: BEGIN_US + 90e6, usualGapUs: 1e6 };
  const dead: LifeSigns = { ...alive, nextUs: undefined };
  assert.equal(codeOf([watch(true, -1e6)], alive), 'no-answer-syn-lost');
  assert.equal(codeOf([watch(true, -1e6), watch(false, 100_000)], undefined), 'no-answer-syn-lost');
  assert.equal(codeOf([watch(true, -1e6)], dead), 'no-answer-one-sided');
  assert.equal(codeOf([watch(true, -1e6), watch(false, -5e5)], alive), 'no-answer-one-sided');
  assert.equal(codeOf([watch(false, -1e6), watch(true, -5e5)], alive), 'no-answer-syn-lost');
  assert.equal(codeOf([watch(true, 50_000)], alive), 'no-answer-one-sided');
  const wasAway = [watch(true, -1e6), watch(false, -5e5), watch(true, 10_000)];
  assert.equal(codeOf(wasAway, alive), 'no-answer-one-sided');
});

test('a host that lost events at the time is no witness of what it did not tell', () => {
  const gapAt = (fromMs: number, heldBack: number) => {
    const gap = {
      dropped: 12,
      evicted: 0,
      heldBack,
      fromUs: BEGIN_US + fromMs * 1000,
      toUs: BEGIN_US + (fromMs + 10_000) * 1000,
    };
    const line = lineOf(
      Buffer.from(`<29>1 - db1 belfry 77 losses - In the last 10 s: a lot. ${printGapMark(gap)}`),
      'json',
    );
    const report = readReport(line.trimEnd());
    assert.ok(report && 'gap' in report, line);
    assert.deepEqual(report, { host: 'db1', gap });
    return report;
  };
  const judged = (lines: Lines, besides: Lines, fromMs: number) => {
    const reports = reportsOf(lines);
    const book = new HostBook();
    for (const { host, event } of [...reports, ...reportsOf(besides)]) book.add(host, event);
    const { host, gap } = gapAt(fromMs, 1890);
    book.addGap(host, gap);
    const [connection] = connectionsOf(reports, book);
    assert.ok(connection);
    return judge(connection, book);
  };
  const open: Lines = [...OPENED, [WEB, gotOf('server')]];
  assert.equal(judged(open, [], -600_000).code, 'between-reset');
  assert.equal(
    judged(open, [], 10_000).sentence,
    "The client saw a RST in the server's name after 14 packets; whether the server sent it cannot be said: db1 tells no end, but it held back 1890 events and missed 12 packets at that time.",
  );
  assert.equal(judged([...OPENED, [WEB, sentBy('client')]], [], 10_000).code, 'client-reset');
  assert.equal(judged([...OPENED, [WEB, WAITS]], [], 75_000).code, 'timeout-one-sided');
  const none: Lines = [[WEB, { turn: 'noAnswer', atMs: 35_000, synCount: 5, packets: [5, 0] }]];
  assert.equal(judged(none, DB_ELSEWHERE, -600_000).code, 'no-answer-syn-lost');
  assert.equal(
    judged(none, DB_ELSEWHERE, 30_000).sentence,
    'The client sent 5 SYNs and got no answer; db1 tells nothing of it, but it held back 1890 events and missed 12 packets at that time.',
  );
});

test('the client may be the one that is not heard', () => {
  assert.match(
    saying([[DB, sentBy('server')]], { besides: WEB_ELSEWHERE })[1] ?? '',
    /; web1 reports, but nothing of this connection\.$/,
  );
});
