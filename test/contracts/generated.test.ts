import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { generated } from '../../contracts/generate/main.ts';
import { formatSolidity } from '../../contracts/tools/format.ts';
import { CONTRACTS } from '../../contracts/tools/foundry.ts';

it.each(generated.map(({ path, write }) => ({ path, write })))(
  'contracts/$path is what its program writes, byte for byte',
  ({ path, write }) => {
    expect(readFileSync(join(CONTRACTS, path), 'utf8')).toBe(formatSolidity(write()));
  },
);
