import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { Proof } from '../../../../../client/types.ts';
import { toHex } from '../../../../../wire/bytes.ts';
import { Download } from '../../parts/download.tsx';
import { FactList, type ShownFact } from '../../parts/fact-list.tsx';
import { Hex } from '../../parts/hex.tsx';
import { hrefOf } from '../../routes.ts';
import { ProofView } from './proof/proof-view.tsx';

export interface AnswerToolsProps {
  readonly result: Proof;
  readonly facts?: readonly ShownFact[];
}

/** What goes with every proven answer: what it cost, its file, and its proof. */
export function AnswerTools({ result, facts = [] }: AnswerToolsProps): VNode {
  const { receipt } = result;
  const [shown, setShown] = useState<'no' | 'yes'>('no');
  const requestId = toHex(receipt.requestId);
  return (
    <>
      <FactList
        facts={[
          { label: 'Receipt', value: `leaf ${receipt.index} of ${receipt.head.size}` },
          { label: 'Request id', value: <Hex value={requestId} name="request id" /> },
          { label: 'Fee', value: `${receipt.fee}` },
          ...facts,
        ]}
      />
      <p class="actions">
        <Download
          name={`${requestId}.proofmark`}
          type="application/json"
          bytes={() => result.archive()}
          label="Save .proofmark"
        />
        <button type="button" aria-expanded={shown === 'yes'} onClick={() => setShown(shown === 'yes' ? 'no' : 'yes')}>
          {shown === 'yes' ? 'Hide the proof' : 'Show the proof, step by step'}
        </button>
        <a href={hrefOf({ view: 'receipts', requestId })}>Look its receipt up</a>
      </p>
      {shown === 'yes' ? <ProofView result={result} /> : null}
    </>
  );
}
