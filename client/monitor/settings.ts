// What the section `traffic` of agent.json means to the thread that captures, and the words for what it watches.

import { printSpan } from '../../base/units.ts';
import type { TrafficConfig } from '../../config/agent.ts';
import { EVENT_NAMES } from '../../traffic/events/names.ts';
import type { Turn } from '../../traffic/flow/turn.ts';
import type { MonitorSettings } from './monitor.ts';

const TURNS = Object.keys(EVENT_NAMES) as Turn[];

export function monitorSettings(config: TrafficConfig): MonitorSettings {
  const { interfaces, filter, promiscuous, snapBytes, ringBytes, timeouts, rateLimit: rate } = config;
  const { flowIntervalMs, account, recordFields } = config;
  return {
    owners: config.owners,
    capture: {
      ...{ interfaces, filter, promiscuous, snapBytes, ringBytes, rate },
      limits: {
        flowsMax: config.maxFlows,
        noAnswerUs: timeouts.noAnswerMs * 1000,
        timeoutUs: timeouts.silentMs * 1000,
        halfClosedUs: timeouts.halfClosedMs * 1000,
        otherIdleUs: timeouts.udpIdleMs * 1000,
        tcpIdleUs: timeouts.tcpIdleMs * 1000,
        updateUs: config.updateIntervalMs * 1000,
      },
      turns: TURNS.filter((turn) => (config.events as readonly string[]).includes(EVENT_NAMES[turn])),
      tellsHeldBack: config.log !== undefined,
      records:
        flowIntervalMs === undefined
          ? undefined
          : { intervalUs: flowIntervalMs * 1000, account, fields: recordFields },
    },
  };
}

/** "eth0 and lo with the filter "port 2525", a record each 1 min" */
export function watchedWords({ interfaces, filter, flowIntervalMs }: TrafficConfig): string {
  const where = interfaces.includes('any') ? 'all interfaces' : interfaces.join(', ');
  const what = filter === undefined ? '' : ` with the filter "${filter}"`;
  const records = flowIntervalMs === undefined ? '' : `, records each ${printSpan(flowIntervalMs)}`;
  return `${where}${what}${records}`;
}
