// The client's side of RELP by its rules: the window, what is settled, what must be sent again, and servers that
// refuse, lie, fall silent or go away.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type RelpClientOptions, RelpClientSession } from '../../../syslog/relp/client.ts';
import { TXNR_MAX } from '../../../syslog/relp/txnr.ts';

const OPTIONS: RelpClientOptions = {
  windowMax: 4,
  software: 'belfry,0',
  openTimeoutMs: 1000,
  answerTimeoutMs: 5000,
  closeTimeoutMs: 2000,
};
const OFFERS = 'relp_version=0\nrelp_software=belfry,0\ncommands=syslog';
const ACCEPTED = '200 OK\nrelp_version=0\nrelp_software=librelp,1.11.0\ncommands=syslog';
const START_MS = 1_000_000;

function frame(txnr: number, command: string, data = ''): string {
  return `${txnr} ${command} ${Buffer.byteLength(data)}${data && ' '}${data}\n`;
}

class Talk {
  readonly session: RelpClientSession;
  nowMs = START_MS;

  constructor(options: Partial<RelpClientOptions> = {}) {
    this.session = new RelpClientSession({ ...OPTIONS, ...options }, this.nowMs);
  }

  hear(text: string): void {
    this.session.receive(Buffer.from(text), this.nowMs);
  }

  /** Sends the message `m<ref>`. */
  send(...refs: number[]): void {
    for (const ref of refs) {
      const bytes = Buffer.from(`>m${ref}<`);
      this.session.send(ref, bytes, 1, bytes.length - 1, this.nowMs);
    }
  }

  said(): string {
    const text = this.session.takeOutput().toString();
    this.session.sent(Buffer.byteLength(text));
    return text;
  }

  refusals(): string[] {
    return this.session.takeRefusals().map(({ ref, code, text }) => `${ref} ${code} ${text}`);
  }
}

function ready(options: Partial<RelpClientOptions> = {}): Talk {
  const talk = new Talk(options);
  const first = options.firstTxnr ?? 1;
  assert.equal(talk.said(), frame(first, 'open', OFFERS));
  talk.hear(frame(first, 'rsp', ACCEPTED));
  assert.ok(talk.session.isReady);
  return talk;
}

const ok = (txnr: number) => frame(txnr, 'rsp', '200 OK');

describe('open', () => {
  test('comes first; nothing is sent before its answer', () => {
    const talk = new Talk();
    assert.ok(!talk.session.hasRoom);
    assert.throws(() => talk.send(1), /when there is room/);
    talk.hear(frame(1, 'rsp', ACCEPTED));
    assert.ok(talk.session.hasRoom);
    assert.equal(talk.session.serverSoftware, 'librelp,1.11.0');
  });

  test('is refused in words', () => {
    const cases = [
      ['500 go away', '500 go away'],
      ['200 OK', 'relp_version is not offered'],
      ['200 OK\ncommands=syslog', 'relp_version is not offered'],
      ['200 OK\nrelp_version=0\ncommands=x', 'the command syslog is not offered'],
      ['200 OK\nrelp_version=1\ncommands=syslog', 'RELP version 1 is demanded, and only 0 is spoken here'],
    ] as const;
    for (const [answer, told] of cases) {
      const talk = new Talk();
      talk.hear(frame(1, 'rsp', answer));
      assert.equal(talk.session.ending, 'open_refused', answer);
      assert.equal(talk.session.told, told);
      assert.ok(!talk.session.hasRoom);
    }
  });

  test('has its time', () => {
    const talk = new Talk();
    assert.equal(talk.session.deadlineMs, START_MS + 1000);
    talk.session.onTimer(START_MS + 999);
    assert.equal(talk.session.ending, undefined);
    talk.session.onTimer(START_MS + 1000);
    assert.equal(talk.session.ending, 'open_timeout');
    assert.equal(talk.session.deadlineMs, Infinity);
  });
});

