// From the time in a message to an instant: years and zones that are not said, clock changes, leap days.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LogRecord, NO_ZONE, TIME } from '../../../syslog/record.ts';
import {
  type CivilTime,
  civilFromEpoch,
  daysFromCivil,
  daysInMonth,
  findZone,
  type Instant,
  resolveTime,
  UTC,
  zoneFor,
} from '../../../syslog/time.ts';

const civil: CivilTime = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };

function recordOf(text: string, zoneMin = NO_ZONE): LogRecord {
  const [year, month, day, hour, minute, second] = text.split(/[-T:]/).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Object.assign(new LogRecord(), {
    timeKind: TIME.calendar,
    year,
    month,
    day,
    hour,
    minute,
    second,
    zoneMin,
  });
}

function resolve(text: string, received: string, zone = UTC, zoneMin = NO_ZONE): string {
  const out: Instant = { sec: 0, nanos: 0 };
  assert.ok(resolveTime(recordOf(text, zoneMin), Date.parse(received), zone, out));
  return new Date(out.sec * 1000).toISOString().slice(0, 19);
}

test('dates to days and back, over every day from 1600 to 2400', () => {
  let days = daysFromCivil(1600, 1, 1);
  for (let year = 1600; year <= 2400; year++) {
    for (let month = 1; month <= 12; month++) {
      for (let day = 1; day <= daysInMonth(year, month); day++) {
        assert.equal(daysFromCivil(year, month, day), days);
        civilFromEpoch(days * 86_400 + 3661, 0, civil);
        assert.deepEqual(civil, { year, month, day, hour: 1, minute: 1, second: 1 });
        days++;
      }
    }
  }
});

test('civil times agree with the platform, in any zone', () => {
  for (let i = 0; i < 5000; i++) {
    const sec = Math.floor((i - 1000) * 1_234_567.8);
    const offset = ((i * 37) % 1680) - 840;
    civilFromEpoch(sec, offset, civil);
    const date = new Date((sec + offset * 60) * 1000);
    assert.equal(
      Date.UTC(civil.year, civil.month - 1, civil.day, civil.hour, civil.minute, civil.second),
      date.getTime(),
    );
  }
});

describe('years that are not said', () => {
  test('the nearest one', () => {
    assert.equal(resolve('0-11-20T12:00:00', '2026-11-20T12:00:05Z'), '2026-11-20T12:00:00');
    assert.equal(resolve('0-12-31T23:59:59', '2027-01-01T00:00:03Z'), '2026-12-31T23:59:59');
    assert.equal(resolve('0-01-01T00:00:00', '2026-12-31T23:59:58Z'), '2027-01-01T00:00:00');
    assert.equal(resolve('0-06-01T00:00:00', '2026-12-31T00:00:00Z'), '2027-06-01T00:00:00');
    assert.equal(resolve('0-07-15T00:00:00', '2026-12-31T00:00:00Z'), '2026-07-15T00:00:00');
  });

  test('29 February belongs to the nearest leap year', () => {
    assert.equal(resolve('0-02-29T12:00:00', '2028-03-01T00:00:00Z'), '2028-02-29T12:00:00');
    assert.equal(resolve('0-02-29T12:00:00', '2026-02-28T00:00:00Z').slice(5), '02-29T12:00:00');
    assert.equal(resolve('0-02-29T12:00:00', '2101-03-01T00:00:00Z'), '2104-02-29T12:00:00');
    assert.equal(resolve('0-02-29T12:00:00', '2025-01-01T00:00:00Z'), '2024-02-29T12:00:00');
  });
});

