import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { toHex } from '../../../../../wire/bytes.ts';
import { webSuite } from '../../../../../wire/crypto/web.ts';
import { useConnection, usePolicy } from '../../connection/context.tsx';
import { type ListedRelease, listReleases } from '../../connection/served-releases.ts';
import { Busy } from '../../parts/busy.tsx';
import { Hex } from '../../parts/hex.tsx';
import { HostWord } from '../../parts/host-word.tsx';
import { useLoaded } from '../../parts/loaded.ts';
import { PolicyPicker } from '../../parts/policy-picker.tsx';
import { Problem } from '../../parts/problem.tsx';
import { hrefOf } from '../../routes.ts';
import { visible } from './card/visible.ts';
import { publishersOf } from './policy-words.ts';
import { readRelease, readStanding, type ShownRelease, type Standing } from './releases.ts';
import { seenStatuses } from './status-memory.ts';

/** Releases that are fetched at once: each is a manifest and two signatures. */
const PAGE = 32;

export function ReleaseList(): VNode {
  const { transport } = useConnection();
  const [shown, setShown] = useState(PAGE);
  const [wanted, setWanted] = useState('');
  const listed = useLoaded(() => listReleases(transport), [transport]);
  if (listed.kind === 'loading') return <Busy what="asking the host which releases it has" />;
  if (listed.kind === 'failed') return <Problem title="The host did not list its releases." error={listed.error} />;
  const fitting = listed.value.filter(({ name }) => name.includes(wanted.trim().toLowerCase()));
  return (
    <>
      <PolicyPicker />
      <p class="soft">
        {counted(listed.value.length)} <HostWord /> Each is fetched, and shown only if its manifest has the id that it
        is listed under and its owner signed it.
      </p>
      <label class="model-search">
        Search by name
        <input type="search" value={wanted} onInput={({ currentTarget }) => setWanted(currentTarget.value)} />
      </label>
      <ul class="releases">
        {fitting.slice(0, shown).map((release) => (
          <ReleaseRow key={toHex(release.modelId)} listed={release} />
        ))}
      </ul>
      {fitting.length === 0 ? <p>The host lists none of that name.</p> : null}
      {fitting.length > shown ? (
        <button type="button" onClick={() => setShown(shown + PAGE)}>
          Show more of the {fitting.length}
        </button>
      ) : null}
    </>
  );
}

interface Row {
  readonly release: ShownRelease;
  readonly standing: Standing;
}

function ReleaseRow({ listed }: { readonly listed: ListedRelease }): VNode {
  const { transport } = useConnection();
  const policy = usePolicy();
  const publishers = useMemo(() => publishersOf(policy), [policy]);
  const { modelId } = listed;
  const loaded = useLoaded(async (): Promise<Row> => {
    const release = await readRelease(transport, modelId, { publishers, suite: webSuite });
    const memory = seenStatuses;
    return { release, standing: await readStanding(transport, release.facts, { memory, suite: webSuite }) };
  }, [transport, toHex(modelId), publishers]);
  return (
    <li class="release">
      {loaded.kind === 'loading' ? (
        <p class="soft">
          {visible(listed.name)} {visible(listed.version)} <HostWord /> is being checked
        </p>
      ) : null}
      {loaded.kind === 'failed' ? (
        <Problem title={`What is listed as ${visible(listed.name)} is not shown.`} error={loaded.error} />
      ) : null}
      {loaded.kind === 'ready' ? <CheckedRow row={loaded.value} policyKind={policy.kind} /> : null}
    </li>
  );
}

function CheckedRow({ row, policyKind }: { readonly row: Row; readonly policyKind: 'none' | 'chosen' }): VNode {
  const { facts, verdict } = row.release;
  const { manifest, modelId } = facts;
  const id = toHex(modelId);
  return (
    <>
      <p class="release-head">
        <a href={hrefOf({ view: 'models', modelId: id })}>
          {manifest.name} {manifest.version}
        </a>{' '}
        <span class="tag">{manifest.kind}</span>{' '}
        {policyKind === 'none' ? (
          <span class="tag unproven">signed; no policy to accept it</span>
        ) : (
          <span class={`tag ${verdict.verdict}`}>
            {verdict.verdict === 'accepted' ? 'publisher accepted' : verdict.code}
          </span>
        )}{' '}
        <StandingTag standing={row.standing} />
      </p>
      <p>{visible(manifest.description)}</p>
      <p class="soft">
        {visible(manifest.licence)} · <Hex value={modelId} name="model id" />
      </p>
    </>
  );
}

const TONES = { active: 'accepted', deprecated: 'refused', yanked: 'untrusted' } as const;

export function StandingTag({ standing }: { readonly standing: Standing }): VNode {
  if (standing.kind === 'none') return <span class="tag unproven">no status shown</span>;
  if (standing.kind === 'refused') return <span class="tag untrusted">{standing.verdict.code}</span>;
  const { status } = standing.facts;
  return <span class={`tag ${TONES[status]}`}>{status}, signed</span>;
}

function counted(releases: number): string {
  return releases === 1 ? 'one release' : `${releases} releases`;
}
