// `npm run docs`: writes the files that follow from declarations in the source. Run it after changing a
// configuration key, a fault, a metric or a command; a tidy test fails as long as a file differs.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  renderAgentDocs,
  renderConfigDocs,
  renderFaultDocs,
  renderPublishedAgentSchema,
  renderPublishedSchema,
} from '../config/render.ts';
import { renderMetricDocs } from '../daemon/metrics.ts';
import { renderManPages } from './man.ts';

const FILES: readonly (readonly [path: string, render: () => string])[] = [
  ['docs/config.md', renderConfigDocs],
  ['docs/config-agent.md', renderAgentDocs],
  ['docs/faults.md', renderFaultDocs],
  ['docs/metrics.md', renderMetricDocs],
  ['config/published/server.schema.json', renderPublishedSchema],
  ['config/published/agent.schema.json', renderPublishedAgentSchema],
  ...[...(await renderManPages())].map(([path, text]) => [path, () => text] as const),
];

function current(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

for (const [path, render] of FILES) {
  const text = render();
  const changed = current(path) !== text;
  if (changed) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  process.stdout.write(`${changed ? 'written  ' : 'unchanged'} ${path}\n`);
}