describe('zones', () => {
  test('the message, else the sender', () => {
    assert.equal(resolve('2026-11-20T12:00:00', '2026-11-20T12:00:00Z', UTC, 120), '2026-11-20T10:00:00');
    assert.equal(
      resolve('2026-11-20T12:00:00', '2026-11-20T12:00:00Z', zoneFor('+02:00')),
      '2026-11-20T10:00:00',
    );
    assert.equal(
      resolve('2026-07-20T12:00:00', '2026-07-20T12:00:00Z', zoneFor('Europe/Berlin')),
      '2026-07-20T10:00:00',
    );
    assert.equal(
      resolve('2026-11-20T12:00:00', '2026-11-20T12:00:00Z', zoneFor('Europe/Berlin')),
      '2026-11-20T11:00:00',
    );
    assert.equal(
      resolve('2026-11-20T12:00:00', '2026-11-20T12:00:00Z', zoneFor('Asia/Kolkata')),
      '2026-11-20T06:30:00',
    );
  });

  test('New Year in a zone far from Greenwich', () => {
    const auckland = zoneFor('Pacific/Auckland');
    assert.equal(resolve('0-01-01T00:30:00', '2026-12-31T11:30:05Z', auckland), '2026-12-31T11:30:00');
    assert.equal(
      resolve('0-12-31T23:30:00', '2027-01-01T09:30:05Z', zoneFor('Pacific/Honolulu')),
      '2027-01-01T09:30:00',
    );
  });

  test('clock changes: the hour that is skipped and the one that comes twice', () => {
    const berlin = zoneFor('Europe/Berlin');
    // 29 March 2026, 02:00 to 03:00 does not exist; 25 October, 02:00 to 03:00 exists twice.
    assert.equal(resolve('2026-03-29T01:59:59', '2026-03-29T01:00:00Z', berlin), '2026-03-29T00:59:59');
    assert.equal(resolve('2026-03-29T02:30:00', '2026-03-29T01:00:00Z', berlin), '2026-03-29T01:30:00');
    assert.equal(resolve('2026-03-29T03:00:00', '2026-03-29T01:00:00Z', berlin), '2026-03-29T01:00:00');
    assert.equal(resolve('2026-10-25T02:30:00', '2026-10-25T01:00:00Z', berlin), '2026-10-25T00:30:00');
    assert.equal(resolve('2026-10-25T03:00:00', '2026-10-25T02:00:00Z', berlin), '2026-10-25T02:00:00');
    assert.equal(
      resolve('2026-04-05T02:15:00', '2026-04-05T00:00:00Z', zoneFor('Australia/Lord_Howe')),
      '2026-04-04T15:45:00',
    );
  });

  test('offsets agree with the platform for a year of hours', () => {
    for (const name of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu']) {
      const zone = zoneFor(name);
      const format = new Intl.DateTimeFormat('sv-SE', {
        timeZone: name,
        dateStyle: 'short',
        timeStyle: 'medium',
      });
      for (let sec = Date.UTC(2026, 0, 1) / 1000; sec < Date.UTC(2027, 0, 1) / 1000; sec += 3600 * 7) {
        civilFromEpoch(sec, zone.offsetMin(sec), civil);
        const two = (value: number): string => String(value).padStart(2, '0');
        const found = `${civil.year}-${two(civil.month)}-${two(civil.day)} ${two(civil.hour)}:${two(civil.minute)}:${two(civil.second)}`;
        assert.equal(found, format.format(sec * 1000), name);
      }
    }
  });

  test('names', () => {
    for (const name of ['local', 'UTC', 'Z', '+02:00', '-0530', '+9', 'Europe/Berlin'])
      assert.ok(findZone(name), name);
    for (const name of ['', 'Mars/Olympus', '+25:00', '+01:75', 'CEST?'])
      assert.equal(findZone(name), undefined, name);
    assert.equal(findZone('-0530')?.offsetMin(0), -330);
    assert.throws(() => zoneFor('Mars/Olympus'));
  });
});

test('epochs and messages without a time', () => {
  const out: Instant = { sec: 0, nanos: 0 };
  const epoch = Object.assign(new LogRecord(), { timeKind: TIME.epoch, epochSec: 1_773_570_030, nanos: 5 });
  assert.ok(resolveTime(epoch, 0, UTC, out));
  assert.deepEqual(out, { sec: 1_773_570_030, nanos: 5 });
  assert.equal(resolveTime(new LogRecord(), 0, UTC, out), false);
});
