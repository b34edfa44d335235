// Splits TypeScript source into code, comments and strings, and lists what it imports, so that the tidy
// rules look at code where they mean code. It knows strings, templates with nested code, regular expressions
// and comments: enough to be right about this repository, and the self-test says on what.
//
// Refuses: to understand the language. Types, scopes and macros are the compiler's and the linter's.

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** `export … from`, as against `import`. */
  readonly isExport: boolean;
}

export interface Source {
  readonly path: string;
  readonly text: string;
  /** The text with the inside of strings and all comments blanked; lines stay where they are. */
  readonly code: string;
  /** All comments, one after the other, blanked elsewhere. */
  readonly comments: string;
  readonly imports: readonly Import[];
}

interface Span {
  readonly kind: 'comment' | 'string';
  readonly from: number;
  readonly to: number;
}

/** After these, a slash begins a regular expression and is not a division. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|await|yield))\s*$/;

/** Walks once over a text and notes where strings and comments stand. */
class Scanner {
  private readonly text: string;
  private readonly spans: Span[] = [];
  private at = 0;
  /** One entry for each `${` that is open: how many braces are open inside it. */
  private readonly openTemplates: number[] = [];

  constructor(text: string) {
    this.text = text;
  }

  scan(): Span[] {
    if (this.text.startsWith('#!')) this.take('comment', this.find('\n', 0));
    while (this.at < this.text.length) this.step();
    return this.spans;
  }

  private step(): void {
    const char = this.text[this.at];
    const next = this.text[this.at + 1];
    if (char === '/' && next === '/') this.take('comment', this.find('\n', this.at));
    else if (char === '/' && next === '*') this.take('comment', this.find('*/', this.at + 2) + 2);
    else if (char === "'" || char === '"') this.takeQuoted(char);
    else if (char === '`') this.takeTemplate();
    else if (char === '{') this.openBrace();
    else if (char === '}') this.closeBrace();
    else if (char === '/' && this.regexMayStandHere()) this.takeRegex();
    else this.at++;
  }

  private find(what: string, from: number): number {
    const found = this.text.indexOf(what, from);
    return found < 0 ? this.text.length : found;
  }

  private take(kind: Span['kind'], to: number): void {
    const end = Math.min(to, this.text.length);
    this.spans.push({ kind, from: this.at, to: end });
    this.at = end;
  }

  private takeQuoted(quote: string): void {
    let to = ++this.at;
    while (to < this.text.length && this.text[to] !== quote && this.text[to] !== '\n') {
      to += this.text[to] === '\\' ? 2 : 1;
    }
    this.take('string', to);
    this.at++;
  }

  /** From a backtick, or from the brace that ends nested code, to the closing backtick or the next `${`. */
  private takeTemplate(): void {
    let to = ++this.at;
    while (to < this.text.length && this.text[to] !== '`' && !this.text.startsWith('${', to)) {
      to += this.text[to] === '\\' ? 2 : 1;
    }
    this.take('string', to);
    if (this.text[this.at] === '$') {
      this.openTemplates.push(0);
      this.at++;
    }
    this.at++;
  }

  private openBrace(): void {
    const depth = this.openTemplates.pop();
    if (depth !== undefined) this.openTemplates.push(depth + 1);
    this.at++;
  }

  private closeBrace(): void {
    const depth = this.openTemplates.pop();
    if (depth === 0) {
      this.takeTemplate();
      return;
    }
    if (depth !== undefined) this.openTemplates.push(depth - 1);
    this.at++;
  }

  private regexMayStandHere(): boolean {
    const codeFrom = this.spans.at(-1)?.to ?? 0;
    return BEFORE_REGEX.test(this.text.slice(Math.max(codeFrom, this.at - 40), this.at));
  }

  private takeRegex(): void {
    let to = ++this.at;
    let inClass = false;
    while (to < this.text.length && this.text[to] !== '\n' && (inClass || this.text[to] !== '/')) {
      if (this.text[to] === '[') inClass = true;
      if (this.text[to] === ']') inClass = false;
      to += this.text[to] === '\\' ? 2 : 1;
    }
    this.take('string', to);
    this.at++;
  }
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}

const IMPORT =
  /\b(import|export)\b([^'"`;]*?)\bfrom\s*(['"])|\bimport\s*\(?\s*(['"])|\brequire\s*\(\s*(['"])|\bnew URL\(\s*(['"])/g;

function importsOf(text: string, code: string): Import[] {
  const found: Import[] = [];
  for (const match of code.matchAll(IMPORT)) {
    const from = match.index + match[0].length;
    const quote = match[0].at(-1) as string;
    const specifier = text.slice(from, code.indexOf(quote, from));
    if (match[6] !== undefined && !/^\.{1,2}\//.test(specifier)) continue;
    const line = text.slice(0, match.index).split('\n').length;
    found.push({ specifier, line, isExport: match[1] === 'export' });
  }
  return found;
}

export function readSource(path: string, text: string): Source {
  let code = '';
  let comments = '';
  let done = 0;
  for (const { kind, from, to } of new Scanner(text).scan()) {
    const before = text.slice(done, from);
    const inside = text.slice(from, to);
    code += before + blank(inside);
    comments += blank(before) + (kind === 'comment' ? inside : blank(inside));
    done = to;
  }
  code += text.slice(done);
  return { path, text, code, comments, imports: importsOf(text, code) };
}
