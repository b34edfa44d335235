// The sender for machines without a C compiler, with the arguments and the output of send_tcp.c and
// send_udp.c. It is slower than they are: with it the rates say more about the sender than about the server.
// usage: node send.js tcp FILE PORT | udp FILE PORT RATE PART PARTS

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const BATCH = 64;

function nowNs(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}

async function sendTcp(path: string, port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  await pipeline(createReadStream(path, { highWaterMark: 256 * 1024 }), socket);
}

/** The first line that begins at or after this share of the bytes. */
function share(bytes: Buffer, part: number, parts: number): number {
  const at = Math.ceil((bytes.length * part) / parts);
  if (at <= 0 || at >= bytes.length) return Math.max(0, at);
  return bytes.indexOf(10, at - 1) + 1;
}

async function sendUdp(path: string, port: number, rate: number, part: number, parts: number): Promise<void> {
  const bytes = readFileSync(path);
  const end = share(bytes, part + 1, parts);
  const socket = createSocket('udp4');
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const began = performance.now();
  let sent = 0;
  for (let at = share(bytes, part, parts); at < end; ) {
    const batch: Promise<void>[] = [];
    for (; batch.length < BATCH && at < end; sent++) {
      const feed = bytes.indexOf(10, at);
      const line = bytes.subarray(at, feed);
      batch.push(new Promise((done) => socket.send(line, () => done())));
      at = feed + 1;
    }
    await Promise.all(batch);
    const aheadMs = rate > 0 ? began + (sent * 1000) / rate - performance.now() : 0;
    if (aheadMs > 1) await sleep(aheadMs);
  }
  socket.close();
}

const [transport, path = '', port = '', rate = '0', part = '0', parts = '1'] = process.argv.slice(2);
const beganNs = nowNs();
if (transport === 'tcp') await sendTcp(path, Number(port));
else await sendUdp(path, Number(port), Number(rate), Number(part), Number(parts));
console.log(JSON.stringify({ beganNs: String(beganNs), endedNs: String(nowNs()) }));
