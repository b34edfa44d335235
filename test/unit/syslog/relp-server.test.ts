// The server's side of RELP by its rules: what is answered when, what is told at the end, what holds it back.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RelpFrame, relpHeadroom } from '../../../syslog/relp/frame.ts';
import { type RelpServerOptions, RelpServerSession } from '../../../syslog/relp/server.ts';
import { TXNR_MAX } from '../../../syslog/relp/txnr.ts';

const MAX = 64;
const HEADROOM = relpHeadroom(MAX);
const OPTIONS = { messageBytesMax: MAX, dataBytesMax: 1000, windowMax: 8, software: 'belfry,0' };
const OFFERS = 'relp_version=0\nrelp_software=librelp,1.11.0\ncommands=syslog';
const OPENED = '200 OK\nrelp_version=0\nrelp_software=belfry,0\ncommands=syslog';

/** A session with an arena of its own; speaks and answers in text. */
class Talk {
  readonly session: RelpServerSession;
  readonly frame = new RelpFrame();
  private readonly arena = Buffer.alloc(HEADROOM + 65_536);

  constructor(options: Partial<RelpServerOptions> = {}) {
    this.session = new RelpServerSession({ ...OPTIONS, ...options });
  }

  /** The messages that came of it, as `txnr text`. */
  say(text: string): string[] {
    const { session, frame, arena } = this;
    session.feed(arena, HEADROOM, HEADROOM + arena.write(text, HEADROOM, 'latin1'));
    const found: string[] = [];
    while (session.next(frame))
      found.push(`${frame.txnr} ${arena.toString('latin1', frame.start, frame.end)}`);
    session.keepRest();
    return found;
  }

  hear(): string {
    const text = this.session.takeOutput().toString('latin1');
    this.session.sent(text.length);
    return text;
  }
}

function frame(txnr: number, command: string, data = ''): string {
  return `${txnr} ${command} ${data.length}${data && ' '}${data}\n`;
}

function opened(options: Partial<RelpServerOptions> = {}): Talk {
  const talk = new Talk(options);
  const first = options.firstTxnr ?? 1;
  assert.deepEqual(talk.say(frame(first, 'open', OFFERS)), []);
  assert.equal(talk.hear(), frame(first, 'rsp', OPENED));
  return talk;
}

describe('open', () => {
  test('is answered with what is supported', () => {
    const talk = opened();
    assert.ok(talk.session.isOpen);
    assert.equal(talk.session.clientSoftware, 'librelp,1.11.0');
    assert.equal(talk.session.ending, undefined);
  });

  test('a higher version and unknown offers are answered with ours', () => {
    const talk = new Talk();
    talk.say(frame(1, 'open', 'relp_version=7\nwings=2\ncommands=eventlog,syslog'));
    assert.equal(talk.hear(), frame(1, 'rsp', OPENED));
  });

  test('without version or syslog it is refused, and the session ends', () => {
    for (const offers of [
      '',
      'commands=syslog',
      'relp_version=x\ncommands=syslog',
      'relp_version=0\ncommands=y',
    ]) {
      const talk = new Talk();
      assert.deepEqual(talk.say(frame(1, 'open', offers) + frame(2, 'syslog', 'a')), [], offers);
      const { told } = talk.session;
      assert.match(told, /not offered/);
      assert.equal(talk.hear(), frame(1, 'rsp', `500 ${told}`) + frame(0, 'serverclose', told));
      assert.equal(talk.session.ending, 'bad_open');
      assert.ok(!talk.session.isOpen);
    }
  });

  test('a second one harms nobody', () => {
    const talk = opened();
    talk.say(frame(2, 'open', 'nonsense'));
    assert.match(talk.hear(), /^2 rsp \d+ 200 OK/);
    assert.deepEqual(talk.say(frame(3, 'syslog', 'a')), ['3 a']);
  });

  test('nothing goes before it', () => {
    for (const command of ['syslog', 'close', 'eventlog']) {
      const talk = new Talk();
      assert.deepEqual(talk.say(frame(1, command, 'x')), []);
      assert.equal(talk.hear(), frame(0, 'serverclose', 'the session is not open yet'));
      assert.equal(talk.session.ending, 'not_open');
    }
  });
});

