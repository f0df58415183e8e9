import type { VNode } from 'preact';
import { growthOf } from '../../../../../client/receipts/growth.ts';
import type { Asker } from '../../../../../client/receipts/prove-worker.ts';
import { isZero } from '../../../../../wire/bytes.ts';
import { useConnection } from '../../connection/context.tsx';
import { browserStore, type TextStore } from '../../connection/policy.ts';
import { Busy } from '../../parts/busy.tsx';
import { Card } from '../../parts/card.tsx';
import { FactList } from '../../parts/fact-list.tsx';
import { Hex } from '../../parts/hex.tsx';
import { Problem } from '../../parts/problem.tsx';
import { countWords, timeWords } from '../../parts/words.ts';
import { chainProblem, LOG_BLOCKS, type OnChain, readChannel, readOnChain } from './chain.ts';
import { EventTable } from './event-table.tsx';
import { rememberedHeads, rememberHead } from './heads.ts';
import type { OriginOnly } from './question.ts';
import { type Answer, useAnswer } from './use-answer.ts';

const store: TextStore = browserStore(() => localStorage);

interface CardsProps {
  readonly asker: Asker;
  readonly lookup: OriginOnly;
}

/** The newest head, and what a chain has of the log, if the page reaches one. */
export function ChainCards({ asker, lookup }: CardsProps): VNode {
  const { chain } = useConnection();
  const { worker } = lookup.proven;
  const onChain = useAnswer(async (): Promise<OnChain | 'no_node' | 'no_chain' | 'other_chain'> => {
    if (chain === undefined) return worker.identity.chainId === 0n ? 'no_chain' : 'no_node';
    return (await chainProblem(chain, worker)) ?? readOnChain(chain, worker);
  }, [chain, worker]);
  return (
    <>
      <GrowthCard asker={asker} lookup={lookup} onChain={onChain} />
      <OnChainCard onChain={onChain} lookup={lookup} />
      {isZero(lookup.facts.receipt.channel) ? null : <ChannelCard lookup={lookup} />}
    </>
  );
}

/** What the page's node says is worth what that node is worth. */
function NodeWord(): VNode {
  return (
    <span class="tag host-word" title="A node of a chain says this. Ask another one if you do not run it.">
      the node’s word
    </span>
  );
}

type ChainAnswer = Answer<OnChain | 'no_node' | 'no_chain' | 'other_chain'>;

/** The heads that a chain keeps are joined with the newest, too: a log must not look different there. */
function GrowthCard({ asker, lookup, onChain }: CardsProps & { readonly onChain: ChainAnswer }): VNode {
  const { worker } = lookup.proven;
  const posted = onChain.kind === 'done' && typeof onChain.value === 'object' ? onChain.value.heads : [];
  const answer = useAnswer(async () => {
    const growth = await growthOf(asker, worker, {
      signed: [lookup.bundle, ...rememberedHeads(store, worker.log)],
      posted: posted.slice(0, 8),
    });
    rememberHead(store, worker.log, growth.shown);
    return growth;
  }, [asker, lookup, posted.length]);
  return (
    <Card title="5. The log since then">
      {answer.kind === 'busy' ? <Busy what="asking for the newest head, and how it continues this one" /> : null}
      {answer.kind === 'failed' ? (
        <Problem title="The log was not shown to continue this head." error={answer.error} />
      ) : null}
      {answer.kind === 'done' ? (
        <>
          <FactList
            facts={[
              { label: 'newest head', value: `${countWords(answer.value.newest.size)} leaves, signed by the worker` },
              { label: 'its root', value: <Hex value={answer.value.newest.root} name="newest root" /> },
            ]}
          />
          <ul class="open">
            {answer.value.joined.map(({ first, second, hashes }, index) => (
              <li key={index} class="counted">
                {first === second
                  ? `the head of ${countWords(first)} leaves is the same`
                  : `${countWords(second)} leaves continue ${countWords(first)}: a proof of ${hashes} ${hashes === 1 ? 'hash' : 'hashes'} holds`}
              </li>
            ))}
          </ul>
          <p class="soft">
            Joined with this receipt’s head, the newest that this browser saw before, and those that the chain keeps.
            The host can hold newer heads back.
          </p>
        </>
      ) : null}
    </Card>
  );
}

