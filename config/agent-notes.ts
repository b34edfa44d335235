// What in agent.json has no effect: keys that its way of sending has no use for, queues that nothing goes into. Worth
// a look wherever the configuration is loaded, and no reason to refuse it.

import type { AgentConfig } from './agent.ts';
import type { Add } from './agent-rules.ts';
import type { Document, Path } from './document.ts';
import { get } from './rules.ts';
import { placeSaid } from './validate.ts';

/** Keys that have no effect: worth a look wherever the configuration is loaded. */
export function noteAgent(document: Document, config: AgentConfig, add: Add): void {
  const note = (path: Path, what: string, mend: string) =>
    add(placeSaid(document, { code: 'CONFIG_NOTE', path, part: 'key', what, mend }));
  if (config.inputs.length === 0 && config.traffic === undefined) {
    const what =
      config.destinations.length === 0
        ? 'There is no input and no destination: the agent has nothing to do.'
        : 'There is no input: the agent only delivers what still lies in its queues.';
    note([], what, 'Add one: "inputs": [{ "type": "journald" }]');
  }
  const { traffic } = config;
  if (traffic?.flowIntervalMs !== undefined && config.destinations.length === 0)
    note(
      ['traffic', 'flowInterval'],
      '"flowInterval" has no effect: interval records are messages, and there is no destination for them.',
      'Add one, or remove "flowInterval"; the log has a line for each event.',
    );
  if (traffic !== undefined && traffic.events.length === 0 && traffic.flowIntervalMs === undefined)
    note(
      ['traffic', 'events'],
      'Nothing is told of connections: "events" is empty, and there is no "flowInterval".',
      'Name some, such as ["reset", "refused", "no-answer", "timeout"].',
    );
  for (const [at, { name, to }] of config.destinations.entries()) {
    const scheme = to[0]?.scheme ?? 'relp';
    const text: unknown = get(document.value, 'destinations');
    const own: unknown = Array.isArray(text) ? text[at] : undefined;
    if (get(own, 'framing') !== undefined && scheme !== 'tcp')
      note(
        ['destinations', at, 'framing'],
        `"framing" of "${name}" has no effect: ${scheme}:// has one form.`,
        'Remove it.',
      );
    if (get(own, 'window') !== undefined && scheme !== 'relp' && scheme !== 'relps')
      note(
        ['destinations', at, 'window'],
        `"window" of "${name}" has no effect: ${scheme}:// has no answers.`,
        'Remove it.',
      );
  }
}
