// What `belfry status` prints of an agent: a sentence for each destination, a table of its inputs, and whatever
// needs somebody's attention. What did not happen is not told.

import { printCount, printCountOf, printSize, printSpan } from '../base/units.ts';
import { printAge } from '../client/sentence.ts';
import type { AgentInputStatus, AgentStatus, DestinationStatus } from '../client/status.ts';
import { type Column, plainText, printTable } from './table.ts';
import { trafficLines } from './traffic-lines.ts';

function reasons(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .filter(([, value]) => value > 0)
    .map(([reason, value]) => `${printCount(value)} ${reason.replaceAll('_', ' ')}`)
    .join(', ');
}

function lagWords({ lag, isHeld, isDone }: AgentInputStatus): string {
  const words = [
    ...(lag.bytes === undefined || lag.bytes === 0 ? [] : [printSize(lag.bytes)]),
    ...(lag.seconds === undefined || lag.seconds < 1 ? [] : [printAge(lag.seconds * 1000)]),
  ];
  const behind = words.length === 0 ? '' : `${words.join(', ')} behind`;
  return [behind, ...(isHeld ? ['HELD: the queue is full'] : []), ...(isDone ? ['at its end'] : [])]
    .filter((word) => word !== '')
    .join(', ');
}

function inputColumns(hasMany: boolean): readonly Column<AgentInputStatus>[] {
  const destination: Column<AgentInputStatus> = {
    title: 'for',
    align: 'left',
    text: (one) => one.destination ?? 'all',
  };
  return [
    { title: 'input', align: 'left', text: ({ name }) => name },
    { title: 'type', align: 'left', text: ({ type }) => type },
    ...(hasMany ? [destination] : []),
    { title: 'messages', align: 'right', text: ({ messages }) => printCount(messages) },
    { title: 'bytes', align: 'right', text: ({ bytes }) => printSize(bytes) },
    { title: 'lost', align: 'right', text: ({ dropped }) => reasons(dropped) || '0' },
    { title: 'position', align: 'left', text: ({ position }) => position },
    { title: 'lag', align: 'left', text: lagWords },
  ];
}

function destinationLines(one: DestinationStatus): string[] {
  const { queue, transport, state } = one;
  const lost = reasons(one.dropped);
  const passed =
    one.passedOver > 0 ? `; passed over ${printCount(one.passedOver)} by select and program` : '';
  return [
    plainText(one.sentence),
    ...(state.kind === 'waiting' && state.mend !== null ? [`  ${plainText(state.mend)}`] : []),
    `  To ${one.to.map(plainText).join(', then ')}. Took in ${printCountOf(one.appended, 'message')} (${printSize(one.appendedBytes)})${passed}; delivered ${printCount(one.delivered)} (${printSize(one.deliveredBytes)}).`,
    `  Queue: ${printSize(queue.diskBytes)} of ${printSize(queue.maxDiskSpaceBytes)} in ${printCountOf(queue.segments, 'segment')}, when full: ${queue.onFull}. ${queue.directory}`,
    ...(queue.trouble === null ? [] : [`  THE QUEUE TAKES NOTHING: ${queue.trouble}.`]),
    lost === '' ? '  Nothing was lost.' : `  Lost: ${lost}.`,
    ...(transport.resentRecords > 0
      ? [
          `  Sent again after a broken connection, so perhaps there twice: ${printCount(transport.resentRecords)}.`,
        ]
      : []),
    ...(transport.cutRecords > 0
      ? [`  Cut to what a datagram holds: ${printCount(transport.cutRecords)}.`]
      : []),
    ...foundLines(one),
  ];
}

/** What stood in the queue's directory at the start and is no whole record. */
function foundLines({ queue }: DestinationStatus): string[] {
  return [
    ...(queue.foreignFiles > 0
      ? [`  ${printCountOf(queue.foreignFiles, 'file')} in the queue are not ours; they are left alone.`]
      : []),
    ...(queue.tornBytes > 0
      ? [`  The last write of the run before was cut: ${printSize(queue.tornBytes)} without a whole record.`]
      : []),
    ...(queue.abandonedRecords > 0
      ? [`  ${printCountOf(queue.abandonedRecords, 'record')} waited for a destination that is gone.`]
      : []),
  ];
}

function troubleLines(inputs: readonly AgentInputStatus[]): string[] {
  return inputs.flatMap(({ name, destination, trouble }) => {
    if (trouble === undefined || trouble === null) return [];
    const whose = destination === null ? '' : ` for ${destination}`;
    return [plainText(`INPUT ${name}${whose}: ${trouble}`)];
  });
}

/** What was given on, but not whole or not as its sender meant it. */
function notedLines(inputs: readonly AgentInputStatus[]): string[] {
  return inputs.flatMap(({ name, destination, noted }) => {
    const said = reasons(noted ?? {});
    const whose = destination === null ? '' : ` for ${destination}`;
    return said === '' ? [] : [plainText(`Input ${name}${whose}: given on, but ${said}.`)];
  });
}

export function printAgentStatus(status: AgentStatus): string {
  const { inputs, destinations, config } = status;
  const lines = [
    `Belfry agent ${status.version}, process ${status.pid}, has been ${status.state} for ${printSpan(status.uptimeS * 1000)} as ${plainText(status.host)}.`,
    `Configuration ${config.path}, read ${config.loadedAt}${config.failedReloads > 0 ? `; ${printCountOf(config.failedReloads, 'reload')} failed since` : ''}.`,
    '',
    ...destinations.flatMap((one) => [...destinationLines(one), '']),
    inputs.length > 0 ? printTable(inputColumns(destinations.length > 1), inputs) : 'It has no inputs.\n',
    ...troubleLines(inputs),
    ...notedLines(inputs),
    ...(status.traffic === null ? [] : [...trafficLines(status.traffic), '']),
    `It uses ${printSize(status.process.residentBytes)} of memory and has used ${status.process.cpuS} s of CPU time.`,
  ];
  return `${lines.join('\n')}\n`;
}
