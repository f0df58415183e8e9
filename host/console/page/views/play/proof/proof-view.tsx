import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { PathStep } from '../../../../../../client/receipts/path.ts';
import type { Proof } from '../../../../../../client/types.ts';
import { toHex } from '../../../../../../wire/bytes.ts';
import { webSuite } from '../../../../../../wire/crypto/web.ts';
import { Busy } from '../../../parts/busy.tsx';
import { CheckList } from '../../../parts/check-list.tsx';
import { FactList } from '../../../parts/fact-list.tsx';
import { useLoaded } from '../../../parts/loaded.ts';
import { Problem } from '../../../parts/problem.tsx';
import { visible } from '../../models/card/visible.ts';
import type { Comparison, ProofStep } from './step.ts';
import { proveSteps } from './steps.ts';

/** The way from the hardware to this answer; every step says what was held against what. */
export function ProofView({ result }: { readonly result: Proof }): VNode {
  const loaded = useLoaded(() => proveSteps(result, webSuite), [result]);
  const [open, setOpen] = useState<'none' | 'all'>('none');
  if (loaded.kind === 'loading') return <Busy what="working the proof out once more" />;
  if (loaded.kind === 'failed') return <Problem title="The steps could not be drawn." error={loaded.error} />;
  const { steps, path } = loaded.value;
  return (
    <section class="proof" aria-label="Proof, step by step">
      <p class="soft">
        Worked out from the bytes of the file that is saved above. What decides is the verifier: its checks stand in
        each step.{' '}
        <button type="button" class="quiet" onClick={() => setOpen(open === 'all' ? 'none' : 'all')}>
          {open === 'all' ? 'close all' : 'open all'}
        </button>
      </p>
      <ol class="proof-steps">
        {steps.map((step, at) => (
          <Step key={`${step.id} ${open}`} step={step} number={at + 1} path={path} open={open === 'all'} />
        ))}
      </ol>
      {result.notProven.length === 0 ? null : (
        <details>
          <summary>What this does not prove</summary>
          <ul>
            {result.notProven.map(({ id, reason }, at) => (
              <li key={`${id} ${at}`}>
                <code>{id}</code> {visible(reason)}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

interface StepProps {
  readonly step: ProofStep;
  readonly number: number;
  readonly path: readonly PathStep[];
  readonly open: boolean;
}

function Step({ step, number, path, open }: StepProps): VNode {
  const { title, settles, from, comparisons, facts, checks } = step;
  const holds = comparisons.every((each) => each.holds) && checks.every(({ outcome }) => outcome !== 'failed');
  return (
    <li class={`proof-step ${holds ? 'accepted' : 'untrusted'}`}>
      <details open={open}>
        <summary>
          <span class="step-number">{number}</span> <strong>{title}</strong>{' '}
          <span class="tag">{holds ? 'holds' : 'does not hold'}</span>
        </summary>
        <p>{settles}</p>
        <p class="soft">{from}</p>
        {comparisons.map((comparison) => (
          <Compared key={comparison.computed} comparison={comparison} />
        ))}
        {step.id === 'path' ? <Path path={path} /> : null}
        {facts.length === 0 ? null : (
          <FactList facts={facts.map(({ label, value }) => ({ label, value: <code>{visible(value)}</code> }))} />
        )}
        <details>
          <summary>The verifier’s checks of this step ({checks.length})</summary>
          <CheckList title={title} checks={checks} />
        </details>
      </details>
    </li>
  );
}

function Compared({ comparison }: { readonly comparison: Comparison }): VNode {
  const { computed, value, stated, statedValue, holds } = comparison;
  return (
    <dl class="compared">
      <div>
        <dt>{computed}</dt>
        <dd>
          <code>{value}</code>
        </dd>
      </div>
      <div>
        <dt>{stated}</dt>
        <dd>
          <code>{statedValue}</code>
        </dd>
      </div>
      <div>
        <dt class="visually-hidden">Outcome</dt>
        <dd class={holds ? 'same' : 'other'}>{holds ? '= the same' : '≠ not the same'}</dd>
      </div>
    </dl>
  );
}

/** From the leaf upwards: each line is what the one before and its neighbour hash to. */
function Path({ path }: { readonly path: readonly PathStep[] }): VNode {
  if (path.length === 0) return <p class="soft">The log has this one leaf: it is the root itself.</p>;
  return (
    <ol class="climb">
      {path.map(({ level, side, neighbour, node }) => (
        <li key={level}>
          <span class="soft">with its neighbour on the {side}</span> <code>{toHex(neighbour)}</code>{' '}
          <span class="soft">gives</span> <code>{toHex(node)}</code>
        </li>
      ))}
    </ol>
  );
}