describe('messages', () => {
  test('go out with numbers of their own and are settled in order', () => {
    const talk = ready();
    talk.send(10, 11, 12);
    assert.equal(
      talk.said(),
      frame(2, 'syslog', 'm10') + frame(3, 'syslog', 'm11') + frame(4, 'syslog', 'm12'),
    );
    assert.equal(talk.session.settledThrough, undefined);
    talk.hear(ok(2) + ok(3));
    assert.equal(talk.session.settledThrough, 11);
    assert.equal(talk.session.acknowledged, 2);
    assert.equal(talk.session.waiting, 1);
    assert.deepEqual(talk.session.unacknowledged(), [12]);
  });

  test('that are answered out of order do not move the cursor over others', () => {
    const talk = ready();
    talk.send(10, 11, 12);
    talk.hear(ok(4));
    assert.equal(talk.session.settledThrough, undefined);
    assert.deepEqual(talk.session.unacknowledged(), [10, 11]);
    talk.hear(ok(2));
    assert.equal(talk.session.settledThrough, 10);
    talk.hear(ok(3));
    assert.equal(talk.session.settledThrough, 12);
    assert.deepEqual(talk.session.unacknowledged(), []);
  });

  test('find room in the window and no more', () => {
    const talk = ready();
    talk.send(1, 2, 3, 4);
    assert.ok(!talk.session.hasRoom);
    assert.throws(() => talk.send(5), /when there is room/);
    talk.hear(ok(3));
    assert.ok(!talk.session.hasRoom, 'the oldest still waits');
    talk.hear(ok(2));
    assert.ok(talk.session.hasRoom);
    talk.send(5, 6);
    assert.ok(!talk.session.hasRoom);
    talk.hear(ok(4) + ok(5) + ok(6) + ok(7));
    assert.equal(talk.session.settledThrough, 6);
  });

  test('wait while too much has not been sent', () => {
    const talk = ready({ windowMax: 1000 });
    const bytes = Buffer.alloc(300_000, 'x');
    let count = 0;
    for (; talk.session.hasRoom; count++) talk.session.send(count, bytes, 0, bytes.length, talk.nowMs);
    assert.equal(count, 4);
    talk.said();
    assert.ok(talk.session.hasRoom);
  });

  test('their numbers go round', () => {
    const talk = ready({ firstTxnr: TXNR_MAX - 1 });
    talk.send(1, 2, 3);
    assert.equal(
      talk.said(),
      frame(TXNR_MAX, 'syslog', 'm1') + frame(1, 'syslog', 'm2') + frame(2, 'syslog', 'm3'),
    );
    talk.hear(ok(TXNR_MAX) + ok(1) + ok(2));
    assert.equal(talk.session.settledThrough, 3);
    talk.hear(ok(3));
    assert.equal(talk.session.ending, 'unknown_txnr');
  });
});

describe('a refused message', () => {
  test('is given back, and holds the cursor', () => {
    const talk = ready();
    talk.send(10, 11);
    talk.hear(frame(2, 'rsp', '500 disk\x1b full\nmore') + ok(3));
    assert.deepEqual(talk.refusals(), ['10 500 disk  full']);
    assert.deepEqual(talk.refusals(), []);
    assert.equal(talk.session.settledThrough, undefined);
    assert.equal(talk.session.acknowledged, 1);
    assert.deepEqual(talk.session.unacknowledged(), [10]);
    assert.equal(talk.session.ending, undefined);
  });

  test('can be sent again, in its old place, even when the window is full', () => {
    const talk = ready();
    talk.send(1, 2, 3, 4);
    talk.said();
    talk.hear(frame(3, 'rsp', '500 no'));
    assert.ok(!talk.session.hasRoom);
    assert.ok(talk.session.canSendAgain);
    talk.session.sendAgain(2, Buffer.from('m2'), 0, 2, talk.nowMs);
    assert.equal(talk.said(), frame(6, 'syslog', 'm2'));
    talk.hear(ok(2) + ok(4) + ok(5));
    assert.equal(talk.session.settledThrough, 1);
    assert.deepEqual(talk.session.unacknowledged(), [2]);
    talk.hear(ok(6));
    assert.equal(talk.session.settledThrough, 4);
  });

  test('can be given up, and the cursor moves on', () => {
    const talk = ready();
    talk.send(1, 2);
    talk.hear(ok(3) + frame(2, 'rsp', '500 no'));
    talk.session.giveUp(1);
    assert.equal(talk.session.settledThrough, 2);
    assert.deepEqual(talk.session.unacknowledged(), []);
    assert.throws(() => talk.session.giveUp(1), /refused/);
  });

  test('cannot be one that was not refused', () => {
    const talk = ready();
    talk.send(1);
    assert.throws(() => talk.session.giveUp(1), /refused/);
    assert.throws(() => talk.session.sendAgain(1, Buffer.from('x'), 0, 1, talk.nowMs), /refused/);
  });

  test('many refusals in a row do no harm to an old message', () => {
    const talk = ready();
    talk.send(1, 2);
    let refused = 0;
    for (let txnr = 3; txnr < 100; txnr++) {
      talk.hear(frame(txnr, 'rsp', '500 no'));
      refused += talk.refusals().length;
      if (!talk.session.canSendAgain) break;
      talk.session.sendAgain(2, Buffer.from('m2'), 0, 2, talk.nowMs);
    }
    // Number 10 has the low bits of number 2, which still waits.
    assert.equal(refused, 7);
    assert.ok(!talk.session.hasRoom);
    talk.hear(ok(2));
    assert.equal(talk.session.settledThrough, 1);
    assert.ok(talk.session.canSendAgain);
  });
});

