import { beforeAll, describe, expect, it } from 'vitest';
import { parsePolicy, verifyNitroDocument } from '../../verifier/index.ts';
import { judge, nitroCases } from './corpus.ts';
import { backed, checklist, isMissed, loadForRemoval, type RemovalReport, removeCheck } from './removal.ts';
import type { SwitchedVerifier } from './removal-bundle.ts';

let verifier: SwitchedVerifier;
let ids: readonly string[] = [];
const reports = new Map<string, RemovalReport>();

beforeAll(async () => {
  verifier = await loadForRemoval();
  ids = await checklist(verifier);
  for (const id of ids) reports.set(id, await removeCheck(verifier, id));
});

describe('the corpus misses every check that is taken out of the verifier', () => {
  it('judges as the product does while no check is out', async () => {
    const sample = nitroCases.filter((_, index) => index % 5 === 0);
    for (const entry of sample) {
      expect(await judge(verifier, entry), entry.id).toEqual(await judge({ parsePolicy, verifyNitroDocument }, entry));
    }
  });

  it('knows the whole checklist', () => {
    expect(ids.length).toBeGreaterThan(50);
    expect(Object.keys(backed).filter((id) => !ids.includes(id))).toEqual([]);
  });

  it('accepts something that must fail, once any check is gone', () => {
    expect([...reports.values()].filter((report) => !isMissed(report))).toEqual([]);
  });

  it('needs more than one check gone only where others stand behind it, by name', () => {
    const notAlone = [...reports.values()].filter(({ alone }) => alone !== 'accepted').map(({ id }) => id);
    expect(notAlone.sort()).toEqual(Object.keys(backed).sort());
  });

  it('takes nothing out when a check has no case that fails it', async () => {
    const report = await removeCheck(verifier, 'no such check');
    expect(isMissed(report)).toBe(false);
    expect(report.witness).toBeNull();
  });
});
