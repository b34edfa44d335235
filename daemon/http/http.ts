// The HTTP side: /metrics for Prometheus, /healthz for whoever asks whether it lives, /status, /senders and
// /clients as JSON. Read-only, without secrets, and on loopback unless the operator says otherwise.

import { type FastifyInstance, fastify } from 'fastify';
import { codeOf, Fault } from '../../base/fault.ts';
import { printMetrics } from '../../base/metric.ts';
import type { SocketAddress } from '../../config/server.ts';
import { METRICS } from '../metrics.ts';
import type { SenderStatus } from '../sender-view.ts';
import type { ServerStatus } from '../status.ts';
import type { ClientStatus } from '../time/status.ts';

export interface Asked {
  status(): ServerStatus;
  senders(): readonly SenderStatus[];
  clients(): readonly ClientStatus[];
}

/** A slow or silent client is cut off; nobody holds the port with half a request. */
const REQUEST_TIMEOUT_MS = 10_000;

function route(server: FastifyInstance, asked: Asked): void {
  server.get('/metrics', (_request, reply) => {
    void reply.type('text/plain; version=0.0.4; charset=utf-8');
    return printMetrics(METRICS, asked.status());
  });
  server.get('/healthz', (_request, reply) => {
    const { state, files } = asked.status();
    const healthy = state === 'running' && files.troubledCount === 0;
    void reply.code(healthy ? 200 : 503);
    return { healthy, state, troubledFiles: files.troubled, troubledCount: files.troubledCount };
  });
  server.get('/status', () => asked.status());
  server.get('/senders', () => asked.senders());
  server.get('/clients', () => asked.clients());
  server.get('/', () => ({ pages: ['/metrics', '/healthz', '/status', '/senders', '/clients'] }));
}

export interface HttpServer {
  readonly address: string;
  stop(): Promise<void>;
}

export async function openHttp(listen: SocketAddress, asked: Asked): Promise<HttpServer> {
  const server = fastify({ logger: false, requestTimeout: REQUEST_TIMEOUT_MS, forceCloseConnections: true });
  route(server, asked);
  try {
    const address = await server.listen({ host: listen.host, port: listen.port });
    return { address, stop: () => server.close() };
  } catch (error) {
    throw faultFor(listen, error);
  }
}

function faultFor(listen: SocketAddress, error: unknown): Fault {
  const code = codeOf(error) ?? String(error);
  const where = `http.listen ${listen.host}:${listen.port}`;
  if (code === 'EADDRINUSE') {
    const mend = `Find it with: ss -ltnp 'sport = :${listen.port}'. Stop it, or choose another port in http.listen.`;
    return new Fault('LISTEN_IN_USE', {
      what: `Port ${listen.port} is taken by another program.`,
      where,
      mend,
    });
  }
  if (code === 'EACCES') {
    const mend = 'Choose a port above 1023 in http.listen, or give CAP_NET_BIND_SERVICE.';
    return new Fault('LISTEN_PERMISSION', {
      what: `The right to listen on port ${listen.port} is missing.`,
      where,
      mend,
    });
  }
  return new Fault('LISTEN_FAILED', {
    what: `The HTTP port could not be opened: ${code}.`,
    where,
    mend: 'Look at http.listen.',
  });
}