describe('a server that is wrong', () => {
  test('answers twice: the first answer counts', () => {
    const talk = ready();
    talk.send(1, 2);
    talk.hear(ok(2) + frame(2, 'rsp', '500 no') + ok(2) + frame(1, 'rsp', ACCEPTED));
    assert.equal(talk.session.strayAnswers, 3);
    assert.equal(talk.session.acknowledged, 1);
    assert.deepEqual(talk.refusals(), []);
    assert.deepEqual(talk.session.unacknowledged(), [2]);
    assert.equal(talk.session.ending, undefined);
  });

  test('answers an old number again, whose low bits a waiting one has', () => {
    const talk = ready();
    for (let ref = 0; ref < 8; ref++) {
      talk.send(ref);
      talk.hear(ok(ref + 2));
    }
    talk.send(8);
    talk.hear(ok(2));
    assert.equal(talk.session.strayAnswers, 1);
    assert.deepEqual(talk.session.unacknowledged(), [8]);
    talk.hear(ok(10));
    assert.deepEqual(talk.session.unacknowledged(), []);
  });

  test('answers what was never sent', () => {
    for (const txnr of [4, 0, TXNR_MAX]) {
      const talk = ready();
      talk.send(1, 2);
      talk.hear(ok(2) + ok(txnr) + ok(3));
      assert.equal(talk.session.ending, 'unknown_txnr');
      assert.match(talk.session.told, new RegExp(` ${txnr}, which was never sent`));
      assert.deepEqual(talk.session.unacknowledged(), [2]);
    }
  });

  test('answers without a code', () => {
    for (const data of ['', '20', '2000', 'OK', '20x OK', ' 200 OK', '200OK']) {
      const talk = ready();
      talk.send(1);
      talk.hear(frame(2, 'rsp', data));
      assert.equal(talk.session.ending, 'bad_answer', data);
      assert.deepEqual(talk.session.unacknowledged(), [1]);
    }
    const talk = ready();
    talk.send(1, 2);
    talk.hear(frame(2, 'rsp', '200') + frame(3, 'rsp', '200\n'));
    assert.equal(talk.session.settledThrough, 2);
  });

  test('every code but 200 is a refusal', () => {
    const talk = ready();
    talk.send(1, 2, 3);
    talk.hear(frame(2, 'rsp', '201 Created') + frame(3, 'rsp', '000 ') + frame(4, 'rsp', '909'));
    assert.deepEqual(talk.refusals(), ['1 201 Created', '2 0 ', '3 909 ']);
    assert.equal(talk.session.acknowledged, 0);
  });

  test('sends no frames, endless frames, or commands', () => {
    const cases = [
      'HTTP/1.1 400 Bad Request',
      '2 rsp 5000 ',
      '2 rsp 2 abc\n',
      '2 syslog 1 x\n',
      '2 open 0\n',
    ];
    for (const text of cases) {
      const talk = ready();
      talk.send(1);
      talk.hear(text);
      assert.equal(talk.session.ending, 'bad_frame', text);
      assert.deepEqual(talk.session.unacknowledged(), [1]);
    }
  });

  test('hints what we do not know: passed over', () => {
    const talk = ready();
    talk.send(1);
    talk.hear(frame(0, 'mood', 'good') + ok(2));
    assert.equal(talk.session.settledThrough, 1);
  });

  test('sends much in one piece, cut anywhere', () => {
    const talk = ready({ windowMax: 5000 });
    for (let ref = 0; ref < 5000; ref++) talk.send(ref);
    talk.hear(
      Array.from({ length: 5000 }, (_, i) => frame(i + 2, 'rsp', `200 ${'x'.repeat(i % 60)}`)).join(''),
    );
    assert.equal(talk.session.ending, undefined, talk.session.told);
    assert.equal(talk.session.settledThrough, 4999);
  });
});

describe('silence', () => {
  test('is timed from the last answer, while answers are due', () => {
    const talk = ready();
    assert.equal(talk.session.deadlineMs, Infinity);
    talk.nowMs += 50_000;
    talk.send(1);
    assert.equal(talk.session.deadlineMs, talk.nowMs + 5000);
    talk.nowMs += 4000;
    talk.send(2);
    talk.hear(ok(2));
    assert.equal(talk.session.deadlineMs, talk.nowMs + 5000);
    talk.session.onTimer(talk.nowMs + 4999);
    assert.equal(talk.session.ending, undefined);
    talk.session.onTimer(talk.nowMs + 5000);
    assert.equal(talk.session.ending, 'answer_timeout');
    assert.deepEqual(talk.session.unacknowledged(), [2]);
  });

  test('is timed anew when a refused message goes out again', () => {
    const talk = ready();
    talk.send(1);
    talk.hear(frame(2, 'rsp', '500 no'));
    assert.equal(talk.session.deadlineMs, Infinity);
    talk.nowMs += 60_000;
    talk.session.sendAgain(1, Buffer.from('m1'), 0, 2, talk.nowMs);
    assert.equal(talk.session.deadlineMs, talk.nowMs + 5000);
  });

  test('may be allowed to last', () => {
    const talk = ready({ answerTimeoutMs: 0 });
    talk.send(1);
    assert.equal(talk.session.deadlineMs, Infinity);
  });
});

