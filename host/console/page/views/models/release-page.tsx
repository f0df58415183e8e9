import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import { codeMeanings, type RefusedCode } from '../../../../../verifier/index.ts';
import { webSuite } from '../../../../../wire/crypto/web.ts';
import { useConnection, usePolicy } from '../../connection/context.tsx';
import type { PolicyState } from '../../connection/policy.ts';
import { Busy } from '../../parts/busy.tsx';
import { CheckList } from '../../parts/check-list.tsx';
import { useLoaded } from '../../parts/loaded.ts';
import { PolicyPicker } from '../../parts/policy-picker.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { hrefOf } from '../../routes.ts';
import { FailurePanel } from '../play/failure-panel.tsx';
import { CardOf } from './card-of.tsx';
import { FilesOf } from './files.tsx';
import { LevelOffersOf } from './level-offers.tsx';
import { OnChain } from './on-chain-card.tsx';
import { listsModel, publishersOf } from './policy-words.ts';
import { AboutRelease, ExecutionOf, TensorsOf } from './release-facts.tsx';
import { idOf, readRelease, readStanding, type ShownRelease } from './releases.ts';
import { SamplesOf } from './samples-card.tsx';
import { StandingVerdict } from './standing-verdict.tsx';
import { seenStatuses } from './status-memory.ts';
import { VersionsOf } from './versions.tsx';

export function ReleasePage({ modelId }: { readonly modelId: string }): VNode {
  const { transport } = useConnection();
  const policy = usePolicy();
  const publishers = useMemo(() => publishersOf(policy), [policy]);
  const loaded = useLoaded(
    () => readRelease(transport, idOf(modelId), { publishers, suite: webSuite }),
    [transport, modelId, publishers],
  );
  return (
    <>
      <p>
        <a href={hrefOf({ view: 'models', modelId: undefined })}>All models</a>
      </p>
      {loaded.kind === 'loading' ? <Busy what="asking the host for the release" /> : null}
      {loaded.kind === 'failed' ? <FailurePanel of="this release" error={loaded.error} /> : null}
      {loaded.kind === 'ready' ? <Release shown={loaded.value} policy={policy} /> : null}
    </>
  );
}

function Release({ shown, policy }: { readonly shown: ShownRelease; readonly policy: PolicyState }): VNode {
  const { facts } = shown;
  const { transport } = useConnection();
  const { manifest, modelId } = facts;
  return (
    <>
      <h2 class="release-title">
        {manifest.name} {manifest.version}
      </h2>
      <ReleaseVerdict shown={shown} policy={policy} />
      <PolicyPicker />
      <StandingOf shown={shown} />
      <p class="actions">
        <a class="button" href={hrefOf({ view: 'play', modelId: idText(modelId) })}>
          Open in the playground
        </a>
        {listsModel(policy, modelId) === 'not-listed' ? (
          <span class="soft">Your policy does not list this model: its answers will be refused.</span>
        ) : null}
      </p>
      <AboutRelease facts={facts} />
      <TensorsOf manifest={manifest} />
      <CardOf from={{ host: transport, release: facts, suite: webSuite }} />
      <ExecutionOf manifest={manifest} />
      <LevelOffersOf release={facts} />
      <SamplesOf release={facts} />
      <VersionsOf release={facts} />
      <FilesOf manifest={manifest} />
      <OnChain release={facts} />
    </>
  );
}

function idText(modelId: Uint8Array): string {
  return [...modelId].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function ReleaseVerdict({
  shown,
  policy,
}: {
  readonly shown: ShownRelease;
  readonly policy: PolicyState;
}): VNode {
  const { verdict, facts } = shown;
  const of = `release ${facts.manifest.name} ${facts.manifest.version}`;
  const checks = (
    <details>
      <summary>Every check of the release</summary>
      <CheckList title="Release" checks={verdict.checks} />
    </details>
  );
  if (policy.kind === 'none') {
    return (
      <Verdict
        verdict="undetermined"
        of={of}
        meaning="Its owner signed it. Whether you accept this owner is not decided: no policy is chosen."
      >
        {checks}
      </Verdict>
    );
  }
  if (verdict.verdict === 'accepted') {
    const meaning = 'The manifest has this model id, its owner signed it, and your policy accepts the owner.';
    return (
      <Verdict verdict="accepted" of={of} meaning={meaning}>
        {checks}
      </Verdict>
    );
  }
  const { code } = verdict;
  return (
    <Verdict verdict={verdict.verdict} of={of} code={code} meaning={meaningOf(code)}>
      {checks}
    </Verdict>
  );
}

function meaningOf(code: string): string {
  return Object.hasOwn(codeMeanings.refused, code) ? codeMeanings.refused[code as RefusedCode] : 'it is not accepted';
}

function StandingOf({ shown }: { readonly shown: ShownRelease }): VNode {
  const { transport } = useConnection();
  const standing = useLoaded(
    () => readStanding(transport, shown.facts, { memory: seenStatuses, suite: webSuite }),
    [transport, shown],
  );
  if (standing.kind === 'loading') return <Busy what="asking the host what the owner says of it now" />;
  if (standing.kind === 'failed') return <FailurePanel of="the owner’s status" error={standing.error} />;
  return <StandingVerdict standing={standing.value} />;
}
