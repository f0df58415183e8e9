import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CONTRACTS } from '../../contracts/tools/foundry.ts';
import { provedFiles } from './fixtures/proved.ts';
import { provedVolatilityFiles } from './fixtures/proved-volatility.ts';
import { recomputedFiles } from './fixtures/recomputed.ts';
import { registrationFiles } from './fixtures/registrations.ts';
import { signatureFiles } from './fixtures/signatures.ts';

const FOLDER = join(CONTRACTS, 'test/fixtures');

describe("forge's registrations, signatures, generated contract, trapdoor and proof", () => {
  it('are what `make vectors` writes, byte for byte', { timeout: 60_000 }, async () => {
    const files = new Map([
      ...(await registrationFiles()),
      ...signatureFiles(),
      ...(await recomputedFiles()),
      ...provedFiles(),
      ...(await provedVolatilityFiles()),
    ]);
    expect(readdirSync(FOLDER).sort()).toEqual([...files.keys()].sort());
    for (const [name, text] of files) {
      expect(readFileSync(join(FOLDER, name), 'utf8') === text, `${name} is as it was written`).toBe(true);
    }
  });
});
