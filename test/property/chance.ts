// Where chance in the tests comes from: one seed, the same in each run, so that what was green stays green until
// the code changes. `BELFRY_SEED=17` tries another one, `BELFRY_SEED=$RANDOM` any.

import fc from 'fast-check';

export const SEED = Number(process.env['BELFRY_SEED'] ?? 20_251_121);

fc.configureGlobal({ seed: SEED });

export { fc };
