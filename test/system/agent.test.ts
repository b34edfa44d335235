// `belfry agent` as an operator runs it: a file, a socket or a pipe on one side, a real server on the other, and
// what happens to messages when one of the two is stopped, killed, reloaded or wrongly configured.

import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Hosts, numbersIn } from './agent.ts';
import { BELFRY } from './belfry.ts';
import { freePort, startProgram, waitUntil } from './programs.ts';
import { eventually, hangUp, logLines, sendTcp, sendUdp } from './world.ts';

test('lines of a file arrive, in order and once, and a clean restart sends nothing twice', async (t) => {
  const hosts = await Hosts.open(t);
  hosts.writeAgent();
  hosts.writeLines(0, 3000);
  await hosts.startServer();
  const agent = await hosts.startAgent();
  await hosts.arrived(3000);
  hosts.writeLines(3000, 2000);
  await hosts.arrived(5000);
  assert.deepEqual(await agent.stop(), { code: 0, signal: null });
  hosts.writeLines(5000, 1000);
  const again = await hosts.startAgent();
  await hosts.arrived(6000);
  assert.equal((await again.stop()).code, 0);
  assert.deepEqual(
    numbersIn(hosts.received),
    Array.from({ length: 6000 }, (_, i) => i),
  );
});

test('a server that is away holds nothing up, and status tells about it in a sentence', async (t) => {
  const hosts = await Hosts.open(t);
  hosts.writeAgent();
  const agent = await hosts.startAgent();
  hosts.writeLines(0, 20_000);
  await eventually('all lines have been in the queue for a while', async () => {
    const { waiting, oldestS } = (await hosts.destinationStatus()).queue;
    return waiting === 20_000 && (oldestS ?? 0) >= 3;
  });
  let text = '';
  // Between two tries it is connecting for a moment.
  await eventually('it says why it does not deliver', async () => {
    text = await hosts.statusText();
    return text.includes('not delivering');
  });
  assert.match(
    text,
    /\none: not delivering: connection refused by 127\.0\.0\.1:\d+, (next try in|trying again now).*, 20,000 messages \([\d.]+ MiB\) waiting, oldest .*\n/,
  );
  assert.match(text, /\nin +file +20,000 .*a\.log at ([\d,]+) of \1 bytes/);
  await hosts.startServer();
  await hosts.arrived(20_000);
  await eventually('nothing waits', async () => (await hosts.destinationStatus()).queue.waiting === 0);
  assert.match(
    await hosts.statusText(),
    /\none: delivering to relp:\/\/127\.0\.0\.1:\d+, .*nothing waiting\n/,
  );
  assert.equal(logLines(agent, 'Not delivering').length, 1, agent.stderr);
  await eventually('the end of the backlog is said', () => {
    return logLines(agent, /the backlog is delivered: [\d,]+ messages/).length === 1;
  });
  assert.equal((await agent.stop()).code, 0);
});

test('kill -9 of the agent and of the server loses nothing', async (t) => {
  const hosts = await Hosts.open(t);
  hosts.writeAgent();
  let server = await hosts.startServer();
  let agent = await hosts.startAgent();
  let count = 0;
  for (let round = 0; round < 6; round += 1) {
    hosts.writeLines(count, 2000, `${round % 2}.log`);
    count += 2000;
    await eventually('some of it has arrived', () => numbersIn(hosts.received).length > count - 1900);
    if (round % 2 === 0) {
      await agent.stop('SIGKILL');
      agent = await hosts.startAgent();
    } else {
      await server.stop('SIGKILL');
      server = await hosts.startServer();
    }
  }
  await hosts.arrived(count);
  assert.equal((await agent.stop()).code, 0);
});

test('SIGHUP: a good configuration takes effect, a bad one changes nothing and says why', async (t) => {
  const hosts = await Hosts.open(t);
  hosts.writeAgent();
  await hosts.startServer();
  const agent = await hosts.startAgent();
  hosts.writeLines(0, 100);
  await hosts.arrived(100);
  writeFileSync(hosts.agentConfig, '{ "destination": [] }');
  await hangUp(agent, 'was not taken');
  assert.match(agent.stderr, /CONFIG_UNKNOWN_KEY[\s\S]*destinations/);
  hosts.writeLines(100, 100);
  await hosts.arrived(200);
  const port = await freePort();
  const listen = { type: 'listen', listen: [`udp://127.0.0.1:${port}`, `tcp://127.0.0.1:${port}`] };
  hosts.writeAgent({ inputs: [hosts.fileInput, listen] });
  await hangUp(agent);
  hosts.writeLines(200, 100);
  await sendTcp(port, '<13>Nov 20 12:34:15 host tcp: n=300; over TCP\n');
  await sendUdp(port, ['<13>Nov 20 12:34:15 host udp: n=301; over UDP']);
  await hosts.arrived(302);
  assert.equal((await hosts.status()).config.failedReloads, 1);
  assert.equal((await agent.stop()).code, 0);
  assert.equal(numbersIn(hosts.received).length, 302, 'nothing came twice');
});

