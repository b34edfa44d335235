// A program for writable.test.ts, started as another user: prints the faults of the configuration that its
// argument names, as a JSON list.

import { load } from './marked.ts';

const { faults } = load(process.argv[2] ?? '', true);
const lines = faults.map(({ code, text }) => `${code} ${text.place?.key ?? ''} ${text.what}`);
process.stdout.write(JSON.stringify(lines));