describe('the end', () => {
  test('a close waits for all answers, then says so', () => {
    const talk = ready();
    talk.send(1, 2);
    talk.said();
    talk.session.close(talk.nowMs);
    assert.ok(!talk.session.hasRoom);
    assert.equal(talk.said(), '');
    talk.hear(ok(3) + ok(2));
    assert.equal(talk.said(), frame(4, 'close'));
    assert.equal(talk.session.ending, undefined);
    // librelp answers a close with nothing.
    talk.hear(frame(4, 'rsp') + frame(0, 'serverclose'));
    assert.equal(talk.session.ending, 'closed');
    assert.equal(talk.session.settledThrough, 2);
  });

  test('a close can be answered by the end of the connection', () => {
    const talk = ready();
    talk.session.close(talk.nowMs);
    assert.equal(talk.said(), frame(2, 'close'));
    talk.session.connectionEnded();
    assert.equal(talk.session.ending, 'closed');
    const hinted = ready();
    hinted.session.close(hinted.nowMs);
    hinted.hear(frame(0, 'serverclose'));
    assert.equal(hinted.session.ending, 'closed');
  });

  test('a close before the session is open ends it at once', () => {
    const talk = new Talk();
    talk.session.close(talk.nowMs);
    assert.equal(talk.session.ending, 'closed');
  });

  test('a close has its time', () => {
    const talk = ready();
    talk.send(1);
    talk.session.close(talk.nowMs);
    talk.nowMs += 1500;
    talk.session.close(talk.nowMs);
    assert.equal(talk.session.deadlineMs, START_MS + 2000);
    talk.session.onTimer(START_MS + 2000);
    assert.equal(talk.session.ending, 'close_timeout');
    assert.deepEqual(talk.session.unacknowledged(), [1]);
  });

  test('a connection that is cut leaves what was not answered', () => {
    const talk = ready();
    talk.send(1, 2, 3);
    talk.hear(`${ok(3)}2 rsp 6 200`);
    talk.session.connectionEnded();
    assert.equal(talk.session.ending, 'connection_ended');
    assert.deepEqual(talk.session.unacknowledged(), [1, 3]);
    talk.session.connectionEnded();
    talk.hear(' OK\n');
    assert.deepEqual(talk.session.unacknowledged(), [1, 3], 'nothing counts after the end');
  });

  test('a server that closes may still answer', () => {
    const talk = ready();
    talk.send(1, 2);
    talk.said();
    talk.hear(ok(2) + frame(0, 'serverclose', 'maintenance'));
    assert.equal(talk.session.ending, undefined);
    assert.ok(!talk.session.hasRoom);
    talk.hear(ok(3));
    assert.equal(talk.session.ending, 'server_closed');
    assert.equal(talk.session.told, 'maintenance');
    assert.equal(talk.said(), '', 'no close is sent');
    assert.deepEqual(talk.session.unacknowledged(), []);
  });

  test('a server that closes and does not answer ends by time or with the connection', () => {
    for (const end of ['time', 'connection'] as const) {
      const talk = ready();
      talk.send(1);
      talk.nowMs += 100;
      talk.hear(frame(0, 'serverclose'));
      assert.equal(talk.session.deadlineMs, talk.nowMs + 2000);
      if (end === 'time') talk.session.onTimer(talk.nowMs + 2000);
      else talk.session.connectionEnded();
      assert.equal(talk.session.ending, 'server_closed');
      assert.equal(talk.session.told, 'the server closed the session');
      assert.deepEqual(talk.session.unacknowledged(), [1]);
    }
    const idle = ready();
    idle.hear(frame(0, 'serverclose'));
    assert.equal(idle.session.ending, 'server_closed', 'nothing is awaited');
    const early = new Talk();
    early.hear(frame(0, 'serverclose', 'no room'));
    assert.equal(early.session.ending, 'server_closed');
  });

  test('a server may abort', () => {
    const talk = ready();
    talk.send(1);
    talk.hear(frame(0, 'abort', 'out of memory'));
    assert.equal(talk.session.ending, 'server_aborted');
    assert.equal(talk.session.told, 'out of memory');
  });
});
