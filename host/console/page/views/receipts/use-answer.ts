import { type Inputs, useEffect, useState } from 'preact/hooks';

export type Answer<T> =
  | { readonly kind: 'busy' }
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Asks anew when `inputs` change; an answer to an older question is dropped. */
export function useAnswer<T>(ask: () => Promise<T>, inputs: Inputs): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ kind: 'busy' });
  useEffect(() => {
    let current = true;
    setAnswer({ kind: 'busy' });
    ask().then(
      (value) => current && setAnswer({ kind: 'done', value }),
      (error: unknown) => current && setAnswer({ kind: 'failed', error }),
    );
    return () => {
      current = false;
    };
  }, inputs);
  return answer;
}