describe('messages', () => {
  test('are answered when they are written, and not before', () => {
    const talk = opened();
    assert.deepEqual(talk.say(frame(2, 'syslog', 'a') + frame(3, 'syslog', 'b')), ['2 a', '3 b']);
    assert.equal(talk.hear(), '');
    assert.equal(talk.session.unanswered, 2);
    talk.session.written(2);
    talk.session.written(3);
    assert.equal(talk.hear(), '2 rsp 6 200 OK\n3 rsp 6 200 OK\n');
    assert.equal(talk.session.unanswered, 0);
  });

  test('are answered in the order in which they are written', () => {
    const talk = opened();
    talk.say([2, 3, 4, 5].map((txnr) => frame(txnr, 'syslog', 'a')).join(''));
    for (const txnr of [4, 2, 5]) talk.session.written(txnr);
    assert.equal(talk.hear(), '4 rsp 6 200 OK\n2 rsp 6 200 OK\n5 rsp 6 200 OK\n');
    assert.equal(talk.session.unanswered, 1);
    talk.session.writtenThrough(5);
    assert.equal(talk.hear(), '3 rsp 6 200 OK\n');
    talk.session.writtenThrough(5);
    assert.equal(talk.hear(), '');
  });

  test('up to one of them are answered at once', () => {
    const talk = opened();
    talk.say([2, 3, 4].map((txnr) => frame(txnr, 'syslog', 'a')).join(''));
    talk.session.writtenThrough(3);
    assert.equal(talk.hear(), '2 rsp 6 200 OK\n3 rsp 6 200 OK\n');
    assert.equal(talk.session.unanswered, 1);
  });

  test('cannot be written twice, nor before they were given', () => {
    const talk = opened();
    talk.say(frame(2, 'syslog', 'a') + frame(3, 'syslog', 'b'));
    talk.session.written(3);
    assert.throws(() => talk.session.written(3), /written once/);
    assert.throws(() => talk.session.written(4), /written once/);
    assert.throws(() => talk.session.written(1), /written once/);
    assert.throws(() => talk.session.writtenThrough(4), /given before/);
  });

  test('that were refused by the caller come again', () => {
    const talk = opened();
    const { session } = talk;
    const arena = Buffer.alloc(HEADROOM + 200);
    const text = frame(2, 'syslog', 'a') + frame(3, 'syslog', 'b');
    session.feed(arena, HEADROOM, HEADROOM + arena.write(text, HEADROOM));
    assert.ok(session.next(talk.frame));
    assert.ok(session.next(talk.frame));
    session.refuse(talk.frame);
    assert.equal(session.unanswered, 1);
    assert.ok(session.keepRest() > 0);
    assert.deepEqual(talk.say(frame(4, 'syslog', 'c')), ['3 b', '4 c']);
    session.writtenThrough(4);
    assert.equal(session.unanswered, 0);
  });

  test('that are too long are cut and answered like others', () => {
    const talk = opened();
    const long = 'x'.repeat(100);
    assert.deepEqual(talk.say(frame(2, 'syslog', long) + frame(3, 'syslog', 'b')), [
      `2 ${long.slice(0, MAX)}`,
      '3 b',
    ]);
    assert.equal(talk.session.skippedBytes, 36);
    talk.session.skippedBytes = 0;
    assert.equal(talk.session.skippedBytes, 0);
    talk.session.writtenThrough(3);
    assert.equal(talk.hear(), '2 rsp 6 200 OK\n3 rsp 6 200 OK\n');
  });

  test('their numbers go round', () => {
    const talk = opened({ firstTxnr: TXNR_MAX - 1 });
    const numbers = [TXNR_MAX, 1, 2];
    assert.equal(talk.say(numbers.map((txnr) => frame(txnr, 'syslog', 'a')).join('')).length, 3);
    talk.session.written(1);
    talk.session.writtenThrough(2);
    assert.equal(talk.hear(), [1, TXNR_MAX, 2].map((txnr) => frame(txnr, 'rsp', '200 OK')).join(''));
  });
});

