// Bytes of a terminal as keys: letters, and the sequences of VT100 and xterm for arrows and their like. A sequence that
// is cut waits for its rest; one that is unknown is swallowed whole, so that its letters are not taken for keys.
// Refuses: to wait. An Escape that stands alone at the end is told by flush(), when nothing came after it.

export type Key = { readonly kind: 'char'; readonly char: string } | { readonly kind: NamedKey };

export type NamedKey =
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'pageUp'
  | 'pageDown'
  | 'home'
  | 'end'
  | 'enter'
  | 'escape'
  | 'tab'
  | 'backTab'
  | 'backspace'
  | 'delete'
  | 'interrupt'
  | 'suspend'
  | 'redraw'
  | 'clearLine'
  | 'wordBack';

const BYTES: Readonly<Record<string, NamedKey>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\x7f': 'backspace',
  '\b': 'backspace',
  '\x01': 'home',
  '\x03': 'interrupt',
  '\x04': 'interrupt',
  '\x05': 'end',
  '\x0c': 'redraw',
  '\x0e': 'down',
  '\x10': 'up',
  '\x15': 'clearLine',
  '\x17': 'wordBack',
  '\x1a': 'suspend',
};

/** What stands after ESC [ or ESC O (xterm's control sequences; the Linux console's and rxvt's numbers). */
const SEQUENCES: Readonly<Record<string, NamedKey>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  Z: 'backTab',
  M: 'enter',
  '1~': 'home',
  '3~': 'delete',
  '4~': 'end',
  '5~': 'pageUp',
  '6~': 'pageDown',
  '7~': 'home',
  '8~': 'end',
};

/** ECMA-48 section 5.4: parameters, intermediates, one final byte. */
const CONTROL_SEQUENCE = /^\x1b\[([0-?]*)[ -/]*([@-~])/;
const CUT_SEQUENCE = /^\x1b(?:\[[0-?]*[ -/]*|O)?$/;
/** Longer than any that is sent: noise. */
const PENDING_MAX = 32;

export class KeyReader {
  readonly #decoder = new TextDecoder('utf-8');
  #pending = '';

  /** The keys that are whole; the rest waits. */
  read(bytes: Uint8Array): Key[] {
    this.#pending += this.#decoder.decode(bytes, { stream: true });
    const keys: Key[] = [];
    while (this.#pending !== '' && !this.#isCut()) {
      const key = this.#next();
      if (key) keys.push(key);
    }
    return keys;
  }

  get isWaiting(): boolean {
    return this.#pending !== '';
  }

  /** Nothing came for a moment: an Escape alone is the key of that name. */
  flush(): Key[] {
    const hadEscape = this.#pending.startsWith('\x1b');
    this.#pending = '';
    return hadEscape ? [{ kind: 'escape' }] : [];
  }

  #isCut(): boolean {
    return CUT_SEQUENCE.test(this.#pending) && this.#pending.length < PENDING_MAX;
  }

  #take(length: number): string {
    const taken = this.#pending.slice(0, length);
    this.#pending = this.#pending.slice(length);
    return taken;
  }

  #next(): Key | undefined {
    if (this.#pending.startsWith('\x1b')) return this.#nextSequence();
    const char = String.fromCodePoint(this.#pending.codePointAt(0) ?? 0);
    this.#take(char.length);
    const named = BYTES[char];
    if (named !== undefined) return { kind: named };
    return /[\p{C}\p{Zl}\p{Zp}]/u.test(char) ? undefined : { kind: 'char', char };
  }

  #nextSequence(): Key | undefined {
    const [whole, parameters = '', final = ''] = CONTROL_SEQUENCE.exec(this.#pending) ?? [];
    if (whole !== undefined) {
      this.#take(whole.length);
      // "1;5A" is an arrow with Ctrl: the arrow is what counts.
      const name = final === '~' ? `${parameters.split(';')[0]}~` : final;
      return named(name);
    }
    if (this.#pending.startsWith('\x1bO')) return named(this.#take(3).slice(2));
    this.#take(1);
    return { kind: 'escape' };
  }
}

function named(sequence: string): Key | undefined {
  const kind = Object.hasOwn(SEQUENCES, sequence) ? SEQUENCES[sequence] : undefined;
  return kind === undefined ? undefined : { kind };
}
