import { useCallback, useEffect, useState } from 'preact/hooks';
import { webSuite } from '../../../../wire/crypto/web.ts';
import { type Connection, useConnection, usePolicy } from '../connection/context.tsx';
import { askWorkers, type HostedWorker } from './hints.ts';
import { type Judgement, judgeWorker } from './judge.ts';

/** How it stands with the question for one worker's evidence. */
export type Asked =
  | { readonly kind: 'asking' }
  | { readonly kind: 'judged'; readonly judgement: Judgement }
  | { readonly kind: 'failed'; readonly error: unknown };

export interface FleetWorker extends HostedWorker {
  readonly asked: Asked | undefined;
}

export type Fleet =
  | { readonly kind: 'asking' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'known'; readonly workers: readonly FleetWorker[] };

export interface FleetActions {
  /** Who is there, asked again. */
  readonly refresh: () => void;
  /** One worker's evidence, by a fresh challenge. */
  readonly askAgain: (log: string) => void;
}

/** What was judged stays while the page is open, by connection and policy: walking between views asks nobody again. */
const kept = new WeakMap<Connection, Map<string, Judgement>>();

function keptOf(connection: Connection): Map<string, Judgement> {
  const found = kept.get(connection) ?? new Map<string, Judgement>();
  kept.set(connection, found);
  return found;
}

export function useFleet(): readonly [Fleet, FleetActions] {
  const connection = useConnection();
  const policy = usePolicy();
  const policyText = policy.kind === 'chosen' ? policy.text : '';
  const [hosted, setHosted] = useState<readonly HostedWorker[] | undefined>();
  const [failure, setFailure] = useState<unknown>();
  const [asked, setAsked] = useState<ReadonlyMap<string, Asked>>(new Map());
  const [round, setRound] = useState(0);

  const ask = useCallback(
    async (log: string): Promise<void> => {
      const put = (state: Asked): void => setAsked((before) => new Map([...before, [log, state]]));
      put({ kind: 'asking' });
      const { transport, now } = connection;
      const chosen = policy.kind === 'chosen' ? policy.policy : undefined;
      try {
        const judgement = await judgeWorker({ transport, now, suite: webSuite, policy: chosen }, log);
        keptOf(connection).set(`${log} ${policyText}`, judgement);
        put({ kind: 'judged', judgement });
      } catch (error) {
        put({ kind: 'failed', error });
      }
    },
    [connection, policyText],
  );

  useEffect(() => {
    let left = false;
    askWorkers(connection.transport).then(
      (workers) => {
        if (left) return;
        setFailure(undefined);
        setHosted(workers);
      },
      (error: unknown) => {
        if (!left) setFailure(error);
      },
    );
    return () => {
      left = true;
    };
  }, [connection, round]);

  useEffect(() => {
    let left = false;
    // One after the other: a host answers only so many of these questions a second.
    const askAll = async (): Promise<void> => {
      for (const { log } of hosted ?? []) {
        if (log === undefined || left) continue;
        const judgement = keptOf(connection).get(`${log} ${policyText}`);
        if (judgement === undefined) await ask(log);
        else setAsked((before) => new Map([...before, [log, { kind: 'judged', judgement }]]));
      }
    };
    void askAll();
    return () => {
      left = true;
    };
  }, [hosted, ask]);

  const actions: FleetActions = {
    refresh: () => setRound((before) => before + 1),
    askAgain: (log) => void ask(log),
  };
  if (hosted === undefined) {
    return [failure === undefined ? { kind: 'asking' } : { kind: 'failed', error: failure }, actions];
  }
  const workers = hosted.map((worker) => ({
    ...worker,
    asked: worker.log === undefined ? undefined : asked.get(worker.log),
  }));
  return [{ kind: 'known', workers }, actions];
}
