import type { VNode } from 'preact';
import type { MeasurementRow } from './measurements.ts';

const words: Readonly<Record<MeasurementRow['outcome'], string>> = {
  same: 'the same',
  differs: 'differs',
  'not asked': 'not asked',
};
const tones: Readonly<Record<MeasurementRow['outcome'], string>> = {
  same: 'proven',
  differs: 'broken',
  'not asked': 'claimed',
};

/** What the hardware measured beside what the policy takes, digit by digit. */
export function Measurements({ rows }: { readonly rows: readonly MeasurementRow[] }): VNode {
  return (
    <ul class="plain rows measurements">
      {rows.map(({ name, reported, wanted, outcome }) => (
        <li key={name}>
          <h3>
            {name} <span class={`tag ${tones[outcome]}`}>{words[outcome]}</span>
          </h3>
          <dl>
            <div>
              <dt>evidence</dt>
              <dd>{reported === null ? 'has none' : <Digits text={reported} beside={onlyOne(wanted)} />}</dd>
            </div>
            <div>
              <dt>policy</dt>
              <dd>
                <Wanted wanted={wanted} reported={reported} />
              </dd>
            </div>
          </dl>
        </li>
      ))}
    </ul>
  );
}

function onlyOne(wanted: MeasurementRow['wanted']): string | null {
  return typeof wanted === 'string' ? null : (wanted[0] ?? null);
}

function Wanted({ wanted, reported }: Pick<MeasurementRow, 'wanted' | 'reported'>): VNode {
  if (wanted === 'any') return <>takes any</>;
  if (wanted === 'no policy') return <>none is chosen</>;
  if (wanted.length === 0) return <>takes none at all</>;
  return (
    <>
      {wanted.map((digits) => (
        <Digits key={digits} text={digits} beside={reported} />
      ))}
    </>
  );
}

const GROUP = 8;

/** In groups of eight; those that differ from what stands beside are marked. */
function Digits({ text, beside }: { readonly text: string; readonly beside: string | null }): VNode {
  const groups = Array.from({ length: Math.ceil(text.length / GROUP) }, (_, at) => at * GROUP);
  return (
    <code class="digits">
      {groups.map((from) => {
        const group = text.slice(from, from + GROUP);
        const differs = beside !== null && beside.slice(from, from + GROUP) !== group;
        return differs ? <mark key={from}>{group}</mark> : <span key={from}>{group}</span>;
      })}
    </code>
  );
}
