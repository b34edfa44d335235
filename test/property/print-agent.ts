// agent.json as somebody would write it who leaves nothing to defaults: the way back from values to text, for tests.

import type { Range } from '../../base/ip.ts';
import type { AgentConfig, LineSettings, TrafficConfig } from '../../config/agent.ts';
import { FACILITY_NAMES, SEVERITY_NAMES } from '../../config/input.schema.ts';

export function printAgent(config: AgentConfig): string {
  const inputs = config.inputs.map((whole) => {
    const { place: _, ...input } = whole;
    switch (input.type) {
      case 'file': {
        const { paths, ...rest } = input;
        return { ...rest, path: paths, ...lineText(input) };
      }
      case 'stdin':
        return { ...input, ...lineText(input) };
      case 'listen': {
        const { receiveBufferBytes, ...rest } = input;
        const listen = input.listen.map(({ text }) => text);
        return {
          ...rest,
          listen,
          allow: input.allow.map(printRangeLong),
          receiveBuffer: `${receiveBufferBytes}B`,
        };
      }
      case 'devlog': {
        const { receiveBufferBytes, ...rest } = input;
        return { ...rest, mode: octal(input.mode), receiveBuffer: `${receiveBufferBytes}B` };
      }
      default:
        return input;
    }
  });
  const destinations = config.destinations.map(({ timeoutMs, ...whole }) => {
    const { place: _, ...own } = whole;
    return {
      ...own,
      to: own.to.map(({ text }) => text),
      queue: {
        directory: own.queue.directory,
        maxDiskSpace: `${own.queue.maxDiskSpaceBytes}`,
        onFull: own.queue.onFull,
        sync: own.queue.sync,
      },
      retry: { min: `${own.retry.minMs}ms`, max: `${own.retry.maxMs}ms` },
      timeout: `${timeoutMs}ms`,
    };
  });
  return JSON.stringify({
    inputs,
    destinations,
    ...(config.traffic && { traffic: printTraffic(config.traffic) }),
    host: config.host,
    maxMessageSize: `${config.maxMessageBytes}`,
    control: { socket: config.control.socket, mode: octal(config.control.mode) },
    log: config.log,
  });
}

function printTraffic(traffic: TrafficConfig): object {
  const { place: _, name: __, type: ___, log, facility, timeouts, rateLimit, ...own } = traffic;
  const { updateIntervalMs, flowIntervalMs, snapBytes, ringBytes, ...rest } = own;
  const spans = Object.entries(timeouts).map(([key, ms]) => [key.replace(/Ms$/, ''), `${ms}ms`]);
  return {
    ...rest,
    ...(log && { log: log.path, logMode: octal(log.mode) }),
    facility: FACILITY_NAMES[facility],
    timeouts: Object.fromEntries(spans),
    rateLimit: rateLimit ?? false,
    updateInterval: `${updateIntervalMs}ms`,
    ...(flowIntervalMs !== undefined && { flowInterval: `${flowIntervalMs}ms` }),
    snapLength: `${snapBytes}B`,
    ringSize: `${ringBytes}B`,
  };
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function lineText({ facility, severity, multiline }: LineSettings): object {
  const own = { facility: FACILITY_NAMES[facility], severity: SEVERITY_NAMES[severity] };
  if (multiline === undefined) return own;
  const flags = multiline.flags === '' ? '' : `(?${multiline.flags})`;
  return { ...own, multiline: `${flags}${multiline.source}` };
}

/** In the 128-bit form, apart from how Belfry prints it. */
function printRangeLong({ w0, w1, w2, w3, bits }: Range): string {
  const words = [w0, w1, w2, w3].flatMap((word) => [
    (word >>> 16).toString(16),
    (word & 0xffff).toString(16),
  ]);
  return `${words.join(':')}/${bits}`;
}
