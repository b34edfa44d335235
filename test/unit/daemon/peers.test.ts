// Who is at the other end, by address alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress, type Range } from '../../../base/ip.ts';
import type { SyslogConfig } from '../../../config/server.ts';
import { Peers } from '../../../daemon/intake/peers.ts';
import { config, range } from './samples.ts';

function syslog(allow: readonly Range[], changes: Partial<SyslogConfig> = {}): SyslogConfig {
  return { ...config('/', []).syslog, allow, ...changes };
}

function find(peers: Peers, text: string) {
  const address = parseAddress(text);
  assert.ok(address);
  return peers.find(address.w0, address.w1, address.w2, address.w3);
}

test('allowed is who the list holds, in both families', () => {
  const peers = new Peers(syslog([range('172.31.96.0/20'), range('fd00::/8')]));
  const allowed = (text: string) => find(peers, text).allowed;
  assert.deepEqual(
    ['172.31.101.79', '172.31.112.1', '::ffff:172.31.100.1', 'fd12::1', 'fe80::1', '127.0.0.1'].map(allowed),
    [true, false, true, true, false, false],
  );
});

test('one address is one peer, whichever came in between', () => {
  const peers = new Peers(syslog([range('::/0')]));
  const first = find(peers, '10.0.0.1');
  assert.notEqual(find(peers, '10.0.0.2').id, first.id);
  assert.equal(find(peers, '::ffff:10.0.0.1'), first);
  // The same last words as an IPv4 address, and still somebody else.
  assert.notEqual(find(peers, '1::ffff:a00:1'), first);
  assert.equal(first.name, '10.0.0.1');
  assert.equal(Buffer.from(first.text).toString(), '10.0.0.1');
});

test('one address is as many peers as it shows certificates', () => {
  const peers = new Peers(syslog([range('10.0.0.0/8')]));
  const { w0, w1, w2, w3 } = find(peers, '10.0.0.1').address;
  const bare = peers.find(w0, w1, w2, w3);
  const web = peers.find(w0, w1, w2, w3, 'web1.example.org');
  const db = peers.find(w0, w1, w2, w3, 'db1.example.org');
  assert.equal(new Set([bare.id, web.id, db.id]).size, 3);
  assert.equal(peers.find(w0, w1, w2, w3, 'web1.example.org'), web);
  assert.equal(peers.find(w0, w1, w2, w3), bare);
  assert.deepEqual([bare.certName, web.certName, web.name], [undefined, 'web1.example.org', '10.0.0.1']);
  assert.equal(peers.find(w0, w1, w2, w3 + 1, 'web1.example.org').name, '10.0.0.2');
  for (let at = 1; at <= 70_000; at += 1) peers.find(w0, w1, w2, w3, `host${at}`);
  assert.equal(peers.forgotten, 1);
});

test('a new configuration looks at everyone again', () => {
  const peers = new Peers(syslog([range('10.0.0.0/8')]));
  const before = find(peers, '10.0.0.1');
  assert.ok(before.allowed);
  peers.configure(syslog([range('192.168.0.0/16')]));
  const after = find(peers, '10.0.0.1');
  assert.ok(!after.allowed);
  assert.notEqual(after.id, before.id);
});

test('a flood of invented addresses is forgotten, and no number is given twice', () => {
  const peers = new Peers(syslog([range('::/0')]));
  const first = find(peers, '10.0.0.1');
  for (let w3 = 1; w3 <= 70_000; w3 += 1) peers.find(0x20010db8, 0, 0, w3);
  assert.equal(peers.forgotten, 1);
  assert.ok(find(peers, '10.0.0.1').id > first.id);
});

test('the zone is that of the narrowest range; only the server’s own is printed as it was sent', () => {
  const ranges = [
    { range: range('10.1.0.0/16'), zone: '+02:00' },
    { range: range('10.0.0.0/8'), zone: '-05:00' },
  ];
  const peers = new Peers(syslog([range('::/0')], { timeZone: { default: 'local', ranges } }));
  const of = (text: string) => find(peers, text);
  assert.deepEqual([of('10.1.2.3').zone.offsetMin(0), of('10.1.2.3').printsAsSent], [120, false]);
  assert.deepEqual([of('10.2.2.3').zone.offsetMin(0), of('10.2.2.3').printsAsSent], [-300, false]);
  assert.equal(of('192.0.2.1').printsAsSent, true);
});
