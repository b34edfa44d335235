// A message about a connection as the tests read it from the server's rfc5424 file, written apart from the program: header,
// structured data, text. Where the program and this file differ, one of them is wrong.
// Refuses: messages of other programs.

/** An event message as it stands in the server's rfc5424 file. */
export interface SeenEvent {
  readonly line: string;
  readonly host: string;
  readonly pri: number;
  readonly time: string;
  /** MSGID: the name of the event. */
  readonly name: string;
  /** Of `flow@32473`, or of `traffic@32473`; empty for a message without. */
  readonly params: Readonly<Record<string, string>>;
  readonly text: string;
}

const LINE =
  /^<(\d+)>1 (\S+) (\S+) belfry (\S+) (\S+) (-|(?:\[(?:[^\]"\\]|\\.|"(?:[^"\\]|\\.)*")*\])+)(?: ([\s\S]*))?$/;

export function readEvent(line: string): SeenEvent | undefined {
  const [, pri, time = '', host = '', , name = '', structured = '', text = ''] = LINE.exec(line) ?? [];
  if (pri === undefined) return undefined;
  const element = /\[(?:flow|traffic)@32473((?: [^ =]+="(?:[^"\\]|\\.)*")*)\]/.exec(structured)?.[1] ?? '';
  const pairs = [...element.matchAll(/ ([^ =]+)="((?:[^"\\]|\\.)*)"/g)];
  const params = Object.fromEntries(pairs.map(([, key = '', value = '']) => [key, value]));
  return { line, host, pri: Number(pri), time, name, params, text };
}
