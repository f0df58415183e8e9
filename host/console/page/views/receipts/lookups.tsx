import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { archiveOfLookup } from '../../../../../client/receipts/archive.ts';
import type { Lookup, Lookups } from '../../../../../client/receipts/lookup.ts';
import type { Asker } from '../../../../../client/receipts/prove-worker.ts';
import { isZero, toHex } from '../../../../../wire/bytes.ts';
import { type Receipt, statusName, type TreeHead } from '../../../../../wire/message/receipt.ts';
import { flag } from '../../../../../wire/message/request.ts';
import { Busy } from '../../parts/busy.tsx';
import { Card } from '../../parts/card.tsx';
import { CheckList } from '../../parts/check-list.tsx';
import { Download } from '../../parts/download.tsx';
import { FactList, type ShownFact } from '../../parts/fact-list.tsx';
import { Hex } from '../../parts/hex.tsx';
import { HostWord } from '../../parts/host-word.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { plainText, timeWords } from '../../parts/words.ts';
import { hrefOf } from '../../routes.ts';
import { ChainCards } from './chain-cards.tsx';
import { PathCard } from './path.tsx';
import { countWords, type OriginOnly, stepsOf, WITHOUT_PAYLOAD } from './question.ts';

export interface LookupsProps {
  readonly asker: Asker;
  readonly lookups: Lookups;
}

export function LookupsView({ asker, lookups }: LookupsProps): VNode {
  return (
    <>
      {countWords(lookups).map((line) => (
        <p key={line} class="soft lead">
          {line} <HostWord />
        </p>
      ))}
      {lookups.found.map((lookup) => (
        <LookupView key={placeOf(lookup)} asker={asker} lookup={lookup} />
      ))}
    </>
  );
}

function placeOf(lookup: Lookup): string {
  const { receipt, head } = lookup.verdict === 'undetermined' ? lookup.claims : lookup.facts;
  return `${toHex(head.log)} ${receipt.index}`;
}

function LookupView({ asker, lookup }: { readonly asker: Asker; readonly lookup: Lookup }): VNode {
  if (lookup.verdict === 'origin-only') return <Proven asker={asker} lookup={lookup} />;
  const { claims, reason } = lookup;
  return (
    <>
      <Verdict
        verdict="undetermined"
        of="the receipt"
        code={plainText(reason)}
        meaning="The host shows no evidence of this log any more, so nobody vouches for the key that signed. An answer that was saved when it came has the evidence in its file: judge that on the audit page."
      />
      <Card title="What the receipt says" aside={<HostWord />}>
        <FactList facts={factsOf(claims.receipt, claims.head)} />
      </Card>
    </>
  );
}

function Proven({ asker, lookup }: { readonly asker: Asker; readonly lookup: OriginOnly }): VNode {
  const { facts, proven, notProven, bundle } = lookup;
  const { worker } = proven;
  const steps = stepsOf(lookup);
  return (
    <>
      <Verdict
        verdict="accepted"
        of="the receipt, without request and answer"
        meaning="A worker that the policy accepts signed this receipt, and it stands in that worker’s log."
        level={worker.level}
      >
        <SaveArchive asker={asker} lookup={lookup} />
      </Verdict>
      <Card title="What the receipt says">
        <FactList facts={factsOf(facts.receipt, facts.head)} />
      </Card>
      <Card title="1. The worker, by evidence made for this question">
        <FactList
          facts={[
            { label: 'level', value: worker.level },
            {
              label: 'log',
              value: (
                <>
                  <Hex value={worker.log} name="log" />{' '}
                  <a href={hrefOf({ view: 'workers', log: toHex(worker.log) })}>its chain of trust</a>
                </>
              ),
            },
            { label: 'image', value: <Hex value={worker.imageId} name="image id" /> },
            { label: 'policy', value: plainText(asker.policy.name) },
            { label: 'key accepted until', value: timeWords(worker.acceptedUntil) },
          ]}
        />
        <details>
          <summary>All {proven.checks.length} checks of the worker</summary>
          <CheckList title="Worker" checks={proven.checks} />
        </details>
      </Card>
      <Card title="2. The head of its log, signed by that worker">
        <CheckList title="Head" checks={steps.head} />
      </Card>
      <PathCard bundle={bundle} root={facts.head.root} checks={steps.inclusion} />
      <Card title="4. What else the receipt was held against">
        <CheckList title="Receipt" checks={steps.others} />
      </Card>
      <ChainCards asker={asker} lookup={lookup} />
      <Card title="What this does not prove">
        <ul class="open">
          {[...WITHOUT_PAYLOAD, ...notProven.map(({ reason }) => reason)].map((reason) => (
            <li key={reason}>{plainText(reason)}</li>
          ))}
        </ul>
      </Card>
    </>
  );
}

type Saving =
  | { readonly kind: 'not-asked' | 'busy' }
  | { readonly kind: 'made'; readonly bytes: Uint8Array }
  | { readonly kind: 'failed'; readonly error: unknown };

/** The release is asked for only now, and only one whose owner signed it goes into the file. */
function SaveArchive({ asker, lookup }: { readonly asker: Asker; readonly lookup: OriginOnly }): VNode {
  const [saving, setSaving] = useState<Saving>({ kind: 'not-asked' });
  const make = (): void => {
    setSaving({ kind: 'busy' });
    archiveOfLookup(asker, lookup).then(
      (bytes) => setSaving({ kind: 'made', bytes }),
      (error: unknown) => setSaving({ kind: 'failed', error }),
    );
  };
  switch (saving.kind) {
    case 'not-asked':
      return (
        <button type="button" onClick={make}>
          Make a .proofmark file without the payload
        </button>
      );
    case 'busy':
      return <Busy what="asking for the release" />;
    case 'failed':
      return <Problem title="No file was made." error={saving.error} />;
    case 'made': {
      const name = `${toHex(lookup.facts.receipt.requestId).slice(0, 16)}.proofmark`;
      return <Download name={name} type="application/json" bytes={() => saving.bytes} label={`Save ${name}`} />;
    }
  }
}

function factsOf(receipt: Receipt, head: TreeHead): readonly ShownFact[] {
  const sealed = (receipt.flags & flag.sealed) !== 0n;
  return [
    { label: 'request', value: <Hex value={receipt.requestId} name="request id" /> },
    { label: 'model id', value: <Hex value={receipt.modelId} name="model id" /> },
    { label: 'status', value: statusName(receipt.status) },
    { label: 'sealed', value: sealed ? 'end to end' : 'no: the host saw it' },
    { label: 'fee', value: String(receipt.fee) },
    {
      label: 'channel',
      value: isZero(receipt.channel) ? 'none' : <Hex value={receipt.channel} name="channel" />,
    },
    { label: 'owed by the channel', value: String(receipt.cumulativeFee) },
    { label: 'request hash', value: <Hex value={receipt.requestHash} name="request hash" /> },
    { label: 'response hash', value: <Hex value={receipt.responseHash} name="response hash" /> },
    {
      label: 'commitment',
      value: isZero(receipt.commitment) ? 'none' : <Hex value={receipt.commitment} name="commitment" />,
    },
    { label: 'leaf', value: `${receipt.index} of ${head.size}` },
    { label: 'log', value: <Hex value={head.log} name="log" /> },
    { label: 'root', value: <Hex value={head.root} name="root" /> },
  ];
}
