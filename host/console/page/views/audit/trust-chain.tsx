import type { VNode } from 'preact';
import type { LinkState, TrustLink } from '../../../../../client/audit/index.ts';
import { stateWord, valueLines } from '../../../../../client/audit/words.ts';
import { plainText } from '../../parts/words.ts';

const GLYPHS: Readonly<Record<LinkState, string>> = {
  proven: 'M10.5 18.5l5 5 10-11',
  broken: 'M12 12l12 12M24 12L12 24',
  unproven: 'M11 18h14',
};

/** From the root down to what it is asked to vouch for. The word beside each sign says the same as the sign. */
export function TrustChain({ links }: { readonly links: readonly TrustLink[] }): VNode {
  return (
    <ol class="trust">
      {links.map((link, index) => (
        <Step key={`${link.kind} ${link.title}`} link={link} next={links[index + 1]} />
      ))}
    </ol>
  );
}

function Step({ link, next }: { readonly link: TrustLink; readonly next: TrustLink | undefined }): VNode {
  const { title, by, state, facts } = link;
  return (
    <li class={`${state}${next === undefined ? '' : ` to-${next.state}`}`}>
      <svg viewBox="0 0 36 36" aria-hidden="true">
        <circle class="disc" cx="18" cy="18" r="16" />
        <path class="glyph" d={GLYPHS[state]} />
      </svg>
      <h3>
        {plainText(title)} <span class="tag">{stateWord(link)}</span>
      </h3>
      <p class="how">{by}</p>
      {facts.length === 0 ? null : (
        <dl>
          {facts.map(({ key, label, value }) => (
            <div key={key}>
              <dt>{label}</dt>
              <dd>{valueLines(value).join(', ')}</dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  );
}
