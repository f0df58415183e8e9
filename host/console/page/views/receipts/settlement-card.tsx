import type { VNode } from 'preact';
import { limits } from '../../../../../wire/limits.ts';
import { askHostJson, isAbsent } from '../../connection/ask.ts';
import { useConnection } from '../../connection/context.tsx';
import { Card } from '../../parts/card.tsx';
import { FactList } from '../../parts/fact-list.tsx';
import { Hex } from '../../parts/hex.tsx';
import { HostWord } from '../../parts/host-word.tsx';
import { Problem } from '../../parts/problem.tsx';
import { countWords, durationWords } from '../../parts/words.ts';
import { EventTable } from './event-table.tsx';
import { settlementReader, whatWords } from './settlement-word.ts';
import { useAnswer } from './use-answer.ts';

/** How far settlement is, by the host itself. An older host does not say. */
export function SettlementCard(): VNode | null {
  const { transport } = useConnection();
  const answer = useAnswer(async () => {
    try {
      return settlementReader(await askHostJson(transport, '/v1/settlement', limits.bundleBytes), 'settlement');
    } catch (error) {
      if (isAbsent(error)) return 'absent';
      throw error;
    }
  }, [transport]);
  if (answer.kind === 'busy' || (answer.kind === 'done' && answer.value === 'absent')) return null;
  if (answer.kind === 'failed')
    return <Problem title="The host’s word on settlement was not read." error={answer.error} />;
  if (answer.value === 'absent') return null;
  const { settlement } = answer.value;
  return (
    <Card title="Settlement, as the host tells it" aside={<HostWord />}>
      {settlement === null ? (
        <p>This host settles nothing on a chain.</p>
      ) : (
        <>
          <FactList
            facts={[
              { label: 'chain', value: settlement.chainId },
              { label: 'contract', value: <Hex value={settlement.settlement} name="settlement" /> },
              { label: 'receipts under no posted head', value: countWords(settlement.unpostedLeaves) },
              { label: 'last round without a failure', value: `${durationWords(settlement.quietSeconds * 1_000)} ago` },
            ]}
          />
          <EventTable
            caption="Posted heads"
            absent="none posted"
            names={['log', 'leaves']}
            rows={settlement.heads.map(({ log, size }) => [
              <Hex key="log" value={log} name={`log with ${size} leaves`} />,
              countWords(size),
            ])}
          />
          <EventTable
            caption="Transactions that are not final yet"
            absent="none"
            names={['what', 'hash', 'block']}
            rows={settlement.transactions.map(({ what, hash, block }) => [
              whatWords[what],
              hash === null ? '–' : <Hex key="hash" value={hash} name={`hash of a ${whatWords[what]}`} />,
              block ?? 'not mined',
            ])}
          />
        </>
      )}
    </Card>
  );
}
