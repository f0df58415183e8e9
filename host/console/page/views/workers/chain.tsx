import type { VNode } from 'preact';
import type { LinkState, TrustLink } from '../../../../../client/audit/index.ts';
import { stateWord, valueLines } from '../../../../../client/audit/words.ts';
import type { Check } from '../../../../../verifier/index.ts';
import { CheckList } from '../../parts/check-list.tsx';
import { plainText } from '../../parts/words.ts';

const GLYPHS: Readonly<Record<LinkState, string>> = {
  proven: 'M10.5 18.5l5 5 10-11',
  broken: 'M12 12l12 12M24 12L12 24',
  unproven: 'M11 18h14',
};

export interface ChainProps {
  readonly links: readonly TrustLink[];
  readonly checks: readonly Check[];
}

/** From the root of trust down to the worker's keys: each link with what decides about it. */
export function Chain({ links, checks }: ChainProps): VNode {
  return (
    <ol class="chain">
      {links.map((link, place) => (
        <Link key={`${place} ${link.kind}`} link={link} next={links[place + 1]?.state} checks={checks} />
      ))}
    </ol>
  );
}

interface LinkProps {
  readonly link: TrustLink;
  readonly next: LinkState | undefined;
  readonly checks: readonly Check[];
}

function Link({ link, next, checks }: LinkProps): VNode {
  const { title, by, state, facts } = link;
  const own = checks.filter(({ id }) => link.checks.includes(id));
  return (
    <li class={`${state}${next === undefined ? '' : ` to-${next}`}`}>
      <svg viewBox="0 0 36 36" aria-hidden="true">
        <circle class="disc" cx="18" cy="18" r="16" />
        <path class="glyph" d={GLYPHS[state]} />
      </svg>
      <h3>
        {plainText(title)} <span class="tag">{stateWord(link)}</span>
      </h3>
      <p class="soft">{by}</p>
      <dl>
        {facts.map(({ key, label, value }) => (
          <div key={key}>
            <dt>{label}</dt>
            <dd>{valueLines(value).join(', ')}</dd>
          </div>
        ))}
      </dl>
      {own.length === 0 ? null : (
        <details>
          <summary>{own.length === 1 ? '1 check decides' : `${own.length} checks decide`} about this link</summary>
          <CheckList title={`Checks of ${plainText(title)}`} checks={own} />
        </details>
      )}
    </li>
  );
}
