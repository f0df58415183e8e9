import type { VNode } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import type { Verified, WorkerFacts } from '../../../../../verifier/index.ts';
import { toHex } from '../../../../../wire/bytes.ts';
import { webSuite } from '../../../../../wire/crypto/web.ts';
import { useConnection } from '../../connection/context.tsx';
import { watchGrowth } from '../../fleet/growth.ts';
import {
  askStatistics,
  growthOf,
  type Moment,
  type Sample,
  type Statistics,
  throughputOf,
} from '../../fleet/statistics.ts';
import type { FleetWorker } from '../../fleet/use-fleet.ts';
import { Busy } from '../../parts/busy.tsx';
import { Card } from '../../parts/card.tsx';
import { FactList } from '../../parts/fact-list.tsx';
import { HostWord } from '../../parts/host-word.tsx';
import { Plot } from '../../parts/plot.tsx';
import { Problem } from '../../parts/problem.tsx';
import { countWords, durationWords } from '../../parts/words.ts';
import { usePolled } from './use-polled.ts';
import { rateWords, secondsWords } from './words.ts';

const POLL_MS = 5_000;
/** A plot has a few hundred pixels; at one sample per five seconds this is an hour. */
const SAMPLES = 720;

export function Figures({ workers }: { readonly workers: readonly FleetWorker[] }): VNode {
  const { transport } = useConnection();
  const polled = usePolled(() => askStatistics(transport), POLL_MS, [transport]);
  const statistics = polled.kind === 'answered' && polled.value !== 'not-published' ? polled.value : undefined;
  return (
    <>
      <LogGrowth workers={workers} moments={statistics?.moments ?? []} />
      <Card title="Traffic" aside={<HostWord />}>
        {polled.kind === 'asking' ? <Busy what="asking the host for its figures" /> : null}
        {polled.kind === 'failed' ? (
          <Problem title="The host’s figures are not to be had." error={polled.error} />
        ) : null}
        {polled.kind === 'answered' && statistics === undefined ? (
          <p>This host publishes no figures. Its operator can: --statistics public.</p>
        ) : null}
        {statistics === undefined ? null : <Traffic statistics={statistics} />}
      </Card>
      {statistics === undefined ? null : <Settlement statistics={statistics} />}
    </>
  );
}

function Traffic({ statistics }: { readonly statistics: Statistics }): VNode {
  const { requests, underWay, uptimeSeconds, everySeconds } = statistics;
  const { times, answered, notAnswered, median, p95 } = useMemo(() => throughputOf(statistics), [statistics]);
  return (
    <>
      <dl class="numbers">
        <Total label="answered" value={countWords(requests.ok)} />
        <Total label="refused" value={countWords(requests.refused)} />
        <Total label="failed" value={countWords(requests.failed)} />
        <Total label="under way" value={countWords(underWay)} />
        <Total label="since" value={durationWords(uptimeSeconds * 1_000)} />
      </dl>
      {times.length < 2 ? (
        <p class="soft">The plots begin once the host has noted two moments, {everySeconds} s apart.</p>
      ) : (
        <div class="plots">
          <Plot
            title="Requests per second"
            times={times}
            series={[
              { label: 'answered', values: answered, tone: 'accent' },
              { label: 'not answered', values: notAnswered, tone: 'bad', line: 'dashed' },
            ]}
            format={rateWords}
          />
          <Plot
            title="From request to end of answer"
            times={times}
            series={[
              { label: 'half of them', values: median, tone: 'accent' },
              { label: '95 in 100', values: p95, tone: 'warn', line: 'dashed' },
            ]}
            format={secondsWords}
          />
        </div>
      )}
    </>
  );
}

function Total({ label, value }: { readonly label: string; readonly value: string }): VNode {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Settlement({ statistics: { settlement } }: { readonly statistics: Statistics }): VNode {
  return (
    <Card title="Settlement" aside={<HostWord />}>
      {settlement === null ? (
        <p>This host settles nothing on a chain.</p>
      ) : (
        <FactList
          facts={[
            { label: 'receipts that no posted head stands above', value: countWords(settlement.unpostedLeaves) },
            { label: 'transactions on their way', value: countWords(settlement.pendingTransactions) },
            {
              label: 'last round without a failure',
              value: `${durationWords(settlement.lastSuccessSeconds * 1_000)} ago`,
            },
          ]}
        />
      )}
    </Card>
  );
}

interface LogGrowthProps {
  readonly workers: readonly FleetWorker[];
  readonly moments: readonly Moment[];
}

/** Heads are sampled from proven workers only: who has not shown its key has signed nothing. */
function LogGrowth({ workers, moments }: LogGrowthProps): VNode {
  const { transport, now } = useConnection();
  const proven = workers.flatMap(({ asked }) =>
    asked?.kind === 'judged' && asked.judgement.proven !== undefined ? [asked.judgement.proven] : [],
  );
  const logs = proven.map(({ log }) => toHex(log)).join();
  const watches = useMemo(() => proven.map((worker) => watchGrowth({ transport, suite: webSuite, worker })), [logs]);
  const samples = useRef<{ readonly logs: string; readonly list: readonly Sample[] }>({ logs, list: [] });
  const polled = usePolled(
    async () => {
      const heads = await Promise.all(watches.map((watch) => watch.sample()));
      const sample = { at: Math.floor(now() / 1_000), leaves: heads.reduce((sum, { size }) => sum + size, 0) };
      const before = samples.current.logs === logs ? samples.current.list : [];
      if (watches.length > 0) samples.current = { logs, list: [...before, sample].slice(-SAMPLES) };
      return samples.current.list;
    },
    POLL_MS,
    [logs],
  );
  const list = polled.kind === 'answered' && logs !== '' ? polled.value : [];
  const growth = useMemo(() => growthOf(moments, list), [moments, list]);
  const newest = list.at(-1);
  return (
    <Card title="Logs">
      {polled.kind === 'failed' ? <Problem title="A log does not hold." error={polled.error} /> : null}
      <FactList facts={[{ label: 'leaves', value: <Leaves newest={newest} workers={proven} /> }]} />
      {growth.times.length < 2 ? null : (
        <Plot
          title="Leaves of all logs"
          from="least"
          steps="whole"
          times={growth.times}
          series={[
            { label: 'signed heads, verified here', values: growth.proven, tone: 'good', gaps: 'spanned' },
            { label: 'host’s word', values: growth.said, tone: 'mute', line: 'dashed', gaps: 'spanned' },
          ]}
          format={countWords}
        />
      )}
    </Card>
  );
}

interface LeavesProps {
  readonly newest: Sample | undefined;
  readonly workers: readonly Verified<WorkerFacts>[];
}

function Leaves({ newest, workers }: LeavesProps): VNode {
  if (workers.length === 0) return <>unknown: no worker is proven, so no signature is anybody’s</>;
  if (newest === undefined) return <>asking for signed heads</>;
  return (
    <>
      {countWords(newest.leaves)}, under {workers.length === 1 ? 'a head' : `${workers.length} heads`} that{' '}
      {workers.length === 1 ? 'its worker' : 'their workers'} signed and that continued every one seen here
    </>
  );
}
