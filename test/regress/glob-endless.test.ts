// A pattern with several stars was a regular expression, which one long host name could keep busy for hours:
// a datagram of 60 KiB stopped the lane.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileMatch } from '../../daemon/route/matcher.ts';
import { parseAddress } from '../../base/ip.ts';

test('a long name against a pattern with many stars is answered at once', () => {
  const [asked] = compileMatch({ host: ['*-a*-a*-a*-a*-b'] });
  const peer = parseAddress('127.0.0.1');
  assert.ok(asked?.kind === 'header' && peer);
  const startedAt = performance.now();
  const holds = asked.holds({ peer, pri: 13, program: '', host: '-a'.repeat(30_000) });
  assert.equal(holds, false);
  assert.ok(performance.now() - startedAt < 5000, 'within seconds');
});
