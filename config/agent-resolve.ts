// Turns a configuration of the agent without faults into values: sizes to bytes, spans to milliseconds, words to
// numbers, relative paths to absolute ones, names where none were given. Everything here was checked before, so
// what cannot be resolved is our own mistake.

import { assert } from '../base/assert.ts';
import { parseRange } from '../base/ip.ts';
import { parseSize, parseSpan } from '../base/units.ts';
import { parseListen } from './address-formats.ts';
import type { AgentConfig, DestinationConfig, InputConfig, LineSettings, TlsTrust } from './agent.ts';
import { destinationNames, inputNames, pathBeside, queueDirectory } from './agent-names.ts';
import type { AgentFile, DestinationText, InputText } from './agent.schema.ts';
import { type Document, placeInDocument } from './document.ts';
import { parseMode, splitPattern } from './formats.ts';
import { FACILITY_NAMES, SEVERITY_NAMES } from './input.schema.ts';
import { textList } from './rules.ts';
import { parseTarget } from './target.ts';
import { resolveTraffic } from './traffic-resolve.ts';

function sure<T>(value: T | undefined): T {
  assert(value !== undefined, 'what passed the check of the configuration can be resolved');
  return value;
}

export function resolveAgent(document: Document, file: AgentFile, hostName: string): AgentConfig {
  const inputs = inputNames(file.inputs);
  const destinations = destinationNames(file.destinations);
  return {
    path: document.file,
    host: file.host ?? hostName,
    maxMessageBytes: sure(parseSize(file.maxMessageSize)),
    inputs: file.inputs.map((text, at) => resolveInput(document, text, at, sure(inputs[at]))),
    destinations: file.destinations.map((text, at) =>
      resolveDestination(document, text, at, sure(destinations[at])),
    ),
    traffic: file.traffic && resolveTraffic(document, file.traffic),
    control: {
      socket: pathBeside(document, file.control.socket),
      mode: sure(parseMode(file.control.mode)),
    },
    log: file.log,
  };
}

function resolveInput(document: Document, text: InputText, at: number, name: string): InputConfig {
  const named = { name, place: placeInDocument(document, ['inputs', at], 'value') };
  switch (text.type) {
    case 'journald':
      return {
        ...named,
        type: text.type,
        directory: text.directory === undefined ? undefined : pathBeside(document, text.directory),
        matches: text.matches,
        from: text.from,
      };
    case 'file':
      return {
        ...named,
        type: text.type,
        paths: textList(text.path).map((path) => pathBeside(document, path)),
        exclude: textList(text.exclude).map((path) => pathBeside(document, path)),
        from: text.from,
        ...resolveLines(text, text.program),
      };
    case 'devlog':
      return {
        ...named,
        type: text.type,
        path: pathBeside(document, text.path),
        mode: sure(parseMode(text.mode)),
        receiveBufferBytes: sure(parseSize(text.receiveBuffer)),
      };
    case 'listen':
      return {
        ...named,
        type: text.type,
        listen: textList(text.listen).map((listen) => sure(parseListen(listen))),
        allow: text.allow.map((range) => sure(parseRange(range))),
        receiveBufferBytes: sure(parseSize(text.receiveBuffer)),
      };
    case 'stdin':
      return { ...named, type: text.type, ...resolveLines(text, text.program ?? 'stdin') };
    default:
      throw new Error(
        `an input of an unknown type passed the check: ${JSON.stringify(text satisfies never)}`,
      );
  }
}

type LineText = Extract<InputText, { type: 'file' | 'stdin' }>;

function resolveLines(text: LineText, program: string | undefined): LineSettings {
  return {
    format: text.format,
    program,
    facility: FACILITY_NAMES.indexOf(text.facility),
    severity: SEVERITY_NAMES.indexOf(text.severity),
    multiline: text.multiline === undefined ? undefined : splitPattern(text.multiline),
    timeZone: text.timeZone,
  };
}

function resolveDestination(
  document: Document,
  text: DestinationText,
  at: number,
  name: string,
): DestinationConfig {
  return {
    name,
    place: placeInDocument(document, ['destinations', at], 'value'),
    to: textList(text.to).map((target) => sure(parseTarget(target))),
    select: text.select === undefined ? undefined : textList(text.select),
    program: text.program === undefined ? undefined : textList(text.program),
    framing: text.framing,
    window: text.window,
    tls: resolveTrust(document, text.tls),
    queue: {
      directory: queueDirectory(document, text.queue.directory, name),
      maxDiskSpaceBytes: sure(parseSize(text.queue.maxDiskSpace)),
      onFull: text.queue.onFull,
      sync: text.queue.sync,
    },
    retry: { minMs: sure(parseSpan(text.retry.min)), maxMs: sure(parseSpan(text.retry.max)) },
    timeoutMs: sure(parseSpan(text.timeout)),
  };
}

function resolveTrust(document: Document, text: DestinationText['tls']): TlsTrust {
  const beside = (path: string | undefined) => (path === undefined ? undefined : pathBeside(document, path));
  return {
    ca: beside(text.ca),
    cert: beside(text.cert),
    key: beside(text.key),
    serverName: text.serverName,
  };
}
