// A reader of the Prometheus text format 0.0.4, strict: what it does not know is an error.

export interface ReadMetric {
  readonly name: string;
  readonly kind: string;
  readonly help: string;
  readonly samples: { labels: Record<string, string>; value: number }[];
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([-+0-9.eE]+|NaN|[-+]Inf)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(,|$)/y;

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const found = LABEL.exec(text);
    if (!found) throw new Error(`not a set of labels: ${text}`);
    const [, name = '', value = ''] = found;
    labels[name] = value.replace(/\\(["\\n])/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
  }
  return labels;
}

export function readMetrics(text: string): ReadMetric[] {
  if (!text.endsWith('\n')) throw new Error('the last line is not ended');
  const metrics: ReadMetric[] = [];
  let help: [string, string] | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const [, comment, about = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (comment === 'HELP') help = [about, rest];
    else if (comment === 'TYPE') {
      if (help?.[0] !== about) throw new Error(`no help before ${line}`);
      metrics.push({ name: about, kind: rest, help: help[1], samples: [] });
    } else {
      const [, name, labels = '', value = ''] = SAMPLE.exec(line) ?? [];
      const last = metrics.at(-1);
      if (name === undefined || last?.name !== name) throw new Error(`out of place: ${line}`);
      last.samples.push({ labels: readLabels(labels), value: Number(value) });
    }
  }
  return metrics;
}
