// Who may connect: limits for all and for one source, which count what stands and forget what is closed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SyslogConfig } from '../../../config/server.ts';
import { Admission } from '../../../daemon/intake/admission.ts';
import type { Peer } from '../../../daemon/intake/peers.ts';

const LIMITS = { maxConnections: 3, maxConnectionsPerSource: 2, proxyProtocol: [] };

function admission(limits = LIMITS): Admission {
  return new Admission(limits as unknown as SyslogConfig);
}

function peer(name: string, allowed = true): Peer {
  return { name, allowed } as Peer;
}

test('each source has its own number of connections, and gets it back', () => {
  const admits = admission();
  const one = peer('10.0.0.1');
  // Were one of them not given back, the third round would find no place.
  for (let round = 0; round < 3; round += 1) {
    const names = [admits.enter(one), admits.enter(one)];
    assert.equal(admits.refusal(one), 'too_many_from_source');
    assert.equal(admits.refusal(peer('10.0.0.2')), undefined);
    for (const name of names) admits.closed(name);
    assert.equal(admits.refusal(one), undefined);
  }
});

test('all together have theirs, also those that were never judged', () => {
  const admits = admission();
  for (let i = 0; i < 3; i += 1) {
    assert.equal(admits.crowded, undefined);
    admits.opened();
  }
  assert.equal(admits.crowded, 'too_many_connections');
  admits.closed(undefined);
  assert.equal(admits.crowded, undefined);
});

test('0 is no limit for a source, and who is not allowed is not counted', () => {
  const admits = admission({ ...LIMITS, maxConnectionsPerSource: 0 });
  const one = peer('10.0.0.1');
  for (let i = 0; i < 100; i += 1) admits.enter(one);
  assert.equal(admits.refusal(one), undefined);
  assert.equal(admits.refusal(peer('10.9.9.9', false)), 'not_allowed');
});
