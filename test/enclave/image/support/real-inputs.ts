import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fetchInputs } from '../../../../enclave/image/fetch.ts';
import { defaultInputStore, type InputStore, missingInputs } from '../../../../enclave/image/inputs.ts';
import { committedLock } from './workshop.ts';

export type RealInputs =
  | { readonly kind: 'ready'; readonly store: InputStore }
  /** Why tests that need them do not run: part of their titles, so that a skip is seen. */
  | { readonly kind: 'absent'; readonly reason: string };

const PATIENCE_MS = 90_000;

/** What the committed lock pins: from this user's store, or else from the mirrors, where there are any. */
export async function realInputs(): Promise<RealInputs> {
  const store = defaultInputStore(process.env);
  if (process.arch !== 'x64' || process.platform !== 'linux') return { kind: 'absent', reason: 'not Linux on x86-64' };
  if ((await missingInputs(store, committedLock)).length === 0) return { kind: 'ready', store };
  const fetching = fetchInputs(committedLock, store, {
    source: { kind: 'mirrors' },
    nodeModules: fileURLToPath(new URL('../../../../node_modules', import.meta.url)),
    report: () => {},
  }).then(
    (): RealInputs => ({ kind: 'ready', store }),
    (error: Error): RealInputs => ({ kind: 'absent', reason: `\`proofmark image fetch\` failed: ${error.message}` }),
  );
  const late = sleep(PATIENCE_MS, undefined, { ref: false }).then(
    (): RealInputs => ({ kind: 'absent', reason: 'the mirrors are too slow: run `proofmark image fetch`' }),
  );
  return Promise.race([fetching, late]);
}
