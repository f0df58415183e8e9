import { beforeAll, describe, expect, it } from 'vitest';
import { parsePolicy, parseSnpPolicy, verifyNitroDocument, verifySnpReport } from '../../verifier/index.ts';
import { corpusCases, judge } from './corpus.ts';
import { checklist, isMissed, loadForRemoval, type RemovalReport, removeCheck } from './removal.ts';
import type { SwitchedVerifier } from './removal-bundle.ts';
import { backed } from './removal-table.ts';

let verifier: SwitchedVerifier;

beforeAll(async () => {
  verifier = await loadForRemoval();
});

it('judges as the product does while no check is out', async () => {
  const product = { parsePolicy, parseSnpPolicy, verifyNitroDocument, verifySnpReport };
  for (const entry of corpusCases.filter((_, index) => index % 7 === 0)) {
    expect(await judge(verifier, entry), entry.id).toEqual(await judge(product, entry));
  }
});

describe.each([
  ['aws-nitro', 50],
  ['amd-sev-snp', 70],
] as const)('the corpus misses every check for %s that is taken out of the verifier', (tee, least) => {
  let ids: readonly string[] = [];
  let reports: readonly RemovalReport[] = [];

  beforeAll(async () => {
    ids = await checklist(verifier, tee);
    const made: RemovalReport[] = [];
    for (const id of ids) made.push(await removeCheck(verifier, tee, id));
    reports = made;
  });

  it('knows the whole checklist', () => {
    expect(ids.length).toBeGreaterThan(least);
    expect(reports.map(({ id }) => id)).toEqual(ids);
  });

  it('accepts something that must fail, once any check is gone', () => {
    expect(reports.filter((report) => !isMissed(report))).toEqual([]);
  });

  it('needs more than one check gone only where others stand behind it, by name', () => {
    const notAlone = reports.filter(({ alone }) => alone !== 'accepted').map(({ id }) => id);
    expect(notAlone.sort()).toEqual(Object.keys(backed[tee]).sort());
  });

  it('takes nothing out when a check has no case that fails it', async () => {
    const report = await removeCheck(verifier, tee, 'no such check');
    expect(isMissed(report)).toBe(false);
    expect(report.witness).toBeNull();
  });
});
