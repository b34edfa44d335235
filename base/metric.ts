// Metrics as a table: each is declared once, with its kind, labels, help and how it is read. `/metrics`, the
// docs and the tests are made from the table. Label values come from closed sets, never from messages.

export type MetricKind = 'counter' | 'gauge';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Metric<State> {
  readonly name: string;
  readonly kind: MetricKind;
  /** Labels with what their values are. */
  readonly labels: Readonly<Record<string, string>>;
  readonly help: string;
  read(state: State): number | readonly Sample[];
}

function escapeLabel(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}

function printSample(name: string, sample: Sample): string {
  const labels = Object.entries(sample.labels).map(([key, value]) => `${key}="${escapeLabel(value)}"`);
  return `${name}${labels.length === 0 ? '' : `{${labels.join(',')}}`} ${sample.value}\n`;
}

/** The Prometheus text format, version 0.0.4. */
export function printMetrics<State>(table: readonly Metric<State>[], state: State): string {
  let text = '';
  for (const metric of table) {
    const read = metric.read(state);
    const samples = typeof read === 'number' ? [{ labels: {}, value: read }] : read;
    text += `# HELP ${metric.name} ${metric.help}\n# TYPE ${metric.name} ${metric.kind}\n`;
    for (const sample of samples) text += printSample(metric.name, sample);
  }
  return text;
}