describe('the window', () => {
  test('holds back what comes beyond it', () => {
    const talk = opened({ windowMax: 2 });
    const text = [2, 3, 4, 5].map((txnr) => frame(txnr, 'syslog', 'a')).join('');
    assert.deepEqual(talk.say(text), ['2 a', '3 a']);
    assert.ok(talk.session.isFull);
    assert.ok(talk.session.kept > 0);
    talk.session.written(3);
    assert.deepEqual(talk.say(''), [], 'the oldest still waits');
    talk.session.written(2);
    assert.ok(!talk.session.isFull);
    assert.deepEqual(talk.say(''), ['4 a', '5 a']);
    assert.equal(talk.session.kept, 0);
  });

  test('grows with what waits, up to its limit, and answers in any order', () => {
    for (const windowMax of [63, 64, 65, 200, 4096]) {
      const talk = opened({ windowMax });
      // Some are answered first, so that the ring does not begin at its beginning.
      for (let txnr = 2; txnr < 50; txnr += 1) talk.say(frame(txnr, 'syslog', 'a'));
      talk.session.writtenThrough(49);
      talk.hear();
      const taken: number[] = [];
      let early = 0;
      for (let txnr = 50; !talk.session.isFull; txnr += 1) {
        talk.say(frame(txnr, 'syslog', 'a'));
        // Some are answered before it grows, and the oldest is none of them.
        if (txnr % 7 === 3) {
          talk.session.written(txnr);
          early += 1;
        } else taken.push(txnr);
      }
      talk.hear();
      assert.equal(taken.length + early, windowMax);
      assert.equal(talk.session.unanswered, taken.length);
      const shuffled = taken.toSorted((a, b) => ((a * 7919) % 4099) - ((b * 7919) % 4099));
      for (const txnr of shuffled) talk.session.written(txnr);
      assert.equal(talk.session.unanswered, 0);
      assert.equal(talk.hear(), shuffled.map((txnr) => frame(txnr, 'rsp', '200 OK')).join(''));
      assert.deepEqual(talk.say(frame(50 + windowMax, 'syslog', 'b')), [`${50 + windowMax} b`]);
    }
  });

  test('a peer that does not read its answers is not read either', () => {
    const talk = opened({ windowMax: 1000 });
    let count = 0;
    for (let txnr = 2; txnr < 20_000 && !talk.session.isFull; txnr++) {
      count += talk.say(frame(txnr, 'eventlog')).length;
    }
    assert.equal(count, 0);
    assert.ok(talk.session.isFull);
    assert.ok(talk.session.unsentBytes < 65_536 + 100, `${talk.session.unsentBytes} bytes wait`);
    talk.hear();
    assert.ok(!talk.session.isFull);
  });
});

