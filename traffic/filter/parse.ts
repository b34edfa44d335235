// The filter language of tcpdump, as much of it as watching connections needs: host, net, port, portrange, protocol
// words, src and dst, and, or, not, parentheses. As there, `and` and `or` bind alike and from the left, and a value
// alone takes the words of the one before it ("port 80 or 443").
//
//   filter  := part { (and | or) part }          part := not part | "(" filter ")" | test
//   test    := [protocol] [direction] [host | net | port | portrange] value | protocol | proto number
//
// Refuses: names of hosts, with the place and a way out; never guesses.

import { parseAddress, parseRange } from '../../base/ip.ts';
import { nearest } from '../../base/nearest.ts';
import { PROTOCOL } from '../packet/packet.ts';
import { portOfService } from '../services.ts';
import type { Direction, Expression, Test } from './expression.ts';
import { FILTER_WORDS_MAX, splitWords, type Word } from './words.ts';

export interface FilterError {
  /** Where in the text, counted from 0. */
  readonly at: number;
  readonly what: string;
  readonly mend: string;
}

export type Parsed =
  | { readonly expression: Expression; readonly error?: never }
  | { readonly error: FilterError; readonly expression?: never };

const DEPTH_MAX = 60;
const TYPES = ['host', 'net', 'port', 'portrange'] as const;
type Type = (typeof TYPES)[number];

const both = (left: Expression, right: Expression): Expression => ({ kind: 'and', left, right });
const protocolTest = (protocol: number): Test => ({ kind: 'protocol', protocol });

const PROTOCOL_WORDS: Readonly<Record<string, Expression>> = {
  ip: { kind: 'version', version: 4 },
  ip6: { kind: 'version', version: 6 },
  arp: { kind: 'arp' },
  tcp: protocolTest(PROTOCOL.tcp),
  udp: protocolTest(PROTOCOL.udp),
  sctp: protocolTest(PROTOCOL.sctp),
  icmp: both({ kind: 'version', version: 4 }, protocolTest(PROTOCOL.icmp)),
  icmp6: both({ kind: 'version', version: 6 }, protocolTest(PROTOCOL.icmp6)),
};
const KNOWN_WORDS = [...TYPES, ...Object.keys(PROTOCOL_WORDS), 'proto', 'src', 'dst', 'and', 'or', 'not'];
const ANDS = ['and', '&&'];
const ORS = ['or', '||'];
const NOTS = ['not', '!'];
const EXAMPLE = 'For instance: tcp port 2525 and host 10.0.0.1';

/** Thrown and caught within this file. */
class Refused extends Error {
  readonly error: FilterError;

  constructor(error: FilterError) {
    super(error.what);
    this.error = error;
  }
}

/** The filter of an empty text is undefined: every packet passes. */
export function parseFilter(text: string): Parsed | undefined {
  const words = splitWords(text);
  if (words.length === 0) return undefined;
  try {
    return { expression: new Parser(words, text.length).parse() };
  } catch (error) {
    if (error instanceof Refused) return { error: error.error };
    throw error;
  }
}

/** What is wrong with a filter; undefined: nothing. */
export function checkFilter(text: string): FilterError | undefined {
  return parseFilter(text)?.error;
}

class Parser {
  private readonly words: readonly Word[];
  private readonly end: number;
  private at = 0;
  private depth = 0;
  private lastType: Type | undefined;
  private lastDirection: Direction = 'either';
  private lastProtocol: Expression | undefined;

  constructor(words: readonly Word[], end: number) {
    this.words = words;
    this.end = end;
  }

  parse(): Expression {
    const tooMany = this.words[FILTER_WORDS_MAX];
    if (tooMany)
      this.refuse(tooMany, `A filter has at most ${FILTER_WORDS_MAX} words.`, 'Use net for many hosts.');
    const expression = this.filter();
    const rest = this.words[this.at];
    if (rest?.text === ')') this.refuse(rest, 'This ")" closes nothing.', 'Take it away, or add a "(".');
    if (rest)
      this.refuse(rest, `"${rest.text}" follows a test without a word between them.`, 'Write and, or.');
    return expression;
  }

  private refuse(word: Word | undefined, what: string, mend: string): never {
    throw new Refused({ at: word?.at ?? this.end, what, mend });
  }

  private peek(): string | undefined {
    return this.words[this.at]?.text;
  }

  private takeAny(texts: readonly string[]): boolean {
    const text = this.peek();
    if (text === undefined || !texts.includes(text)) return false;
    this.at += 1;
    return true;
  }

  private filter(): Expression {
    let left = this.part();
    for (;;) {
      if (this.takeAny(ANDS)) left = both(left, this.part());
      else if (this.takeAny(ORS)) left = { kind: 'or', left, right: this.part() };
      else return left;
    }
  }

  private part(): Expression {
    const word = this.words[this.at];
    this.depth += 1;
    if (this.depth > DEPTH_MAX)
      this.refuse(word, 'The filter is nested too deeply.', 'Say it with fewer parentheses.');
    const expression = this.partInside(word);
    this.depth -= 1;
    return expression;
  }

