import { useEffect, useState } from 'preact/hooks';

/** What a part of the page waits for. */
export type Loaded<T> =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'ready'; readonly value: T };

/** Loads again where one of `inputs` has changed; what comes late for what was asked before is dropped. */
export function useLoaded<T>(load: () => Promise<T>, inputs: readonly unknown[]): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ kind: 'loading' });
  useEffect(() => {
    let wanted = true;
    const settle = (next: Loaded<T>): void => {
      if (wanted) setLoaded(next);
    };
    setLoaded({ kind: 'loading' });
    load().then(
      (value) => settle({ kind: 'ready', value }),
      (error: unknown) => settle({ kind: 'failed', error }),
    );
    return () => {
      wanted = false;
    };
  }, inputs);
  return loaded;
}
