// A program of its own, for whatever rights and namespace a test starts it with: says what works, then answers each line of
// its standard input, a question as JSON, with a line. The first lines are the ways and the listening sockets.

import { createInterface } from 'node:readline';
import { Who } from '../../client/monitor/who/who.ts';
import type { WhoQuestion } from '../../client/monitor/who/who.port.ts';

const who = new Who(
  { filter: undefined },
  {
    onListeners: (listeners) => console.log(JSON.stringify({ listeners })),
    onDied: (error) => {
      throw error;
    },
  },
);
await who.start();
console.log(JSON.stringify({ ways: who.status().ways }));
for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line) as WhoQuestion | 'counts';
  if (question === 'counts') console.log(JSON.stringify({ counts: who.status().counts }));
  else console.log(JSON.stringify({ owners: await who.ask(question) }));
}
await who.stop();