  private partInside(word: Word | undefined): Expression {
    if (this.takeAny(NOTS)) return { kind: 'not', of: this.part() };
    if (!this.takeAny(['('])) return this.test();
    const inner = this.filter();
    if (!this.takeAny([')'])) this.refuse(word, 'This "(" is never closed.', 'Add a ")".');
    return inner;
  }

  private test(): Expression {
    const word = this.words[this.at];
    if (!word) this.refuse(word, 'The filter ends where a test should stand.', EXAMPLE);
    if (this.takeAny(['proto'])) return this.protocolNumber();
    const protocol = Object.hasOwn(PROTOCOL_WORDS, word.text) ? PROTOCOL_WORDS[word.text] : undefined;
    if (protocol) this.at += 1;
    const direction = this.direction();
    const type = TYPES.find((one) => this.takeAny([one]));
    if (!direction && !type) return protocol ?? this.bareValue(word);
    this.lastProtocol = protocol;
    this.lastDirection = direction ?? 'either';
    this.lastType = type ?? 'host';
    return this.qualified();
  }

  private qualified(): Expression {
    const test = this.value(this.lastType ?? 'host', this.lastDirection);
    return this.lastProtocol ? both(this.lastProtocol, test) : test;
  }

  /** A value alone: of the kind before it, or a host. */
  private bareValue(word: Word): Expression {
    if (parseAddress(word.text)) {
      if (this.lastType !== 'net') this.lastType = 'host';
      return this.qualified();
    }
    if (this.lastType === undefined || KNOWN_WORDS.includes(word.text) || word.text === ')')
      this.refuseWord(word);
    return this.qualified();
  }

  private refuseWord(word: Word): never {
    const near = nearest(word.text, KNOWN_WORDS);
    const mend = near === undefined || near === word.text ? EXAMPLE : `Did you mean "${near}"? ${EXAMPLE}`;
    this.refuse(word, `"${word.text}" is not where a test can begin.`, mend);
  }

  private direction(): Direction | undefined {
    const first = this.takeAny(['src']) ? 'src' : this.takeAny(['dst']) ? 'dst' : undefined;
    if (first === undefined) return undefined;
    const other = first === 'src' ? 'dst' : 'src';
    if (this.words[this.at + 1]?.text !== other) return first;
    if (this.takeAny(ORS)) {
      this.at += 1;
      return 'either';
    }
    if (!this.takeAny(ANDS)) return first;
    // "src and dst port 7" is one test, "src 10.0.0.1 and dst 10.0.0.2" never comes here.
    this.at += 1;
    return 'both';
  }

  private protocolNumber(): Expression {
    const word = this.words[this.at];
    const named = word && Object.hasOwn(PROTOCOL_WORDS, word.text) ? PROTOCOL_WORDS[word.text] : undefined;
    this.at += 1;
    if (named) return named;
    const isNumber = word !== undefined && /^\d{1,3}$/.test(word.text) && Number(word.text) <= 255;
    if (!isNumber)
      this.refuse(word, 'A protocol number from 0 to 255 follows proto.', 'For instance: proto 47');
    return protocolTest(Number(word.text));
  }

  private value(type: Type, direction: Direction): Test {
    const word = this.words[this.at];
    if (!word) this.refuse(word, `A value is missing after ${type}.`, EXAMPLE);
    this.at += 1;
    if (type === 'port' || type === 'portrange') return this.ports(word, type, direction);
    const range = type === 'host' ? hostRange(word.text) : parseRange(word.text);
    if (range) return { kind: 'net', direction, range };
    if (type === 'net') {
      this.refuse(
        word,
        `"${word.text}" is no network.`,
        'Write it with its length and no host bits: 10.0.0.0/8',
      );
    }
    this.refuse(word, `"${word.text}" is no IP address.`, 'Names are not looked up: write the address.');
  }

  private ports(word: Word, type: Type, direction: Direction): Test {
    const [first = '', last, ...more] = type === 'port' ? [word.text] : word.text.split('-');
    const from = portOf(first);
    const to = last === undefined ? from : portOf(last);
    if (
      from === undefined ||
      to === undefined ||
      more.length > 0 ||
      (type === 'portrange' && last === undefined)
    ) {
      const mend = type === 'port' ? 'A number to 65535: port 2525' : 'Two numbers: portrange 6000-6010';
      this.refuse(word, `"${word.text}" is no ${type === 'port' ? 'port' : 'range of ports'}.`, mend);
    }
    if (from > to) this.refuse(word, `The range "${word.text}" is empty.`, `Write ${to}-${from}.`);
    return { kind: 'port', direction, from, to };
  }
}

function hostRange(text: string) {
  const address = parseAddress(text);
  return address && { ...address, bits: 128 };
}

function portOf(text: string): number | undefined {
  if (/^\d{1,5}$/.test(text)) return Number(text) <= 65_535 ? Number(text) : undefined;
  return portOfService(text);
}
