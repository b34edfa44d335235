// RFC 5424 and RFC 3164 as they are written down, and as devices that mean to follow them send them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseMessage } from '../../../syslog/parse.ts';
import { LogRecord } from '../../../syslog/record.ts';
import { pick, type Reading, read } from './reading.ts';

function expectEach(cases: Readonly<Record<string, Reading>>): void {
  for (const [message, expected] of Object.entries(cases)) {
    assert.deepEqual(pick(read(message), expected), expected, message);
  }
}

describe('RFC 5424', () => {
  test('every field', () => {
    const message = `<165>1 2026-03-15T11:22:33.123456+01:00 web1 shop 4711 ID47 [a@1 x="1"][b@1] \u00fcber all`;
    assert.deepEqual(read(message), {
      pri: 165,
      format: 'rfc5424',
      time: '2026-03-15T10:22:33.123Z',
      host: 'web1',
      program: 'shop',
      procid: '4711',
      msgid: 'ID47',
      data: '[a@1 x="1"][b@1]',
      message: '\u00fcber all',
    });
  });

  test('nil values are absent, the message may be missing', () => {
    assert.deepEqual(read('<0>1 - - - - - -'), { pri: 0, format: 'rfc5424', message: '' });
    assert.deepEqual(read('<0>1 - - - - - - '), { pri: 0, format: 'rfc5424', message: '' });
    expectEach({
      '<14>1 2026-03-15T10:20:30Z - app - - -': { program: 'app', message: '' },
      '<14>1 - web1 - - - [a b="c"]': { host: 'web1', data: '[a b="c"]', message: '' },
    });
  });

  test('escapes, brackets and quotes in structured data', () => {
    expectEach({
      '<14>1 - h a - - [x k="a\\]b\\"c\\\\"] text': { data: '[x k="a\\]b\\"c\\\\"]', message: 'text' },
      '<14>1 - h a - - [x k="[not]"] text': { trouble: 'bad_structured_data', data: '[x k="[not]"]' },
      '<14>1 - h a - - [x] [not data] text': { data: '[x]', message: '[not data] text' },
    });
  });

  test('a second space and a byte order mark belong to the text', () => {
    expectEach({
      '<14>1 - h a - -  text': { message: ' text' },
      '<14>1 - h a - - \ufefftext': { message: '\ufefftext' },
    });
  });

  test('what breaks the letter and has one meaning is read and counted', () => {
    expectEach({
      '<14>1 2026-03-15t10:20:30z h a - - - m': {
        trouble: 'bad_time',
        time: '2026-03-15T10:20:30.000Z',
        host: 'h',
      },
      '<14>1 2026-03-15T10:20:30.123456789Z h a - - - m': {
        trouble: 'bad_time',
        time: '2026-03-15T10:20:30.123Z',
      },
      [`<14>1 - h ${'a'.repeat(49)} - - - m`]: {
        trouble: 'bad_header',
        program: 'a'.repeat(49),
        message: 'm',
      },
      '<14>1 - h \u00dcberwachung - - - m': {
        trouble: 'bad_header',
        program: '\u00dcberwachung',
        message: 'm',
      },
      '<14>1 - h a - - [x][x] m': { trouble: 'bad_structured_data', data: '[x][x]', message: 'm' },
      '<14>1 - h a - - [x y] m': { trouble: 'bad_structured_data', data: '[x y]', message: 'm' },
      '<14>0 - h a - - - m': { trouble: 'bad_header', host: 'h', message: 'm' },
    });
  });

  test('forms of whole families of devices are no trouble', () => {
    expectEach({
      '<14>1 - gw CheckPoint 1 - [action:"Accept"; flags:"1"]': {
        format: 'vendor',
        data: '[action:"Accept"; flags:"1"]',
      },
      '<14>1 - esx vmkernel 1 - [Originator@6876 sub=Default opID=a-1] m': { format: 'vendor', message: 'm' },
      '<14>1 2026-03-15 10:20:30 sw1 bgp 1 - - m': {
        format: 'vendor',
        time: '2026-03-15T10:20:30.000Z',
        host: 'sw1',
      },
    });
    for (const message of ['<14>1 - gw CheckPoint 1 - [action:"Accept"]', '<14>1 - h a - - [x k= "v"] m']) {
      assert.equal(read(message).trouble, undefined, message);
    }
  });

  test('structured data that never ends is text, the header stands', () => {
    const reading = { trouble: 'bad_structured_data', host: 'h', program: 'a', message: '[x k="open' };
    expectEach({ '<14>1 - h a - - [x k="open': reading });
  });

  test('without a PRI it is counted, and read', () => {
    const expected = {
      pri: 13,
      trouble: 'bad_pri',
      host: 'h',
      program: 'a',
      data: '[x y="1"]',
      message: 'm',
    };
    expectEach({ '1 2026-03-15T10:20:30Z h a - - [x y="1"] m': expected });
    expectEach({ '1 2026 apples - are too many for anybody': { trouble: 'no_header' } });
  });

  test('a header that is not understood becomes the text', () => {
    for (const rest of [
      '1 2026-13-01T00:00:00Z h a - - - m',
      '1 - h a',
      '1 -  h a - - - m',
      '1 - h\na - - - m',
      '1 -- h a - - - m',
    ]) {
      const { trouble, message, host, pri } = read(`<14>${rest}`);
      assert.ok(trouble === 'bad_time' || trouble === 'bad_header', rest);
      assert.deepEqual({ message, host, pri }, { message: rest, host: undefined, pri: 14 });
    }
  });

  test('the edges of the calendar, the clock and the zones', () => {
    const good = [
      '1970-01-01T00:00:00Z',
      '2026-12-31T23:59:59.999999+23:59',
      '2024-02-29T23:00:59-23:59',
      '0001-10-30T10:10:10-00:00',
    ];
    for (const time of good) assert.equal(read(`<14>1 ${time} h a - - - m`).trouble, undefined, time);
    const bad = [
      '2026-00-01T00:00:00Z',
      '2026-13-01T00:00:00Z',
      '2026-01-00T00:00:00Z',
      '2026-01-32T00:00:00Z',
      '2026-02-29T00:00:00Z',
      '2026-01-01T24:00:00Z',
      '2026-01-01T00:60:00Z',
      '2026-01-01T00:00:61Z',
      '2026-01-01T00:00:00+24:00',
      '2026-01-01T00:00:00+01:60',
      '2026-01-01T00:00:00.Z',
      '2026-01-01T00:00Q',
    ];
    for (const time of bad) assert.equal(read(`<14>1 ${time} h a - - - m`).trouble, 'bad_time', time);
  });

  test('a tag, a mnemonic or a CEF event behind the host', () => {
    expectEach({
      '<14>1 2026-03-15T10:20:30Z h prog[12]: hello there my friends': {
        host: 'h',
        program: 'prog',
        procid: '12',
        message: 'hello there my friends',
      },
      '<14>1 2026-03-15T10:20:30Z fw : %ASA-3-003164: TCP access denied': {
        host: 'fw',
        program: '%ASA-3-003164',
        message: 'TCP access denied',
      },
      '<14>1 2026-03-15T10:20:30Z v CEF:0|CyberArk|Vault|9|22|Verify|5|act=x': {
        host: 'v',
        program: 'CEF',
        isInText: true,
      },
    });
  });
});

