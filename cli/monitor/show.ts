// How what is seen is shown: on the live screen, or as lines. Each shows from start() on and stops for good; whichever it
// is, the command hands it the same.
// Refuses: to end the program. What ends it is told to whoever started it.

import type { ReadStream, WriteStream } from 'node:tty';
import type { InterfaceState, SeenFacts } from '../../client/monitor/capture.port.ts';
import type { Losses } from '../../client/monitor/monitor.ts';
import type { Owners } from '../../traffic/events/owner.ts';
import type { LinePrinter } from './event-lines.ts';
import { LineOutlet } from './line-outlet.ts';
import { LiveScreen, type ScreenSettings } from './live-screen.ts';
import type { Source } from './source.ts';
import { Terminal } from './terminal.ts';

export type Ending = 'quit' | 'gone' | 'time' | 'count' | NodeJS.Signals;

export interface Show {
  start(): void;
  event(facts: SeenFacts, owners: Owners): void;
  interface(state: InterfaceState): void;
  losses(losses: Losses): void;
  records(lines: readonly string[]): void;
  /** Of the log beside it. */
  trouble(sentence: string): void;
  /** Nothing more is shown but this; the terminal is as it was. */
  stop(last?: string): Promise<void>;
}

export interface ScreenParts {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
  readonly hasColours: boolean;
  readonly isUnicode: boolean;
  readonly settings: ScreenSettings;
  readonly end: (ending: Ending) => void;
  /** SIGHUP on a terminal that is still there. False: that is the end all the same. */
  readonly reopen: () => boolean;
}

export function screenShow(source: Source, parts: ScreenParts): Show {
  const terminal = new Terminal(parts.stdin, parts.stdout, parts.hasColours, {
    onKey: (key) => screen.key(key),
    onRedraw: () => screen.redraw(),
    onLeave: (reason) => {
      if (reason === 'SIGHUP' && terminal.isThere() && parts.reopen()) return;
      parts.end(reason);
    },
  });
  const screen = new LiveScreen(
    source,
    {
      draw: (lines) => terminal.draw(lines),
      look: () => ({ size: terminal.size(), isUnicode: parts.isUnicode }),
      redraw: () => terminal.redraw(),
      suspend: () => terminal.suspend(),
      quit: () => parts.end('quit'),
    },
    parts.settings,
  );
  return {
    start: () => {
      terminal.open();
      screen.start();
    },
    event: (facts, owners) => screen.event(facts, owners),
    interface: (state) => screen.interface(state),
    losses: (losses) => screen.losses(losses),
    records: () => undefined,
    trouble: (sentence) => screen.trouble(sentence),
    stop: (last) => {
      screen.stop();
      terminal.close(last);
      return Promise.resolve();
    },
  };
}

/** A reader that does not read has so long to take the last lines. */
const LAST_MS = 2000;
const NO_LOSSES = { heldBack: {}, dropped: 0, evicted: 0 };

export function lineShow(
  printer: LinePrinter,
  warn: (sentence: string) => void,
  end: (ending: Ending) => void,
  path?: string,
): Show {
  const nowUs = () => Date.now() * 1000;
  const lossLine = (unwritten: number) => printer.losses({ ...NO_LOSSES, timeUs: nowUs() }, unwritten) ?? '';
  const gone = (code: string) => {
    // A reader that has gone is how `| head` ends it; anything else is said.
    if (code !== 'EPIPE') warn(`Standard output cannot be written: ${code}.`);
    end('gone');
  };
  const outlet = new LineOutlet(gone, lossLine, path);
  return {
    start: () => undefined,
    event: (facts, owners) => void outlet.line(printer.event(facts, owners)),
    interface: (state) => void outlet.line(printer.interface(state, nowUs())),
    losses: (losses) => {
      const line = printer.losses(losses);
      if (line !== undefined) outlet.line(line);
    },
    records: (lines) => {
      for (const line of lines) outlet.line(printer.record(line));
    },
    trouble: warn,
    stop: async (last) => {
      await outlet.stop(LAST_MS);
      if (last !== undefined) warn(last.trimEnd());
    },
  };
}
