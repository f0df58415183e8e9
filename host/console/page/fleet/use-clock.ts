import { useEffect, useState } from 'preact/hooks';

/** The time, again every so many milliseconds, as long as somebody looks. */
export function useClock(now: () => number, everyMs: number): number {
  const [time, setTime] = useState(now);
  useEffect(() => {
    const tick = (): void => {
      if (document.visibilityState === 'visible') setTime(now());
    };
    const timer = setInterval(tick, everyMs);
    document.addEventListener('visibilitychange', tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', tick);
    };
  }, [now, everyMs]);
  return time;
}
