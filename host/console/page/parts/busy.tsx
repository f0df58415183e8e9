import type { VNode } from 'preact';

export interface BusyProps {
  /** What is being done, as "asking the host for evidence". */
  readonly what: string;
  /** From 0 to 1, where it is known how much there is to do. */
  readonly done?: number | undefined;
}

export function Busy({ what, done }: BusyProps): VNode {
  return (
    <p class="busy" role="status">
      <progress aria-label={what} {...(done === undefined ? {} : { value: done, max: 1 })} /> {what}
    </p>
  );
}
