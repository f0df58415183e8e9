import type { VNode } from 'preact';
import { useId, useState } from 'preact/hooks';
import { limits } from '../../../../../wire/limits.ts';
import { Card } from '../../parts/card.tsx';
import { FileDrop } from '../../parts/file-drop.tsx';
import { countWords, plainText } from '../../parts/words.ts';
import {
  type Held,
  nothingHeld,
  type Taken,
  type TakeProblem,
  takeAll,
  takeText,
  without,
  withoutLevelFile,
} from './held.ts';
import { levelFileWords } from './levels.tsx';

export interface EvidenceProps {
  readonly held: Held;
  readonly onHeld: (held: Held) => void;
}

export function Evidence({ held, onHeld }: EvidenceProps): VNode {
  const [refused, setRefused] = useState<TakeProblem>();
  const takeIn = (taken: Taken): void => {
    setRefused('refused' in taken ? taken.refused : undefined);
    if ('held' in taken) onHeld(taken.held);
  };
  return (
    <Card title="Evidence">
      <FileDrop
        label="Attestation document, SEV-SNP report, its certificates, or .proofmark file"
        hint={`Binary, hex, base64 or PEM, up to ${countWords(limits.consoleFileBytes)} bytes. Beside a report its certificates; beside an answer its .proof, circuit.key, findings and a levels policy.`}
        maxBytes={limits.consoleFileBytes}
        onFiles={(files) => takeIn(takeAll(held, files))}
      />
      <PastedEvidence onText={(text) => takeIn(takeText(held, text))} />
      {refused === undefined ? null : (
        <p class="problem" role="alert">
          <code>{refused}</code>{' '}
          {refused === 'certificates_too_many'
            ? `${limits.auditChainFiles} files of certificates are the most.`
            : `${limits.levelEvidence} files about levels are the most.`}
        </p>
      )}
      <HeldList held={held} onHeld={onHeld} />
    </Card>
  );
}

function HeldList({ held, onHeld }: EvidenceProps): VNode | null {
  const { evidence, certificates, levels } = held;
  if (evidence === undefined && certificates.length + levels.length === 0) return null;
  return (
    <div class="held">
      <ul aria-label="What is judged">
        {evidence === undefined ? (
          <li class="soft">no evidence yet: what is beside it says nothing alone</li>
        ) : (
          <li>
            {plainText(evidence.name)} <span class="soft">{countWords(evidence.bytes.length)} bytes</span>
          </li>
        )}
        {certificates.map((one) => (
          <li key={one}>
            {plainText(one.name)} <span class="soft">{one.chain.certificates.length} certificates</span>{' '}
            <button type="button" class="quiet" onClick={() => onHeld(without(held, one))}>
              remove
            </button>
          </li>
        ))}
        {levels.map((one) => (
          <li key={one}>
            {plainText(one.name)} <span class="soft">{levelFileWords(one.file)}</span>{' '}
            <button type="button" class="quiet" onClick={() => onHeld(withoutLevelFile(held, one))}>
              remove
            </button>
          </li>
        ))}
      </ul>
      <button type="button" onClick={() => onHeld(nothingHeld)}>
        Clear all
      </button>
    </div>
  );
}

function PastedEvidence({ onText }: { readonly onText: (text: string) => void }): VNode {
  const id = useId();
  const [text, setText] = useState('');
  return (
    <details>
      <summary>Or paste hex, base64, PEM or JSON</summary>
      <label for={id}>Evidence or certificates as text</label>
      <textarea
        id={id}
        rows={6}
        spellcheck={false}
        maxLength={limits.consoleFileBytes}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <button
        type="button"
        disabled={text.trim() === ''}
        onClick={() => {
          onText(text);
          setText('');
        }}
      >
        Judge this text
      </button>
    </details>
  );
}
