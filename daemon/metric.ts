// How the tables of metrics are written: a name, what it means, how it is read from the status, and what its labels
// are. All names begin with `belfry_`.

import type { Metric, Sample } from '../base/metric.ts';
import type { ServerStatus } from './status.ts';

export type Read = (status: ServerStatus) => number | readonly Sample[];

export function counter(
  name: string,
  help: string,
  read: Read,
  labels: Record<string, string> = {},
): Metric<ServerStatus> {
  return { name: `belfry_${name}`, kind: 'counter', labels, help, read };
}

export function gauge(
  name: string,
  help: string,
  read: Read,
  labels: Record<string, string> = {},
): Metric<ServerStatus> {
  return { name: `belfry_${name}`, kind: 'gauge', labels, help, read };
}

export function perReason(read: (status: ServerStatus) => Readonly<Record<string, number>>): Read {
  return (status) => Object.entries(read(status)).map(([reason, value]) => ({ labels: { reason }, value }));
}
