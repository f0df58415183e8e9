import type { VNode } from 'preact';
import { useId, useMemo, useState } from 'preact/hooks';
import type { Asker } from '../../../../../client/receipts/prove-worker.ts';
import { fromHex } from '../../../../../wire/bytes.ts';
import { webSuite } from '../../../../../wire/crypto/web.ts';
import { useConnection, usePolicy } from '../../connection/context.tsx';
import { Busy } from '../../parts/busy.tsx';
import { Card } from '../../parts/card.tsx';
import { PolicyPicker } from '../../parts/policy-picker.tsx';
import { Problem } from '../../parts/problem.tsx';
import { hrefOf } from '../../routes.ts';
import { LookupsView } from './lookups.tsx';
import { lookUpOrExplain } from './question.ts';
import { SettlementCard } from './settlement-card.tsx';
import { useAnswer } from './use-answer.ts';

export function ReceiptsView({ requestId }: { readonly requestId: string | undefined }): VNode {
  const { transport, now } = useConnection();
  const chosen = usePolicy();
  const policy = chosen.kind === 'chosen' ? chosen.policy : undefined;
  const asker = useMemo<Asker | undefined>(
    () => (policy === undefined ? undefined : { host: transport, policy, suite: webSuite, now }),
    [transport, policy, now],
  );
  return (
    <>
      <LookUp requestId={requestId} />
      <PolicyPicker />
      {requestId === undefined || asker === undefined ? null : (
        <Found key={requestId} asker={asker} requestId={requestId} />
      )}
      <SettlementCard />
    </>
  );
}

function LookUp({ requestId }: { readonly requestId: string | undefined }): VNode {
  const id = useId();
  const [text, setText] = useState(requestId ?? '');
  const [wrong, setWrong] = useState('');
  const go = (): void => {
    const wanted = text.trim();
    const wellFormed = /^[0-9a-f]{64}$/.test(wanted);
    setWrong(wellFormed ? '' : 'A request id is 64 lower-case hex digits.');
    if (wellFormed) location.hash = hrefOf({ view: 'receipts', requestId: wanted });
  };
  return (
    <Card title="Look up a receipt">
      <div class="look-up">
        <label for={id}>Request id</label>
        <input
          id={id}
          type="text"
          autocomplete="off"
          spellcheck={false}
          placeholder="64 hex digits"
          value={text}
          aria-describedby={`${id}-hint`}
          aria-invalid={wrong !== ''}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
          onKeyDown={({ key }) => (key === 'Enter' ? go() : undefined)}
        />
        <button type="button" onClick={go}>
          Look up
        </button>
      </div>
      <p id={`${id}-hint`} class="soft">
        {wrong === ''
          ? 'It stands in every answer and saved file. Whoever knows it gets the receipt, not the payload.'
          : wrong}
      </p>
    </Card>
  );
}

function Found({ asker, requestId }: { readonly asker: Asker; readonly requestId: string }): VNode {
  const answer = useAnswer(() => lookUpOrExplain(asker, fromHex(requestId, 32)), [asker, requestId]);
  switch (answer.kind) {
    case 'busy':
      return <Busy what="asking the host for the receipt, and for evidence of its worker" />;
    case 'failed':
      return <Problem title="No receipt was proven." error={answer.error} />;
    case 'done':
      return <LookupsView asker={asker} lookups={answer.value} />;
  }
}