describe('the end', () => {
  test('a close is answered after the last message', () => {
    const talk = opened();
    assert.deepEqual(talk.say(frame(2, 'syslog', 'a') + frame(3, 'close') + frame(4, 'syslog', 'b')), [
      '2 a',
    ]);
    assert.equal(talk.hear(), '');
    assert.equal(talk.session.ending, undefined);
    talk.session.written(2);
    assert.equal(talk.hear(), '2 rsp 6 200 OK\n3 rsp 6 200 OK\n');
    assert.equal(talk.session.ending, 'closed');
    assert.deepEqual(talk.say(frame(5, 'syslog', 'b')), []);
    assert.equal(talk.session.kept, 0);
    assert.equal(talk.hear(), '');
  });

  test('a stop answers what is written and leaves the rest to the client', () => {
    const talk = opened();
    assert.deepEqual(talk.say(frame(2, 'syslog', 'a')), ['2 a']);
    talk.session.stop();
    assert.deepEqual(talk.say(frame(3, 'syslog', 'b')), []);
    assert.equal(talk.session.ending, undefined);
    talk.session.written(2);
    assert.equal(talk.hear(), '2 rsp 6 200 OK\n0 serverclose 0\n');
    assert.equal(talk.session.ending, 'stopped');
    talk.session.stop();
    assert.equal(talk.hear(), '');
  });

  test('after a stop nothing waits any more, whenever it came', () => {
    const many = Array.from({ length: 200 }, (_, i) => frame(i + 2, 'syslog', 'a')).join('');
    for (const when of ['after', 'between', 'refused'] as const) {
      const talk = opened({ windowMax: 2 });
      const { session, frame: message } = talk;
      const arena = Buffer.alloc(HEADROOM + 4000);
      session.feed(arena, HEADROOM, HEADROOM + arena.write(many, HEADROOM));
      assert.ok(session.next(message));
      if (when === 'after') assert.ok(session.keepRest() > HEADROOM);
      session.stop();
      if (when === 'refused') session.refuse(message);
      else session.written(2);
      assert.equal(session.ending, 'stopped', when);
      if (when !== 'after') session.keepRest();
      assert.equal(session.kept, 0, when);
      assert.deepEqual(talk.say(many), []);
      assert.equal(session.kept, 0, when);
    }
  });

  test('a stop while a message is looked at, which is then refused, ends at once', () => {
    const { session, frame: message } = opened();
    const arena = Buffer.alloc(HEADROOM + 100);
    session.feed(arena, HEADROOM, HEADROOM + arena.write(frame(2, 'syslog', 'a'), HEADROOM));
    assert.ok(session.next(message));
    session.stop();
    assert.equal(session.ending, undefined);
    session.refuse(message);
    assert.equal(session.ending, 'stopped');
    assert.ok(!session.next(message));
    assert.equal(session.takeOutput().toString(), '0 serverclose 0\n');
  });

  test('a stop with nothing on the way ends at once', () => {
    const talk = new Talk();
    talk.session.stop();
    assert.equal(talk.hear(), '0 serverclose 0\n');
    assert.equal(talk.session.ending, 'stopped');
  });

  test('a number out of turn ends the session, and is told', () => {
    for (const txnr of [2, 4, 99]) {
      const talk = opened();
      assert.deepEqual(talk.say(frame(2, 'syslog', 'a') + frame(txnr, 'syslog', 'b')), ['2 a']);
      assert.equal(talk.hear(), '');
      talk.session.written(2);
      assert.equal(
        talk.hear(),
        frame(2, 'rsp', '200 OK') + frame(0, 'serverclose', `transaction 3 is due, not ${txnr}`),
      );
      assert.equal(talk.session.ending, 'bad_txnr');
    }
  });

  test('a message that is announced as absurdly long is answered, and the session ends', () => {
    const talk = opened();
    talk.say('2 syslog 100000 abc');
    assert.match(talk.hear(), /^2 rsp \d+ 500 a frame of 100000 bytes is longer than 1000\n0 serverclose/);
    assert.equal(talk.session.ending, 'too_long');
  });

  test('what is no frame ends the session with a word', () => {
    for (const text of ['<34>Oct 11 22:14:15 h p: text\n', '\x16\x03\x01\x02', 'GET / HTTP/1.1\r\n']) {
      const talk = new Talk();
      talk.say(text);
      assert.equal(talk.hear(), frame(0, 'serverclose', 'this is no RELP frame'));
      assert.equal(talk.session.ending, 'bad_header');
    }
    const talk = opened();
    talk.say('2 syslog 3 abcd\n');
    assert.equal(talk.session.ending, 'bad_trailer');
    assert.match(talk.hear(), /^0 serverclose/);
  });

  test('an abort is an end without an answer', () => {
    for (const txnr of [0, 2]) {
      const talk = opened();
      talk.say(frame(txnr, 'abort', 'why'));
      assert.equal(talk.session.ending, 'aborted');
      assert.doesNotMatch(talk.hear(), /rsp/);
    }
  });
});

describe('what is not known', () => {
  test('a command is answered with an error, and the session goes on', () => {
    const talk = opened();
    assert.deepEqual(
      talk.say(frame(2, 'eventlog', 'a') + frame(3, 'rsp', '200 OK') + frame(4, 'syslog', 'b')),
      ['4 b'],
    );
    assert.equal(
      talk.hear(),
      frame(2, 'rsp', '500 unknown command') + frame(3, 'rsp', '500 unknown command'),
    );
    assert.equal(talk.session.unknownCommands, 2);
    talk.session.written(4);
    assert.equal(talk.hear(), '4 rsp 6 200 OK\n');
  });

  test('a hint is passed over', () => {
    const talk = opened();
    assert.deepEqual(talk.say(frame(0, 'mood', 'good') + frame(0, 'serverclose') + frame(2, 'syslog', 'b')), [
      '2 b',
    ]);
    assert.equal(talk.session.unknownCommands, 2);
  });

  test('a command without a number of its own cannot be answered', () => {
    for (const command of ['syslog', 'close', 'open']) {
      const talk = opened();
      assert.deepEqual(talk.say(frame(0, command, 'a')), []);
      assert.equal(talk.session.ending, 'bad_txnr');
      assert.match(talk.hear(), /^0 serverclose/);
    }
  });
});