describe('RFC 3164', () => {
  test('the canonical form can be copied as it is', () => {
    assert.deepEqual(read('<34>Mar  5 22:14:15 web1 su[12]: failed for lonvick'), {
      pri: 34,
      format: 'rfc3164',
      traditional: true,
      time: '2026-03-05T22:14:15.000Z',
      host: 'web1',
      program: 'su',
      procid: '12',
      message: 'failed for lonvick',
    });
  });

  test('every date and time of day of the canonical form', () => {
    const two = (value: number, fill: string): string => String(value).padStart(2, fill);
    for (let day = 1; day <= 31; day++) {
      const [hour, minute, second] = [(day * 7) % 24, (day * 13) % 60, (day * 29) % 60];
      const clock = [hour, minute, second].map((value) => two(value, '0')).join(':');
      const reading = read(`<34>Jan ${two(day, ' ')} ${clock} web1 su: x`);
      assert.deepEqual([reading.traditional, reading.time], [true, `2026-01-${two(day, '0')}T${clock}.000Z`]);
    }
    for (const edge of ['Dec 31 23:59:59', 'Apr 30 00:00:00', 'Feb 29 19:09:59']) {
      assert.equal(read(`<34>${edge} web1 su: x`).traditional, true, edge);
    }
    for (const wrong of [
      'Jan 32 00:00:00',
      'Apr 31 00:00:00',
      'Jan 10 24:00:00',
      'Jan 10 00:60:00',
      'Jan 10 00:00:61',
      'Jan  0 00:00:00',
    ]) {
      assert.equal(read(`<34>${wrong} web1 su: x`).trouble, 'bad_time', wrong);
    }
  });

  test('a word that is only close to a zone or a year is the host', () => {
    for (const host of ['Cet', 'cet', 'UTC2', '2026a', '1969', '2200', 'CETX', 'am-1', 'pm']) {
      expectEach({
        [`<34>Mar  5 22:14:15 ${host} su: x`]: { host, program: 'su', time: '2026-03-05T22:14:15.000Z' },
      });
    }
  });

  test('what is only close to it is read alike, and not copied', () => {
    const expected = { host: 'web1', program: 'su', message: 'x', time: '2026-03-05T22:14:15.000Z' };
    for (const message of [
      '<34>Mar 5 22:14:15 web1 su: x',
      '<34>Mar 05 22:14:15 web1 su: x',
      '<34>mar  5 22:14:15 web1 su: x',
      '<34> Mar  5 22:14:15 web1 su: x',
      '<34>Mar  5 22:14:15  web1 su: x',
      '<34>Mar  5 22:14:15 web1  su: x',
      '<34>Mar  5 22:14:15: web1 su: x',
      '<34>Mar  5 22:14:15 2026 web1 su: x',
      '<34>Mar  5 2026 22:14:15 web1 su: x',
      '<34>Mar  5 22:14:15 UTC web1 su: x',
      '<34>Mar  5 23:14:15 CET web1 su: x',
      '<34>Mar  5 22:14:15Z web1 su: x',
      '<34>Mar  5 22:14:15 CST 2026 web1 su: x',
      '<34>Thu Mar  5 22:14:15 2026 web1 su: x',
      '<34>Thu, 5 Mar 2026 22:14:15 +0000 web1 su: x',
      '<34>5 Mar 2026 22:14:15 web1 su: x',
      '<34>05-Mar-2026 22:14:15 web1 su: x',
      '<34>2026 Mar  5 22:14:15 web1 su: x',
      '<34>March 5 22:14:15 web1 su: x',
      '<34>Thursday, March 5, 2026 22:14:15 web1 su: x',
      '<34>5 March 2026 22:14:15 web1 su: x',
      '<34>2026-03-05T22:14:15Z web1 su: x',
      '<34>2026-03-05T23:14:15+0100 web1 su: x',
      '<34>2026-03-05 22:14:15 web1 su: x',
      '<34>2026/03/05 22:14:15 web1 su: x',
      '<34>2026:03:05-22:14:15 web1 su: x',
      '<34>03/05/2026:22:14:15 GMT web1 su: x',
      '<34>3/5/2026 10:14:15 PM web1 su: x',
      '<34>05-03-2026 22:14:15 web1 su: x',
    ]) {
      const reading = read(message);
      assert.deepEqual(pick(reading, expected), expected, message);
      assert.equal(reading.traditional, undefined, message);
      assert.equal(reading.trouble, undefined, message);
    }
  });

  test('every month, short and in full', () => {
    const names =
      'January February March April May June July August September October November December'.split(' ');
    for (const [index, name] of names.entries()) {
      for (const spelled of [name, name.slice(0, 3), name.toLowerCase(), name.slice(0, 3).toUpperCase()]) {
        const { time, host } = read(`<34>${spelled} 5 22:14:15 web1 su: x`);
        assert.equal(Number(time?.slice(5, 7)), index + 1, spelled);
        assert.equal(host, 'web1', spelled);
      }
    }
    assert.equal(read('<34>Sept 5 22:14:15 web1 su: x').host, 'web1');
    for (const wrong of ['Marching', 'Sepx', 'Mart']) {
      assert.equal(read(`<34>${wrong} 5 22:14:15 web1 su: x`).time, undefined, wrong);
    }
  });

  test('fractions of a second', () => {
    for (const fraction of ['.120', ',12', '.12', '.120000', '.120000000']) {
      assert.equal(
        read(`<34>Mar  5 22:14:15${fraction} web1 su: x`).time,
        '2026-03-05T22:14:15.120Z',
        fraction,
      );
      assert.equal(
        read(`<34>2026-03-05T22:14:15${fraction}Z web1 su: x`).time,
        '2026-03-05T22:14:15.120Z',
        fraction,
      );
    }
  });

  test('no PRI: user.notice', () => {
    expectEach({
      'Mar  5 22:14:15 web1 su: x': { pri: 13, traditional: true, host: 'web1' },
      '2026-03-05T22:14:15Z web1 su: x': { pri: 13, host: 'web1', program: 'su' },
    });
  });

  test('no host: the program stands in its place', () => {
    expectEach({
      '<13>Mar  5 22:14:15 haproxy[73]: x': { program: 'haproxy', procid: '73', message: 'x' },
      '<13>Mar  5 22:14:15 myprogram: ciao': { program: 'myprogram', message: 'ciao' },
      '<13>Mar  5 22:14:15 kernel: eth0: link up': { program: 'kernel', message: 'eth0: link up' },
      '<13>Mar  5 22:14:15 mail_logs: Info: MID 1': { program: 'mail_logs', message: 'Info: MID 1' },
      '<13>Mar  5 22:14:15 last message repeated 3 times': { message: 'last message repeated 3 times' },
      '<15> openvpn[2499]: ready': { program: 'openvpn', procid: '2499', message: 'ready' },
    });
    for (const message of ['<13>Mar  5 22:14:15 haproxy[73]: x', '<13>Mar  5 22:14:15 ciao: x']) {
      assert.equal(read(message).host, undefined, message);
    }
  });

  test('hosts: addresses, names, chains', () => {
    for (const host of [
      '10.1.2.3',
      'fe80::1',
      '2001:db8::1',
      '::1',
      '[2001:db8::1]',
      'a_b',
      'web1.example.org',
      'a/b',
      'w\u00e9b',
    ]) {
      expectEach({ [`<13>Mar  5 22:14:15 ${host} prog[1]: x`]: { host, program: 'prog', message: 'x' } });
    }
    expectEach({ '<13>Mar  5 22:14:15 - prog[1]: x': { program: 'prog', procid: '1', message: 'x' } });
    assert.equal(read('<13>Mar  5 22:14:15 - prog[1]: x').host, undefined);
  });

  test('tags: with slashes, dots, dashes, a process id, a colon alone', () => {
    expectEach({
      '<13>Mar  5 22:14:15 h postfix/smtpd[1]: x': { program: 'postfix/smtpd', procid: '1' },
      '<13>Mar  5 22:14:15 h org.gnome.Shell.desktop[1]: x': { program: 'org.gnome.Shell.desktop' },
      '<13>Mar  5 22:14:15 h run-parts(/etc/cron.daily)[1]: x': { program: 'run-parts(/etc/cron.daily)' },
      '<13>Mar  5 22:14:15 h ~!@#$%^&*()_+[11]: x': { program: '~!@#$%^&*()_+', procid: '11' },
      '<13>Mar  5 22:14:15 h prog[1] x': { program: 'prog', procid: '1', message: 'x' },
      '<13>Mar  5 22:14:15 h prog[1]:x': { program: 'prog', procid: '1', message: 'x' },
      '<13>Mar  5 22:14:15 h prog:x': { program: 'prog', message: 'x' },
      '<13>Mar  5 22:14:15 h prog:': { program: 'prog', message: '' },
      '<13>Mar  5 22:14:15 h sudo:    root : TTY=pts/0': { program: 'sudo', message: '   root : TTY=pts/0' },
      '<13>Mar  5 22:14:15 h 0123: x': { program: '0123', message: 'x' },
    });
  });

  test('no tag: all of it is text', () => {
    for (const text of [
      'Use the BFG!',
      '-- MARK --',
      'last message repeated 3 times',
      'singleword',
      'http://example.org/ is down',
      'C:\\Windows is full',
      '12:30:45 is late',
      'fe80::1 joined',
      '{"a": 1}',
      '[error] it broke',
      '   0    11,03/15/12',
      'key=value other=1',
    ]) {
      const { host, program, message } = read(`<13>Mar  5 22:14:15 h ${text}`);
      assert.deepEqual({ host, program, message }, { host: 'h', program: undefined, message: text });
    }
  });

  test('a severity behind the time is no host', () => {
    expectEach({
      '2026-03-15 10:20:30 ERROR it broke': { time: '2026-03-15T10:20:30.000Z', message: 'ERROR it broke' },
      '<13>2026-03-15 10:20:30,123 [main] INFO c.Foo - it works': { message: '[main] INFO c.Foo - it works' },
    });
    assert.equal(read('2026-03-15 10:20:30 ERROR it broke').host, undefined);
    assert.equal(read('<13>1773570030.123 382 10.0.0.13 TCP_MISS/200').host, undefined);
  });

  test('a header that ends early', () => {
    expectEach({
      '<14>Mar  5 22:14:15': { time: '2026-03-05T22:14:15.000Z', message: '' },
      '<14>Mar  5 22:14:15 ': { message: '' },
      '<14>Mar  5 22:14:15 X4711': { host: 'X4711', message: '' },
      '<14>Mar  5 22:14:15 X4711 ': { host: 'X4711', message: '' },
    });
  });

  test('structured data at the head of the text is known and stays', () => {
    expectEach({
      '<14>Mar  5 22:14:15 h rsyslogd: [origin software="rsyslogd"] start': {
        data: '[origin software="rsyslogd"]',
        message: '[origin software="rsyslogd"] start',
      },
    });
    assert.equal(read('<14>Mar  5 22:14:15 h a: [error] x').data, undefined);
    assert.equal(read('<14>Mar  5 22:14:15 h a: [ID 702911 auth.notice] x').data, undefined);
  });

  test('a date that does not exist: the text is kept and counted', () => {
    for (const text of [
      'Oct 34 32:72:82 h x: y',
      'Feb 30 10:00:00 h x: y',
      '0000-00-00 00:00:00 h x: y',
      '2025-02-29T10:00:00Z h x: y',
    ]) {
      const expected = { trouble: 'bad_time', format: 'text', message: text };
      assert.deepEqual(pick(read(`<13>${text}`), expected), expected);
    }
    assert.equal(read('<13>Feb 29 10:00:00 h x: y').time, '2028-02-29T10:00:00.000Z');
    assert.equal(read('<13>Mar  5 23:59:60 h x: y').time, '2026-03-06T00:00:00.000Z');
  });
});

