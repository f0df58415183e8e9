import type { ComponentChildren, VNode } from 'preact';
import { useConnection } from '../connection/context.tsx';
import { servedByWords } from './words.ts';

export type VerdictWord = 'accepted' | 'refused' | 'untrusted' | 'malformed' | 'undetermined';

export interface VerdictProps {
  readonly verdict: VerdictWord;
  /** What was judged, as a person would call it. */
  readonly of: string;
  /** A code of the verifier's or the client's; undefined where all passed. */
  readonly code?: string | undefined;
  /** What the verdict or the code means. */
  readonly meaning: string;
  /** Simulated evidence passes every check but the one for a vendor's root, so it is never drawn like the real thing. */
  readonly level?: 'attested' | 'simulated' | null | undefined;
  readonly children?: ComponentChildren;
}

/** Every verdict of the page is drawn here, so that none stands without whose code made it. */
export function Verdict({ verdict, of, code, meaning, level, children }: VerdictProps): VNode {
  const { servedBy } = useConnection();
  const simulated = level === 'simulated';
  return (
    <section class={`verdict ${verdict}${simulated ? ' simulated' : ''}`} aria-label={`Verdict on ${of}`}>
      <p class="verdict-of">{of}</p>
      <p class="verdict-word">
        <strong>{verdict}</strong>
        {code === undefined ? null : <code>{code}</code>}
      </p>
      <p>{meaning}</p>
      {simulated ? <p class="verdict-warning">Simulated: no hardware vouches for any of this.</p> : null}
      {children}
      <p class={`checked-by ${servedBy}`}>{servedByWords[servedBy]}</p>
    </section>
  );
}
