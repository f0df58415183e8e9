import { setTimeout as sleep } from 'node:timers/promises';
import { proveWorkerAt } from '../support/attested-calls.ts';
import { serveJobs } from '../support/forked.ts';
import { type Caller, createPost, tensorCallers } from './calls.ts';
import { chatCallers } from './chats.ts';
import type { CrowdJob, CrowdResult } from './crowd.ts';
import { type Ledger, openLedger } from './ledger.ts';

/** The honest clients of a soak: each verifies every answer, holds it against the model, and remembers its receipt. */
const TICK_MS = 2;
const SLICE_MS = 1_000;
const MOST_NAMED = 10;
const TENSORS_PER_CHAT = 8;

let callers: readonly Caller[] = [];
let ledger: Ledger | undefined;

serveJobs(async (job: CrowdJob): Promise<CrowdResult> => {
  switch (job.kind) {
    case 'open': {
      const worker = await proveWorkerAt(job.url, job.policyFile);
      const { url, modelId, languageId } = job;
      const post = createPost(url);
      const tensors = await tensorCallers({ url, worker, modelId, post });
      const chats = await chatCallers({ url, worker, modelId: languageId, post });
      callers = [...Array.from({ length: TENSORS_PER_CHAT }, () => tensors), chats].flat();
      ledger = openLedger(job.ledger);
      return createTally().result();
    }
    case 'closed':
      return runClosed(job);
    case 'steady':
      return runSteady(job);
    case 'close':
      await ledger?.close();
      return createTally().result();
  }
});

interface Tally {
  /** One call, due at `due`; never throws. */
  call(due: number): Promise<void>;
  result(): CrowdResult;
}

function createTally(): Tally {
  const started = performance.now();
  const answers: Record<string, number> = {};
  const wrong: string[] = [];
  const slices: number[][] = [];
  let turnedAway = 0;
  let turn = 0;
  return {
    async call(due) {
      const caller = callers[turn++ % callers.length] as Caller;
      try {
        const outcome = await caller.call();
        if (outcome.kind === 'turned-away') {
          turnedAway++;
          return;
        }
        const { facts, receipt } = outcome.judged;
        ledger?.add(facts.requestId, facts.index, receipt);
        answers[caller.name] = (answers[caller.name] ?? 0) + 1;
        const slice = Math.floor((due - started) / SLICE_MS);
        slices[slice] ??= [];
        slices[slice].push(outcome.arrived - due);
      } catch (error) {
        if (wrong.length < MOST_NAMED) wrong.push(`${caller.name}: ${String(error)}`);
      }
    },
    result: () => ({
      seconds: (performance.now() - started) / 1_000,
      answers,
      turnedAway,
      wrong,
      slices: slices.filter((slice) => slice !== undefined).map((slice) => Float64Array.from(slice)),
    }),
  };
}

async function runClosed({ inFlight, ms }: Extract<CrowdJob, { readonly kind: 'closed' }>): Promise<CrowdResult> {
  const tally = createTally();
  const until = performance.now() + ms;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() < until) await tally.call(performance.now());
    }),
  );
  return tally.result();
}

/** The clock decides when a call is due; what is late because an answer was late counts as late (no coordinated omission). */
async function runSteady({ perSecond, ms }: Extract<CrowdJob, { readonly kind: 'steady' }>): Promise<CrowdResult> {
  const tally = createTally();
  const started = performance.now();
  const total = Math.floor((perSecond * ms) / 1_000);
  const running = new Set<Promise<void>>();
  for (let issued = 0; issued < total; ) {
    const due = started + (issued * 1_000) / perSecond;
    if (due > performance.now()) {
      await sleep(TICK_MS);
      continue;
    }
    const call = tally.call(due);
    running.add(call);
    void call.finally(() => running.delete(call));
    issued++;
  }
  await Promise.all(running);
  return tally.result();
}
