import type { VNode } from 'preact';
import { useConnection } from '../../connection/context.tsx';
import { useClock } from '../../fleet/use-clock.ts';
import { durationWords, plainText, timeWords } from '../../parts/words.ts';
import type { Lifetime } from './lifetimes.ts';

const SECOND = 1_000;

/** Counts down; it is not announced every second to whoever hears the page. */
export function Lifetimes({ lifetimes }: { readonly lifetimes: readonly Lifetime[] }): VNode {
  const { now } = useConnection();
  const time = useClock(now, SECOND);
  return (
    <table class="figures lifetimes">
      <thead>
        <tr>
          <th scope="col">what ends</th>
          <th scope="col">when</th>
          <th scope="col">left</th>
        </tr>
      </thead>
      <tbody>
        {lifetimes.map(({ what, until }) => (
          <tr key={what} class={until > time ? '' : 'over'}>
            <td>{plainText(what)}</td>
            <td>{timeWords(until)}</td>
            <td>{until > time ? durationWords(until - time) : `over since ${durationWords(time - until)}`}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