describe('anything', () => {
  test('a PRI that is none: the whole of it is text', () => {
    for (const text of [
      '<192>1 - - - - - -',
      '<>x',
      '<',
      '<13',
      '<1234>x',
      '<007>x',
      '<00>x',
      '<a>x',
      '< 1>x',
      '<13 >x',
    ]) {
      assert.deepEqual(read(text), { pri: 13, format: 'text', trouble: 'bad_pri', message: text }, text);
    }
  });

  test('no header: the text is kept and counted', () => {
    for (const text of ['nomnom', '{ "c1":1 }', '   { "c2":2 }', 'This is a message!']) {
      assert.deepEqual(read(text), { pri: 13, format: 'text', trouble: 'no_header', message: text }, text);
      assert.deepEqual(
        read(`<30>${text}`),
        { pri: 30, format: 'text', trouble: 'no_header', message: text },
        text,
      );
    }
    assert.equal(read('').trouble, 'empty');
    assert.equal(read('\r\n\0').trouble, 'empty');
  });

  test('line ends and NULs at the end are no text, inside they are', () => {
    for (const end of ['\n', '\r\n', '\0', '\n\0', '\r']) {
      assert.equal(read(`<13>Mar  5 22:14:15 h a: x\ny\0z${end}`).message, 'x\ny\0z');
    }
  });

  test('bytes that are not UTF-8 stay as they are', () => {
    const message = Buffer.concat([
      Buffer.from('<13>Mar  5 22:14:15 h a: '),
      Buffer.from([0xff, 0xc3, 0x28]),
    ]);
    const record = new LogRecord();
    parseMessage(record, message, 0, message.length);
    assert.deepEqual([...message.subarray(record.msgStart, record.msgEnd)], [0xff, 0xc3, 0x28]);
  });

  test('a message may lie anywhere in a larger buffer', () => {
    const record = new LogRecord();
    const bytes = Buffer.from('9999<13>Mar  5 22:14:15 h a: x: y]"9999');
    parseMessage(record, bytes, 4, bytes.length - 6);
    assert.equal(bytes.toString('utf8', record.msgStart, record.msgEnd), 'x: y');
    parseMessage(record, bytes, 8, 8);
    assert.equal(record.end, 8);
  });

  test('a record is filled anew for every message', () => {
    const record = new LogRecord();
    const long = Buffer.from('<165>1 2026-03-15T11:22:33.5+01:00 web1 shop 4711 ID47 [a@1 x="1"] m');
    const short = Buffer.from('<13>x');
    const fresh = new LogRecord();
    parseMessage(fresh, short, 0, short.length);
    parseMessage(record, long, 0, long.length);
    parseMessage(record, short, 0, short.length);
    assert.deepEqual(Object.entries(record), Object.entries(fresh));
  });

  test('tens of thousands of brackets, quotes and pairs do not hold anybody up', () => {
    for (const piece of [
      '[a]',
      '[a b="',
      '[',
      '"',
      'a=b ',
      'Message forwarded from a: ',
      'Mar  5 22:14:15 h ',
      'a:',
      '12: ',
    ]) {
      const text = piece.repeat(65_536 / piece.length);
      assert.equal(typeof read(`<13>1 - h a - - ${text}`).message, 'string');
      assert.equal(typeof read(`<13>${text}`).message, 'string');
      assert.equal(typeof read(`<13>Mar  5 22:14:15 ${text}`).message, 'string');
    }
  });
});
