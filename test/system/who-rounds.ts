// A program of its own, for a network namespace of its own: who-rounds PEER ROUND…, each round as JSON; one line for each.
// First what works here, then what each round gave.

import { Who } from '../../client/monitor/who/who.ts';
import { type Round, runRound } from './who-asker.ts';

const [peer = '', ...rounds] = process.argv.slice(2);
const who = new Who(
  { filter: undefined },
  {
    onListeners: () => {},
    onDied: (error) => {
      throw error;
    },
  },
);
await who.start();
console.log(JSON.stringify(who.status().ways));
for (const round of rounds)
  console.log(JSON.stringify(await runRound(who, peer, JSON.parse(round) as Round)));
await who.stop();
await who.stop();
