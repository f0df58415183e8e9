import { type CorpusCase, caseById, corpusCases, judge } from './corpus.ts';
import { loadSwitchedVerifier, type SwitchedVerifier } from './removal-bundle.ts';
import { backed, specials } from './removal-table.ts';

type Tee = CorpusCase['tee'];

export interface RemovalReport {
  readonly id: string;
  /** With the check gone, and nothing else: `accepted`, or the verdict and its code. */
  readonly alone: string;
  /** With only its second lines gone; null where it has none. */
  readonly guarded: string | null;
  /** With both gone; null where it has none. */
  readonly bare: string | null;
  /** The case that shows it. */
  readonly witness: string | null;
}

export async function loadForRemoval(): Promise<SwitchedVerifier> {
  const all = Object.values(specials).flatMap((table) => Object.values(table));
  return loadSwitchedVerifier(all.flatMap(({ patch }) => (patch === undefined ? [] : [patch])));
}

const RIGHT: { readonly [tee in Tee]: string } = {
  'aws-nitro': 'nitro-ok-definite',
  'amd-sev-snp': 'snp-ok-strict',
};

/** Every id of the checklist, as an accepted verdict lists them. */
export async function checklist(verifier: SwitchedVerifier, tee: Tee): Promise<readonly string[]> {
  const { checks } = await judge(verifier, caseById(RIGHT[tee]));
  return checks;
}

/** Takes a check out and judges what it refuses, until evidence passes that should not. */
export async function removeCheck(verifier: SwitchedVerifier, tee: Tee, id: string): Promise<RemovalReport> {
  const second = backed[tee][id]?.by;
  let report: RemovalReport = { id, alone: 'no case fails it', guarded: null, bare: null, witness: null };
  for (const entry of casesFor(tee, id)) {
    const alone = await rulingWithout(verifier, [id], entry);
    const guarded = second === undefined ? null : await rulingWithout(verifier, second, entry);
    const bare = second === undefined ? null : await rulingWithout(verifier, [id, ...second], entry);
    report = { id, alone, guarded, bare, witness: entry.id };
    if (alone === 'accepted' || bare === 'accepted') break;
  }
  return report;
}

/** Whether some case passes that should not, once nothing is left of the check and of what stands behind it. */
export function isMissed({ alone, guarded, bare }: RemovalReport): boolean {
  return alone === 'accepted' || (guarded !== 'accepted' && bare === 'accepted');
}

function casesFor(tee: Tee, id: string): readonly CorpusCase[] {
  const named = specials[tee][id]?.witness;
  if (named !== undefined) return [caseById(named)];
  return corpusCases.filter((entry) => entry.tee === tee && entry.expect.check === id);
}

async function rulingWithout(verifier: SwitchedVerifier, ids: readonly string[], entry: CorpusCase): Promise<string> {
  verifier.removal.ids = ids;
  verifier.removal.wireCodes = ids.flatMap((id) => specials[entry.tee][id]?.wireCodes ?? []);
  try {
    const { verdict, code } = await judge(verifier, entry);
    return code === null ? verdict : `${verdict} ${code}`;
  } catch (error) {
    // A parser that goes on after what it should have refused may stumble later: that is no acceptance.
    return `an exception: ${(error as Error).name}`;
  } finally {
    verifier.removal.ids = [];
    verifier.removal.wireCodes = [];
  }
}