test('reloads under load: destinations and inputs come, go and change, and nothing is lost', async (t) => {
  const hosts = await Hosts.open(t);
  hosts.writeAgent();
  await hosts.startServer();
  const agent = await hosts.startAgent();
  let count = 0;
  const writing = setInterval(() => {
    hosts.writeLines(count, 200);
    count += 200;
  }, 10);
  t.after(() => clearInterval(writing));
  for (let round = 0; round < 6; round += 1) {
    const destinations = [hosts.destination('one', { window: 100 + round })];
    if (round % 2 === 0) destinations.push(hosts.destination('two', { to: 'relp://127.0.0.1:1' }));
    hosts.writeAgent({
      inputs: [round % 3 === 0 ? hosts.fileInput : { ...hosts.fileInput, severity: 'err' }],
      destinations,
    });
    await hangUp(agent);
  }
  clearInterval(writing);
  await hosts.arrived(count);
  assert.equal((await agent.stop()).code, 0);
  t.diagnostic(`${numbersIn(hosts.received).length - count} of ${count} came twice`);
});

test('a destination that is taken out leaves its messages on disk, and says so', async (t) => {
  const hosts = await Hosts.open(t);
  const nowhere = hosts.destination('gone', { to: `relp://127.0.0.1:${await freePort()}` });
  hosts.writeAgent({ destinations: [hosts.destination('one'), nowhere] });
  await hosts.startServer();
  const agent = await hosts.startAgent();
  hosts.writeLines(0, 500);
  await hosts.arrived(500);
  await eventually('they wait for the other one too', async () => {
    return (await hosts.destinationStatus('gone')).queue.waiting === 500;
  });
  hosts.writeAgent();
  await hangUp(agent);
  assert.match(agent.stderr, /gone is no destination any more; 500 messages .* stay in \S*\/queue\/gone\./);
  const shown = await startProgram(BELFRY, [
    'queue',
    '--export',
    join(hosts.folder, 'queue', 'gone'),
  ]).success();
  assert.deepEqual(
    numbersIn(shown.stdout),
    Array.from({ length: 500 }, (_, i) => i),
  );
  await agent.stop();
});

test('what is piped in is delivered, and then the agent ends', async (t) => {
  const hosts = await Hosts.open(t);
  hosts.writeAgent({ inputs: [{ type: 'stdin', program: 'pipe' }] });
  const agent = hosts.runAgent('n=0; a\nn=1; b\nn=2; without a line end');
  await eventually('the agent waits for the server', () => logLines(agent, 'Not delivering').length > 0);
  await hosts.startServer();
  assert.deepEqual(await agent.ended, { code: 0, signal: null });
  assert.deepEqual(numbersIn(hosts.received), [0, 1, 2]);
});

test('two agents cannot share a queue; the second one says whose it is and ends', async (t) => {
  const hosts = await Hosts.open(t);
  hosts.writeAgent();
  const agent = await hosts.startAgent();
  hosts.writeAgent({ control: { socket: join(hosts.folder, 'second.sock') } });
  const second = hosts.runAgent();
  assert.equal((await second.ended).code, 78);
  assert.match(second.stderr, /^SPOOL_IN_USE {2}/m);
  assert.equal((await agent.stop()).code, 0);
});

test('all faults of a configuration end the start with 78', async (t) => {
  const hosts = await Hosts.open(t);
  hosts.writeAgent({ inputs: [{ type: 'fiel' }], destinations: [{ to: 'relp://' }] });
  const agent = hosts.runAgent();
  assert.equal((await agent.ended).code, 78);
  assert.ok((agent.stderr.match(/^CONFIG_/gm) ?? []).length >= 2, agent.stderr);
  assert.deepEqual(readdirSync(hosts.folder).sort(), ['agent.json', 'in', 'server.json']);
});

test('a stop with messages waiting is quick, says what is left, and loses nothing', async (t) => {
  const hosts = await Hosts.open(t);
  hosts.writeAgent();
  const agent = await hosts.startAgent();
  hosts.writeLines(0, 5000);
  await eventually('all are in the queue', async () => {
    return (await hosts.destinationStatus()).queue.waiting === 5000;
  });
  assert.equal((await agent.stop('SIGINT')).code, 0);
  assert.match(
    agent.stderr,
    /one: 5,000 messages stay in the queue in \S*\/queue\/one and are sent at the next start/,
  );
  await hosts.startServer();
  const again = await hosts.startAgent();
  await hosts.arrived(5000);
  await again.stop();
  assert.equal(numbersIn(hosts.received).length, 5000);
});

test('a missing journal takes nobody down', async (t) => {
  const hosts = await Hosts.open(t);
  const journal = { type: 'journald', directory: join(hosts.folder, 'no-journal') };
  hosts.writeAgent({ inputs: [journal, hosts.fileInput] });
  await hosts.startServer();
  const agent = await hosts.startAgent();
  hosts.writeLines(0, 10);
  await hosts.arrived(10);
  const { inputs } = await hosts.status();
  await waitUntil('it is told', () => inputs.length === 2);
  assert.equal((await agent.stop()).code, 0);
});
