import type { VNode } from 'preact';

/** Beside everything that nobody but the host says. */
export function HostWord(): VNode {
  return (
    <span class="tag host-word" title="Nothing proves this. The host says it, and the host is trusted for nothing.">
      host’s word
    </span>
  );
}
