// A rehearsal before the first request: the whole path from a request to its answer runs some thousand times on
// the loopback address, and what it counted is forgotten. Only code that has run often is compiled well; without
// this a quiet server would say for its first hour that its answers leave a microsecond before they do.
//
// Refuses: to be needed. Where it cannot open its sockets, the server starts without it.

import type { NtpConfig } from '../../config/server.ts';
import { Loopback } from '../../kernel/question.ts';
import { MODE } from '../../ntp/header.ts';
import type { NtpLoop } from './ntp-loop.ts';

/** About 60 ms on a machine that is not busy; a machine that is gets no more than twice that. */
const EXCHANGES = 6000;
const LIMITED_EXCHANGES = 1500;
const TIME_MS_MAX = 120;

const HEADER_SIZE = 48;
const FIRST = 0x20;

/** What a server meets: mostly plain requests, some interleaved ones, some that get silence. */
function makeRequests(): Uint8Array[] {
  const make = (size: number, mode: number): Buffer => {
    const bytes = Buffer.alloc(size, 0x5a);
    if (size > 0) bytes[0] = FIRST | mode;
    return bytes;
  };
  const plain = make(HEADER_SIZE, MODE.client).fill(0, 1, 40);
  const odd = [make(12, MODE.client), make(HEADER_SIZE, MODE.control), make(HEADER_SIZE + 20, MODE.client)];
  const interleaved = make(HEADER_SIZE, MODE.client).fill(1, 24, 32);
  return [plain, plain, plain, interleaved, plain, plain, plain, plain, ...odd, plain];
}

const CONFIG: NtpConfig = {
  listen: [],
  allow: [],
  deny: [],
  local: { stratum: 10 },
  rateLimit: undefined,
  maxClients: 16,
};

/** Every so often nothing is there, as in a server that waits. */
const EMPTY_EVERY = 16;
/** And every so often many come at once: more than leave in one piece. */
const BURST_EVERY = 50;
const BURST = 24;

function play(loop: NtpLoop, config: NtpConfig, exchanges: number): void {
  const loopback = Loopback.open();
  if (loopback === undefined) return;
  const socket = { fd: loopback.serverFd, family: 4, wildcard: false } as const;
  const requests = makeRequests();
  const endMs = performance.now() + TIME_MS_MAX;
  loop.rehearse(socket, config, () => {
    for (let i = 0; i < exchanges && performance.now() < endMs; i += 1) {
      const isEmpty = i % EMPTY_EVERY === 0;
      const size = isEmpty ? 0 : i % BURST_EVERY === 1 ? BURST : 1;
      for (let k = 0; k < size; k += 1) loopback.send(requests[(i + k) % requests.length] as Uint8Array);
      loop.takeBatch(socket.fd, !isEmpty && i % 2 === 0);
    }
  });
  loopback.close();
}

export function rehearse(loop: NtpLoop): void {
  play(loop, { ...CONFIG, rateLimit: { interval: -10, burst: 255, leak: 1 } }, LIMITED_EXCHANGES);
  play(loop, CONFIG, EXCHANGES);
}
