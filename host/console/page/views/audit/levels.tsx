import type { VNode } from 'preact';
import { type AuditedLevels, disputeSentence, type LevelWords, levelWords } from '../../../../../client/audit/index.ts';
import type { LevelFile } from '../../../../../client/levels/index.ts';
import { Card } from '../../parts/card.tsx';
import { plainText } from '../../parts/words.ts';

const classes: Readonly<Record<LevelWords['state'], string>> = {
  reached: 'proven',
  refused: 'broken',
  'not-reached': 'soft',
};

/** Which levels a saved answer has, whoever vouches, and what was left out. */
export function Levels({ levels }: { readonly levels: AuditedLevels }): VNode | null {
  const words = levelWords(levels);
  if (words.length === 0) return null;
  const dispute = disputeSentence(levels);
  return (
    <Card title="Which levels it has">
      <p class="soft">
        Each rests on something else. Drop a .proof with its circuit.key, findings or approvals of auditors, and a
        levels policy that names whom you believe.
      </p>
      {dispute === undefined ? null : (
        <p class="problem" role="alert">
          {dispute}
        </p>
      )}
      <ul class="open levels">
        {words.map(({ level, state, word, lines }) => (
          <li key={level} class={state === 'reached' ? 'counted' : 'uncounted'}>
            <strong>{level}</strong> <span class={`tag ${classes[state]}`}>{word}</span>
            {lines.map((line) => (
              <span key={line} class="detail">
                {plainText(line)}
              </span>
            ))}
          </li>
        ))}
      </ul>
    </Card>
  );
}

const kinds: Readonly<Record<Exclude<LevelFile['kind'], 'unreadable'>, string>> = {
  proof: 'a proof',
  'circuit-key': 'a circuit key',
  finding: 'a finding of an auditor',
  approval: 'an approval of an auditor',
  'levels-policy': 'whom you believe beside the hardware',
};

export function levelFileWords(file: LevelFile): string {
  if (file.kind === 'unreadable') return `cannot be read, and is not judged: ${plainText(file.detail)}`;
  return file.kind === 'levels-policy' ? `${kinds[file.kind]}: ${plainText(file.policy.name)}` : kinds[file.kind];
}
