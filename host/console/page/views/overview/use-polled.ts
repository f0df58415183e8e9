import { useEffect, useRef, useState } from 'preact/hooks';

export type Polled<T> =
  | { readonly kind: 'asking' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'answered'; readonly value: T };

/** Asks now, and again every so many milliseconds while somebody looks. What failed once is asked again all the same. */
export function usePolled<T>(ask: () => Promise<T>, everyMs: number, about: readonly unknown[]): Polled<T> {
  const [polled, setPolled] = useState<Polled<T>>({ kind: 'asking' });
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    let left = false;
    let underWay = false;
    const poll = async (): Promise<void> => {
      if (underWay || document.visibilityState !== 'visible') return;
      underWay = true;
      try {
        const value = await latest.current();
        if (!left) setPolled({ kind: 'answered', value });
      } catch (error) {
        if (!left) setPolled({ kind: 'failed', error });
      } finally {
        underWay = false;
      }
    };
    void poll();
    const timer = setInterval(() => void poll(), everyMs);
    return () => {
      left = true;
      clearInterval(timer);
    };
  }, [everyMs, ...about]);
  return polled;
}