function OnChainCard({ onChain, lookup }: { readonly onChain: ChainAnswer; readonly lookup: OriginOnly }): VNode {
  const title = 'On chain';
  if (onChain.kind === 'busy') return <Card title={title}>{<Busy what="asking the chain" />}</Card>;
  if (onChain.kind === 'failed') {
    return (
      <Card title={title}>
        <Problem title="The chain was not read." error={onChain.error} />
      </Card>
    );
  }
  if (typeof onChain.value === 'string') return <Card title={title}>{absence[onChain.value]}</Card>;
  const { registered, heads, claims, from, block } = onChain.value;
  return (
    <Card title={title} aside={<NodeWord />}>
      <FactList
        facts={[
          { label: 'registry', value: <Hex value={lookup.proven.worker.identity.registry} name="registry" /> },
          { label: 'registered', value: registered.expiresAt === null ? 'no' : 'yes' },
          { label: 'operator', value: <Hex value={registered.operator} name="operator" /> },
          { label: 'registered until', value: registered.expiresAt === null ? '–' : seconds(registered.expiresAt) },
          { label: 'revoked', value: registered.revokedAt === null ? 'no' : seconds(registered.revokedAt) },
          {
            label: 'events looked at',
            value: `blocks ${countWords(from)} to ${countWords(block)}, at most ${countWords(LOG_BLOCKS)}`,
          },
        ]}
      />
      <EventTable
        caption="Heads that were posted"
        absent="none in these blocks"
        names={['leaves', 'root', 'block', 'transaction']}
        rows={heads.map(({ size, root, block: at, transaction }) => [
          countWords(size),
          <Hex key="root" value={root} name={`root of ${size}`} />,
          countWords(at),
          <Hex key="tx" value={transaction.slice(2)} name="transaction" />,
        ])}
      />
      <EventTable
        caption="Claims"
        absent="none in these blocks"
        names={['amount', 'claimed by this log', 'block', 'transaction']}
        rows={claims.map(({ amount, claimedByLog, block: at, transaction }) => [
          countWords(amount),
          countWords(claimedByLog),
          countWords(at),
          <Hex key="tx" value={transaction.slice(2)} name="transaction" />,
        ])}
      />
    </Card>
  );
}

const absence: Readonly<Record<'no_node' | 'no_chain' | 'other_chain', VNode>> = {
  no_node: (
    <p>
      No chain is connected. To read what it keeps of this log, run your own console with a node:{' '}
      <code>npx proofmark console --connect URL --chain URL</code>
    </p>
  ),
  no_chain: <p>This worker’s identity names no chain: nothing of it is settled on one.</p>,
  other_chain: <p>The connected node is of another chain than this worker’s identity names.</p>,
};

/** Where the channel stands that this receipt charges. */
function ChannelCard({ lookup }: { readonly lookup: OriginOnly }): VNode {
  const { chain } = useConnection();
  const { worker } = lookup.proven;
  const { channel, cumulativeFee } = lookup.facts.receipt;
  const answer = useAnswer(
    async () => (chain === undefined ? undefined : { found: await readChannel(chain, worker, channel) }),
    [chain, worker, lookup],
  );
  if (answer.kind === 'done' && answer.value === undefined) return <Card title="Channel">{absence.no_node}</Card>;
  return (
    <Card title="Channel" aside={<NodeWord />}>
      {answer.kind === 'busy' ? <Busy what="asking the chain" /> : null}
      {answer.kind === 'failed' ? <Problem title="The channel was not read." error={answer.error} /> : null}
      {answer.kind === 'done' && answer.value?.found === undefined ? <p>The chain has no channel of this id.</p> : null}
      {answer.kind === 'done' && answer.value?.found !== undefined ? (
        <FactList
          facts={[
            { label: 'payer', value: <Hex value={answer.value.found.payer} name="payer" /> },
            { label: 'payee', value: <Hex value={answer.value.found.payee} name="payee" /> },
            { label: 'locked and not paid', value: countWords(answer.value.found.balance) },
            { label: 'claimed by this log', value: countWords(answer.value.found.claimedByLog) },
            { label: 'owed by this receipt', value: countWords(cumulativeFee) },
            {
              label: 'closing',
              value: answer.value.found.closesAt === 0n ? 'no' : seconds(answer.value.found.closesAt),
            },
          ]}
        />
      ) : null}
    </Card>
  );
}

function seconds(time: bigint): string {
  return timeWords(Number(time) * 1_000);
}
