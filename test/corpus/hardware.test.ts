import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rejudge } from '../../cli/evidence-bundle.ts';

/**
 * Evidence that people took on real machines with `proofmark evidence` and gave to the project. Each folder must get the
 * verdict that it got then.
 */
const FOLDER = join(import.meta.dirname, '../../attestations/vectors/hardware');
const bundles = existsSync(FOLDER) ? readdirSync(FOLDER) : [];

describe('evidence taken on real machines', () => {
  it.skipIf(bundles.length > 0)('has not been given to the project yet: nobody has run it on hardware', (context) => {
    context.skip();
  });

  it.each(bundles)('%s gets the verdict that it got then', async (name) => {
    const { said, found } = await rejudge(join(FOLDER, name));
    expect([found.verdict, found.code]).toEqual([said.verdict, said.code]);
  });
});
